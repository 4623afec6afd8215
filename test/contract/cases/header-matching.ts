/** Conditions on request headers, wherever they stand, and who a request is taken to come from. */
import type { ContractCase, JsonObject } from "../harness/case.ts";
import { get, header, inTurn, toCluster } from "../harness/steps.ts";

/** Requests that meet the condition are forwarded, the others find no route. */
function route(matcher: JsonObject): readonly JsonObject[] {
  return [{ match: { prefix: "/", headers: [matcher] }, route: { cluster: "a" } }];
}

const TWICE = [get("/", "x-a: 1", "x-a: 2"), get("/", "x-a: 2", "x-a: 1"), get("/", "x-a: 1,2"), get("/", "x-a: 1")];

const CLIENT = toCluster(
  "/",
  "a",
  {},
  {
    request_headers_to_add: [
      header("x-client", "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%"),
      header("x-direct", "%DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT%"),
    ],
  },
);

export const CASES: readonly ContractCase[] = [
  {
    name: "each line of a header is matched by itself",
    feature: "Header matchers: repeated headers",
    routes: route({ name: "x-a", string_match: { exact: "1" } }),
    client: inTurn(...TWICE),
  },
  {
    name: "the lines' join is not matched",
    feature: "Header matchers: repeated headers",
    routes: route({ name: "x-a", string_match: { exact: "1,2" } }),
    client: inTurn(...TWICE),
  },
  {
    name: "inverted, no line may match",
    feature: "Header matchers: repeated headers",
    routes: route({ name: "x-a", string_match: { exact: "1" }, invert_match: true }),
    client: inTurn(...TWICE, get("/", "x-a: 2", "x-a: 3"), get()),
  },
  {
    name: "a range, line by line",
    feature: "Header matchers: repeated headers",
    routes: route({ name: "x-a", range_match: { start: 1, end: 5 } }),
    client: inTurn(get("/", "x-a: 9", "x-a: 4"), get("/", "x-a: 9", "x-a: 8"), get("/", "x-a: x")),
  },
  {
    name: "headers that are joined as they come are one line",
    feature: "Header matchers: repeated headers",
    routes: route({ name: "accept", string_match: { exact: "b" } }),
    client: inTurn(get("/", "accept: a", "accept: b"), get("/", "accept: b")),
  },
  {
    name: "cookies stay apart",
    feature: "Header matchers: repeated headers",
    routes: route({ name: "cookie", string_match: { exact: "b=1" } }),
    client: inTurn(get("/", "cookie: a=1", "cookie: b=1"), get("/", "cookie: a=1; b=1")),
  },
  {
    name: "the client's address is the last of x-forwarded-for",
    feature: "Client address: x-forwarded-for",
    routes: [CLIENT],
    client: inTurn(get("/", "x-forwarded-for: 10.1.1.1, 10.2.2.2"), get("/", "x-forwarded-for: bogus"), get()),
  },
  {
    name: "trusted hops count from the right",
    feature: "Client address: x-forwarded-for",
    routes: [CLIENT],
    manager: { xff_num_trusted_hops: 1 },
    client: inTurn(get("/", "x-forwarded-for: 10.1.1.1,10.2.2.2"), get("/", "x-forwarded-for: 10.1.1.1")),
  },
  {
    name: "at the edge it is the peer's",
    feature: "Client address: x-forwarded-for",
    routes: [CLIENT],
    manager: { use_remote_address: true },
    mask: [[/(x-forwarded-for: (?:10\.1\.1\.1,)?)\d+\.\d+\.\d+\.\d+$/, "$1{own address}"]],
    client: inTurn(get("/", "x-forwarded-for: 10.1.1.1"), get()),
  },
  {
    name: "at the edge behind trusted hops it is what the first of them tells",
    feature: "Client address: x-forwarded-for",
    routes: [CLIENT],
    manager: { use_remote_address: true, xff_num_trusted_hops: 1 },
    mask: [[/(x-forwarded-for: .*,)\d+\.\d+\.\d+\.\d+$/, "$1{own address}"]],
    client: inTurn(get("/", "x-forwarded-for: 10.1.1.1,10.2.2.2")),
  },
  {
    name: "a client that is told by a header has no port",
    feature: "Client address: x-forwarded-for",
    routes: [
      toCluster(
        "/",
        "a",
        {},
        {
          request_headers_to_add: [
            header("x-client", "%DOWNSTREAM_REMOTE_ADDRESS%"),
            header("x-port", "%DOWNSTREAM_REMOTE_PORT%"),
          ],
        },
      ),
    ],
    client: inTurn(get("/", "x-forwarded-for: 10.1.1.1"), get("/", "x-forwarded-for: 2001:db8::1")),
  },
];
