/** Headers that routes add and remove: where, in which order, how, and with which values. */
import type { ContractCase, JsonObject } from "../harness/case.ts";
import { answer, get, header, toCluster } from "../harness/steps.ts";

const ACTIONS = ["APPEND_IF_EXISTS_OR_ADD", "ADD_IF_ABSENT", "OVERWRITE_IF_EXISTS_OR_ADD", "OVERWRITE_IF_EXISTS"];

/** One operation of the route on a request header. */
function onRequest(feature: string, name: string, operation: JsonObject, ...lines: string[]): ContractCase {
  return {
    name: `${feature}: ${name}`,
    feature: `Header mutations: ${feature}`,
    routes: [toCluster("/", "a", {}, operation)],
    client: [get("/x?y=z", ...lines)],
  };
}

function onResponse(feature: string, name: string, operation: JsonObject, ...lines: string[]): ContractCase {
  return {
    name: `${feature}: ${name}`,
    feature: `Header mutations: ${feature}`,
    routes: [toCluster("/", "a", {}, operation)],
    upstreams: { a: answer(200, "ok", ...lines) },
    client: [get("/x?y=z", "x-asked: 1")],
  };
}

function formats(formats: readonly string[], more: Partial<ContractCase> = {}): ContractCase[] {
  return formats.map((value) => ({
    name: `formats: ${value}`,
    feature: "Header mutations: formats",
    routes: [
      toCluster(
        "/",
        "a",
        {},
        {
          name: "the-route",
          request_headers_to_add: [header("x-out", value)],
          response_headers_to_add: [header("x-back", value)],
        },
      ),
    ],
    upstreams: { a: answer(200, "ok", "x-up: theirs") },
    client: [get("/x?y=z", "x-a: 1", "x-b: two words", "x-up: mine")],
    mask: [[/(?<=x-(?:out|back): )\d{5}$/, "{port}"]],
    ...more,
  }));
}

/** Every level says which one it is. */
function levels(name: string, most_specific_header_mutations_wins: boolean, append_action: string): ContractCase {
  const level = (value: string): JsonObject => ({
    request_headers_to_add: [header("x-level", value, append_action)],
    response_headers_to_add: [header("x-level", value, append_action)],
  });
  return {
    name: `levels: ${name}`,
    feature: "Header mutations: levels",
    routeConfig: { most_specific_header_mutations_wins, ...level("table") },
    virtualHost: level("host"),
    routes: [
      {
        match: { prefix: "/" },
        route: { weighted_clusters: { clusters: [{ name: "a", weight: 1, ...level("cluster") }] } },
        ...level("route"),
      },
    ],
    client: [get()],
  };
}

