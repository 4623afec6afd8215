/** Command operators in header values: what there is to say of a request on its way up, and of its response on its way down. */
import { type ContractCase, type JsonObject, REFUSED } from "../harness/case.ts";
import { answer, get, got, header, toCluster } from "../harness/steps.ts";

const FEATURE = "Header values: command operators";
const METADATA = { filter_metadata: { ns: { s: "str", n: 1.5 } } } as const;

/** One header for each format, `h0` and so on, in both directions. */
function both(name: string, formats: readonly string[], parts: Partial<ContractCase> = {}): ContractCase {
  const list = (prefix: string): JsonObject[] => formats.map((format, i) => header(`${prefix}${i}`, format));
  return {
    name,
    feature: FEATURE,
    router: { suppress_envoy_headers: true },
    routes: [
      {
        name: "r",
        ...toCluster("/", "a"),
        metadata: METADATA,
        request_headers_to_add: list("q"),
        response_headers_to_add: list("p"),
      },
    ],
    clusters: { a: { metadata: METADATA, alt_stat_name: "alt" } },
    upstreams: { a: answer(200, "hi", "x-up: U", "x-up: V") },
    client: [get("/p?a=1%202", "x-in: inn", "x-rep: 1", "x-rep: 2")],
    ...parts,
  };
}

const UPSTREAM = ["%UPSTREAM_HOST%", "%UPSTREAM_CLUSTER%", "%UPSTREAM_CLUSTER_RAW%", "%UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%", "%UPSTREAM_PROTOCOL%", "%UPSTREAM_HOST_NAME_WITHOUT_PORT%", "%UPSTREAM_REQUEST_ATTEMPT_COUNT%", "%UPSTREAM_WIRE_BYTES_RECEIVED%"]; // prettier-ignore
const RESULT = ["%RESPONSE_CODE%", "%RESPONSE_FLAGS%", "%RESPONSE_CODE_DETAILS%", "%RESP(:STATUS)%", "%RESP(x-up)%", "%RESPONSE_HEADERS_BYTES%", "%BYTES_SENT%", "%ROUTE_NAME%", "%LOCAL_REPLY_BODY%", "%ACCESS_LOG_TYPE%"]; // prettier-ignore

export const CASES: readonly ContractCase[] = [
  both("request headers", ["%REQ(x-in)%", "a%REQ(x-none)%b", "%REQ(x-none)%", "%REQ(x-none?x-in)%", "%REQ(x-in):2%", "%REQ(x-rep)%", "%REQ(x-none)%", "%REQ(:PATH)% %REQ(:METHOD)% %REQ(:AUTHORITY)%", "%QUERY_PARAM(a)%", "%PATH(NQ)%", "%%x%%"]), // prettier-ignore
  both("the connection", ["%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%", "%DOWNSTREAM_LOCAL_ADDRESS%", "%DOWNSTREAM_LOCAL_PORT%", "%DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT(8)%", "%PROTOCOL%", "%DOWNSTREAM_TLS_VERSION%", "%DOWNSTREAM_PEER_URI_SAN%", "%LISTENER_NAME%", "%DOWNSTREAM_WIRE_BYTES_RECEIVED%", "%STREAM_ID%"], { mask: [[/^(q|p)2: \d+$/, "$12: {port}"]] }), // prettier-ignore
  both("the upstream", UPSTREAM),
  both("the upstream, where nothing listens", UPSTREAM, { upstreams: { a: REFUSED } }),
  both("the result", RESULT),
  both("the result, where nothing listens", RESULT, { upstreams: { a: REFUSED } }),
  both("metadata", ["%METADATA(ROUTE:ns:s)%", "%METADATA(ROUTE:ns:n)%", "%METADATA(ROUTE:ns)%", "%CLUSTER_METADATA(ns:s)%", '%UPSTREAM_METADATA(["ns","s"])%', '%DYNAMIC_METADATA(["ns", "s"])%', "%PER_REQUEST_STATE(x)%", "%FILTER_STATE(x)%"]), // prettier-ignore
  both("environment, times, coalesced", ["%ENVIRONMENT(NO_SUCH_VARIABLE)%", "%START_TIME(%Z)%", '%COALESCE({"operators":["REQUESTED_SERVER_NAME",{"command":"REQ","param":"x-in"}]})%', "%VIRTUAL_CLUSTER_NAME%", "%GRPC_STATUS%"]), // prettier-ignore
  {
    name: "an absent value that is kept",
    feature: FEATURE,
    routes: [toCluster("/", "a", {}, { request_headers_to_add: [header("x-kept", "%REQ(x-none)%", undefined, { keep_empty_value: true }), header("x-left-out", "%REQ(x-none)%")] })], // prettier-ignore
    client: [get()],
  },
  {
    name: "values and conditions of a level see what was there before it, but for what it removes",
    feature: FEATURE,
    virtualHost: { request_headers_to_add: [header("x-seen", "%REQ(x-a)% %REQ(x-b)%", "OVERWRITE_IF_EXISTS_OR_ADD")], response_headers_to_add: [header("x-seen", "%RESP(x-a)%")] }, // prettier-ignore
    routes: [
      toCluster(
        "/",
        "a",
        {},
        {
          request_headers_to_remove: ["x-gone"],
          request_headers_to_add: [
            header("x-a", "1"),
            header("x-b", "%REQ(x-a)%.%REQ(x-c)%.%REQ(x-gone)%."),
            header("x-c", "2", "OVERWRITE_IF_EXISTS_OR_ADD"),
            header("x-c", "3", "OVERWRITE_IF_EXISTS"),
            header("x-d", "4", "ADD_IF_ABSENT"),
            header("x-d", "5", "ADD_IF_ABSENT"),
            header("x-e", "6"),
            header("x-e", "7", "OVERWRITE_IF_EXISTS"),
          ],
          response_headers_to_add: [header("x-a", "1"), header("x-b", "%RESP(x-a)%."), header("x-c", "%RESP(x-b)%", "ADD_IF_ABSENT")], // prettier-ignore
        },
      ),
    ],
    client: [get("/", "x-c: 0", "x-gone: 0"), got(1), get("/")],
  },
  {
    name: "values of every level",
    feature: FEATURE,
    routeConfig: { request_headers_to_add: [header("x-l", "config %REQ(:METHOD)%")] },
    virtualHost: { request_headers_to_add: [header("x-l", "host %REQ(:METHOD)%")] },
    routes: [{ match: { prefix: "/" }, request_headers_to_add: [header("x-l", "route %REQ(:METHOD)%")], route: { weighted_clusters: { clusters: [{ name: "a", weight: 1, request_headers_to_add: [header("x-l", "cluster %REQ(:METHOD)%")], response_headers_to_add: [header("x-r", "%RESPONSE_CODE%")] }] } } }], // prettier-ignore
    client: [get()],
  },
  ...["%FOO%", "%REQ(x)", "%REQ()%", "%PROTOCOL:1%"].map((format): ContractCase => ({
    name: `refused: ${format}`,
    feature: FEATURE,
    routes: [toCluster("/", "a", {}, { request_headers_to_add: [header("x", format)] })],
    refused: true,
    client: [get()],
  })),
];
