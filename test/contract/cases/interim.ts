/** What follows an interim response (1xx) that has gone to the client. */
import type { ContractCase } from "../harness/case.ts";
import { RESET, close, gate, get, got, head, open, reset, toCluster } from "../harness/steps.ts";

const FEATURE = "Interim responses: what follows";
const HINTS = head("HTTP/1.1 103 Early Hints", "link: x");
const LOG = "%RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %BYTES_SENT%";

function row(name: string, parts: Partial<ContractCase>): ContractCase {
  return {
    name,
    feature: FEATURE,
    manager: { proxy_100_continue: true },
    upstreams: { a: { answers: [[HINTS, gate("never")]], early: true } },
    client: [get(), got("103")],
    accessLog: LOG,
    ...parts,
  };
}

export const CASES: readonly ContractCase[] = [
  row("the client resets", { client: [get(), got("103"), reset()] }),
  row("the client closes", { client: [get(), got("103"), close()] }),
  row("the client closes after 100", {
    upstreams: { a: { answers: [[head("HTTP/1.1 100 Continue"), gate("never")]], early: true } },
    client: ["POST / HTTP/1.1\r\nHost: a\r\ncontent-length: 5\r\nexpect: 100-continue\r\n\r\n", got("100"), close()],
  }),
  row("the client goes in the middle of the answer", {
    upstreams: { a: { answers: [[HINTS, gate("go"), `${head("HTTP/1.1 200 OK", "content-length: 5")}ab`, gate("never")]], early: true } }, // prettier-ignore
    client: [get(), got("103"), open("go"), got("ab"), close()],
  }),
  row("the upstream resets", {
    upstreams: { a: { answers: [[HINTS, RESET]], early: true } },
    client: [get(), got("503")],
  }),
  row("the upstream resets, which would be tried again", {
    routes: [toCluster("/", "a", { retry_policy: { retry_on: "5xx,reset" } })],
    upstreams: { a: { answers: [[HINTS, RESET]], early: true } },
    client: [get(), got("503")],
  }),
  row("a timeout", { routes: [toCluster("/", "a", { timeout: "0.2s" })], client: [get(), got("504")] }),
  {
    ...row("interim responses that are not passed on", { manager: {} }),
    upstreams: { a: { answers: [[HINTS, gate("go"), RESET]], early: true } },
    client: [get(), open("go"), got("503")],
  },
];
