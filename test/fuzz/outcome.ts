/**
 * What of two observations has to be the same. For whole messages: all of it. For bytes that are nearly messages: what the client
 * was answered and what reached an upstream, unless Tulle refuses what docs/compatibility-notes/http1-strictness.md says that it refuses.
 */
import { isDeepStrictEqual } from "node:util";
import type { Observation } from "../contract/harness/case.ts";
import type { Exchange } from "./exchange.ts";

export function agree(exchange: Exchange, envoy: Observation, tulle: Observation): boolean {
  if (exchange.raw !== true) return isDeepStrictEqual(envoy, tulle);
  const [left, right] = [outcome(envoy), outcome(tulle)];
  return (
    isDeepStrictEqual(left, right) || refusesRequest(exchange, left, right) || refusesAnswer(exchange, left, right)
  );
}

interface Outcome {
  readonly statuses: readonly number[];
  /** The connection stays. */
  readonly open: boolean;
  readonly upstreams: Observation["upstreams"];
  /** What an upstream said was refused. */
  readonly protocolError: boolean;
}

function outcome({ client, upstreams }: Observation): Outcome {
  const { received = [], end } = client?.["c"] ?? {};
  const closing = end !== undefined || received.some((line) => /^connection: close$/i.test(line));
  return {
    statuses: received.filter((line) => /^HTTP\/1\.[01] \d/.test(line)).map((line) => Number(line.split(" ")[1])),
    open: !closing,
    upstreams,
    protocolError:
      received.some((line) => line.includes("reset reason: protocol error")) ||
      received.includes("HTTP/1.1 502 Bad Gateway"),
  };
}

/** The rows of the note, as what bytes look like. */
const STRICTER: readonly RegExp[] = [
  /^host[ \t]*:[^]*^host[ \t]*:/im,
  /(^|[^\r])\n/,
  /\r(?!\n)/,
  /^(?!\S+ \S+ HTTP\/\d\.\d\r\n)[^\r\n]*[ \t]/,
  /\r\n(?!\S+ \S+ HTTP\/\d\.\d\r\n)(GET|POST|PUT|HEAD|OPTIONS|DELETE)[ \t]/,
  /^content-length:[ \t]*\d{16}/im,
  /^transfer-encoding:[ \t]*chunked/im,
  / HTTP\/1\.0\r\n[^]*^transfer-encoding:/im,
];

const REFUSALS: readonly (number | undefined)[] = [400, 426, 431, 501];

/** What both answered alike comes first; then Tulle refuses what Envoy takes, or only one of them has seen yet that nothing can become of it. */
function refusesRequest({ request }: Exchange, envoy: Outcome, tulle: Outcome): boolean {
  const text = request.join("");
  const refused = REFUSALS.includes(tulle.statuses.at(-1));
  const before = tulle.statuses.slice(0, -1);
  if (
    refused &&
    isDeepStrictEqual(before, envoy.statuses.slice(0, before.length)) &&
    before.length >= upstreamRequests(tulle)
  )
    return STRICTER.some((row) => row.test(text)) || isUnfinished(text, envoy, tulle);
  return isUnfinished(text, envoy, tulle);
}

function upstreamRequests({ upstreams }: Outcome): number {
  return Object.values(upstreams ?? {}).flatMap((streams) => streams.flatMap(({ received }) => received)).filter((line) => line.endsWith(" HTTP/1.1")).length; // prettier-ignore
}

/** The request's last head has not ended: one answers already, the other would if the rest came. */
function isUnfinished(text: string, envoy: Outcome, tulle: Outcome): boolean {
  const [fewer, more] = envoy.statuses.length < tulle.statuses.length ? [envoy, tulle] : [tulle, envoy];
  const early = more.statuses.length === fewer.statuses.length + 1 && REFUSALS.includes(more.statuses.at(-1));
  return early && isDeepStrictEqual(fewer.upstreams, more.upstreams) && !text.endsWith("\r\n\r\n");
}

const STRICTER_ANSWERS: readonly RegExp[] = [
  /(^|[^\r])\n/,
  /\r(?!\n)/,
  /^HTTP\/1\.1 (101|0\d\d|\d\d|\d{4,}) /m,
  /^transfer-encoding:[ \t]*\r/im,
];

function refusesAnswer({ answer }: Exchange, envoy: Outcome, tulle: Outcome): boolean {
  const text = answer.filter((act) => typeof act === "string").join("");
  if (!tulle.protocolError || !isDeepStrictEqual(envoy.upstreams, tulle.upstreams)) return false;
  // Envoy waits for the end of a head that has been wrong for long.
  const final = text.replace(/^(HTTP\/1\.1 1[^]*?\r\n\r\n)+/, "");
  if (envoy.statuses.length < tulle.statuses.length && !final.includes("\r\n\r\n")) return true;
  return STRICTER_ANSWERS.some((row) => row.test(text));
}