export const CASES: readonly ContractCase[] = [
  ...ACTIONS.flatMap((action) => [
    onRequest("append actions", `${action}, absent`, { request_headers_to_add: [header("x-a", "new", action)] }),
    onRequest(
      "append actions",
      `${action}, present`,
      { request_headers_to_add: [header("x-a", "new", action)] },
      "x-a: old",
      "x-z: 1",
    ),
    onRequest(
      "append actions",
      `${action}, twice`,
      { request_headers_to_add: [header("x-a", "new", action)] },
      "x-a: old",
      "x-a: older",
    ),
    onRequest(
      "append actions",
      `${action}, an inline header`,
      { request_headers_to_add: [header("user-agent", "new", action)] },
      "user-agent: old",
    ),
    onResponse(
      "append actions",
      `${action}, a response header`,
      { response_headers_to_add: [header("x-a", "new", action)] },
      "x-a: old",
      "x-z: 1",
    ),
    onResponse(
      "append actions",
      `${action}, an inline response header`,
      { response_headers_to_add: [header("cache-control", "new", action)] },
      "cache-control: old",
    ),
  ]),
  onRequest("append actions", "the default appends", { request_headers_to_add: [header("x-a", "new")] }, "x-a: old"),
  onRequest(
    "append actions",
    "append: false overwrites",
    { request_headers_to_add: [header("x-a", "new", undefined, { append: false })] },
    "x-a: old",
  ),
  onRequest(
    "append actions",
    "append: true appends",
    { request_headers_to_add: [header("x-a", "new", undefined, { append: true })] },
    "x-a: old",
  ),
  onRequest("append actions", "several of one name", {
    request_headers_to_add: [header("x-a", "1"), header("x-a", "2"), header("x-a", "3", "OVERWRITE_IF_EXISTS_OR_ADD")],
  }),
  onRequest("values", "an empty one is left out", { request_headers_to_add: [header("x-a", "")] }),
  onRequest("values", "an empty one, kept", {
    request_headers_to_add: [header("x-a", "", undefined, { keep_empty_value: true })],
  }),
  onRequest(
    "values",
    "an empty one does not overwrite",
    { request_headers_to_add: [header("x-a", "", "OVERWRITE_IF_EXISTS_OR_ADD")] },
    "x-a: old",
  ),
  onRequest("values", "a format that gives nothing", { request_headers_to_add: [header("x-a", "%REQ(x-none)%")] }),
  onRequest("values", "a percent sign", { request_headers_to_add: [header("x-a", "100%%")] }),
  onRequest(
    "values",
    "the name in capitals",
    { request_headers_to_add: [header("X-A", "1")], request_headers_to_remove: ["X-Gone"] },
    "x-gone: 1",
  ),
  onRequest("removal", "a header", { request_headers_to_remove: ["x-a"] }, "x-a: 1", "x-b: 2"),
  onRequest("removal", "all lines of it", { request_headers_to_remove: ["x-a"] }, "x-a: 1", "x-b: 2", "x-a: 3"),
  onRequest(
    "removal",
    "before additions",
    { request_headers_to_remove: ["x-a"], request_headers_to_add: [header("x-a", "new")] },
    "x-a: old",
  ),
  onRequest("removal", "of x-request-id and x-forwarded-proto", {
    request_headers_to_remove: ["x-request-id", "x-forwarded-proto"],
  }),
  onRequest("removal", "of x-envoy-expected-rq-timeout-ms", {
    request_headers_to_remove: ["x-envoy-expected-rq-timeout-ms"],
  }),
  onRequest("removal", "of content-length", { request_headers_to_remove: ["content-length"] }, "content-length: 0"),
  onRequest("removal", "one that is not there", { request_headers_to_remove: ["x-none"] }),
  onResponse("removal", "a response header", { response_headers_to_remove: ["x-a"] }, "x-a: 1", "x-b: 2"),
  onResponse("removal", "of date, server and x-envoy-upstream-service-time", {
    response_headers_to_remove: ["date", "server", "x-envoy-upstream-service-time"],
  }),
  onResponse(
    "removal",
    "before additions, in a response",
    { response_headers_to_remove: ["x-a"], response_headers_to_add: [header("x-a", "new")] },
    "x-a: old",
  ),
  onResponse("additions", "of server", {
    response_headers_to_add: [header("server", "mine", "OVERWRITE_IF_EXISTS_OR_ADD")],
  }),
  onResponse(
    "additions",
    "of set-cookie",
    { response_headers_to_add: [header("set-cookie", "b=2")] },
    "set-cookie: a=1",
  ),
  onResponse("additions", "of x-envoy-upstream-service-time", {
    response_headers_to_add: [header("x-envoy-upstream-service-time", "7", "OVERWRITE_IF_EXISTS_OR_ADD")],
  }),
  onRequest("additions", "of cookie", { request_headers_to_add: [header("cookie", "b=2")] }, "cookie: a=1"),
  onRequest(
    "additions",
    "of x-forwarded-for",
    { request_headers_to_add: [header("x-forwarded-for", "9.9.9.9")] },
    "x-forwarded-for: 1.1.1.1",
  ),
  onRequest("additions", "of te", { request_headers_to_add: [header("te", "trailers")] }),
  onRequest("additions", "of connection", { request_headers_to_add: [header("connection", "close")] }),
  levels("appended", false, "APPEND_IF_EXISTS_OR_ADD"),
  levels("overwritten", false, "OVERWRITE_IF_EXISTS_OR_ADD"),
  levels("appended, most specific wins", true, "APPEND_IF_EXISTS_OR_ADD"),
  levels("overwritten, most specific wins", true, "OVERWRITE_IF_EXISTS_OR_ADD"),
  levels("added if absent", false, "ADD_IF_ABSENT"),
  levels("added if absent, most specific wins", true, "ADD_IF_ABSENT"),
  {
    name: "levels: a removal of the table, an addition of the route",
    feature: "Header mutations: levels",
    routeConfig: { request_headers_to_remove: ["x-a"], response_headers_to_remove: ["x-a"] },
    routes: [
      toCluster(
        "/",
        "a",
        {},
        {
          request_headers_to_add: [header("x-a", "route")],
          response_headers_to_add: [header("x-a", "route")],
        },
      ),
    ],
    client: [get("/", "x-a: mine")],
  },
  {
    name: "levels: an addition of the table sees the request as the client sent it",
    feature: "Header mutations: levels",
    routeConfig: { request_headers_to_add: [header("x-seen", "%REQ(x-a)%")] },
    routes: [
      toCluster("/", "a", {}, { request_headers_to_add: [header("x-a", "route", "OVERWRITE_IF_EXISTS_OR_ADD")] }),
    ],
    client: [get("/", "x-a: mine")],
  },
  ...formats([
    "plain",
    "%PROTOCOL%",
    "%DOWNSTREAM_REMOTE_ADDRESS%",
    "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%",
    "%DOWNSTREAM_REMOTE_PORT%",
    "%DOWNSTREAM_DIRECT_REMOTE_ADDRESS%",
    "%DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT%",
    "%DOWNSTREAM_LOCAL_ADDRESS%",
    "%DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT%",
    "%DOWNSTREAM_LOCAL_PORT%",
    "%REQ(x-a)%",
    "%REQ(X-A)%",
    "%REQ(x-none)%",
    "%REQ(x-none?x-a)%",
    "%REQ(x-b):3%",
    "%REQ(:path)%",
    "%REQ(:PATH)%",
    "%REQ(:method)%",
    "%REQ(:authority)%",
    "%REQ(:scheme)%",
    "%REQ(host)%",
    "%RESP(x-up)%",
    "%RESPONSE_CODE%",
    "%ROUTE_NAME%",
    "%UPSTREAM_CLUSTER%",
    "%UPSTREAM_HOST%",
    "%UPSTREAM_REMOTE_ADDRESS%",
    "%UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%",
    "%RESPONSE_FLAGS%",
    "%RESPONSE_CODE_DETAILS%",
    "%VIRTUAL_CLUSTER_NAME%",
    "%DOWNSTREAM_TLS_VERSION%",
    "%DOWNSTREAM_PEER_SUBJECT%",
    "%REQUESTED_SERVER_NAME%",
    "%BYTES_RECEIVED%",
    "%UPSTREAM_REQUEST_ATTEMPT_COUNT%",
    "%DYNAMIC_METADATA(a:b)%",
    "%UPSTREAM_METADATA(a:b)%",
    "%FILTER_STATE(a)%",
    "%PER_REQUEST_STATE(a)%",
    "%ENVIRONMENT(NOT_SET_ANYWHERE)%",
    "before %REQ(x-a)% after %PROTOCOL%",
    "%REQ(x-none)%,%REQ(x-a)%",
    "%START_TIME(T)%",
    "%TRAILER(x)%",
    "%GRPC_STATUS%",
  ]),
  ...["%", "%REQ%", "%NOT_A_COMMAND%", "%REQ(x-a", "50% off"].map((value): ContractCase => ({
    name: `formats: ${value} is refused`,
    feature: "Header mutations: formats",
    routes: [toCluster("/", "a", {}, { request_headers_to_add: [header("x-a", value)] })],
    client: [],
    refused: true,
  })),
  ...[":path", "host", "Host", ":authority"].flatMap((name): ContractCase[] => [
    {
      name: `adding ${name} is refused`,
      feature: "Header mutations: what is refused",
      routes: [toCluster("/", "a", {}, { request_headers_to_add: [header(name, "x", "OVERWRITE_IF_EXISTS_OR_ADD")] })],
      client: [],
      refused: true,
    },
    {
      name: `removing ${name} is refused`,
      feature: "Header mutations: what is refused",
      routes: [toCluster("/", "a", {}, { request_headers_to_remove: [name] })],
      client: [],
      refused: true,
    },
  ]),
  {
    name: "an empty name is refused",
    feature: "Header mutations: what is refused",
    routes: [toCluster("/", "a", {}, { request_headers_to_add: [header("", "x")] })],
    client: [],
    refused: true,
  },
];
