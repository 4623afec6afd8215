/** Access logs: which requests are logged, and when. */
import { type ContractCase, type Json, type JsonObject, REFUSED } from "../harness/case.ts";
import { FILE, named, text } from "../harness/access-log.ts";
import { close, elapse, ended, gate, get, got, head, inTurn, toCluster, typed } from "../harness/steps.ts";

const compare = (op: string, value: number): JsonObject => ({
  comparison: { op, value: { default_value: value, runtime_key: "k" } },
});
const status = (op: string, value: number): JsonObject => ({ status_code_filter: compare(op, value) });

const RBAC = "envoy.filters.http.rbac";
const SHADOW_RESULT = { filter: RBAC, path: [{ key: "shadow_engine_result" }] } as const;
const NOTHING = { filter: RBAC, path: [{ key: "none" }], value: { string_match: { exact: "a" } } } as const;

/** By what a filter has found out: here that a request to /a would be denied. */
function byMetadata(name: string, filter: JsonObject): ContractCase {
  const denied = { permissions: [{ url_path: { path: { exact: "/a" } } }], principals: [{ any: true }] };
  return {
    ...filtered(name, { metadata_filter: filter }),
    filters: [
      {
        name: RBAC,
        typed_config: typed("extensions.filters.http.rbac.v3.RBAC", {
          shadow_rules: { action: "DENY", policies: { p: denied } },
        }),
      },
    ],
    client: inTurn(get("/a"), get("/b")),
  };
}

/** Two requests, of which the filter lets some be logged. */
function filtered(name: string, filter: JsonObject, parts: Partial<ContractCase> = {}): ContractCase {
  return {
    name,
    feature: "Access log: filters",
    manager: text("%REQ(:PATH)% %RESPONSE_CODE%", { filter }),
    routes: [{ match: { prefix: "/no" }, direct_response: { status: 404 } }, toCluster("/", "a")],
    client: inTurn(get("/no", "x-log: 1"), get("/yes")),
    ...parts,
  };
}

const id = (low: string): string => `x-request-id: ${low}-0000-4000-8000-000000000000`;
const FILTER_CASES: readonly ContractCase[] = [
  filtered("status EQ", status("EQ", 404)),
  filtered("status GE", status("GE", 300)),
  filtered("status LE", status("LE", 200)),
  filtered("status NE", status("NE", 200)),
  ...[
    ["a string", { string_match: { exact: "denied" } }, {}],
    ["another string", { string_match: { exact: "allowed" } }, {}],
    ["inverted, which has no effect", { string_match: { exact: "denied" } }, { invert: true }],
    ["present", { present_match: true }, {}],
  ].map(([what, value, more]) => byMetadata(`metadata: ${what as string}`, { matcher: { ...SHADOW_RESULT, value: value as JsonObject, ...(more as JsonObject) } })), // prettier-ignore
  byMetadata("metadata: of nothing", { matcher: NOTHING }),
  byMetadata("metadata: of nothing, which is not to match", { matcher: NOTHING, match_if_key_not_found: false }),
  filtered("traceable, where nothing is traced", { traceable_filter: {} }),
  ...(
    [
      ["by chance", "x-b: 1"],
      ["by force", "x-envoy-force-trace: 1"],
      ["by the client", "x-client-trace-id: 1"],
    ] as const
  ).map(([what, line]): ContractCase => ({
    name: `filter: traceable, ${what}`,
    feature: "Access log: filters",
    manager: {
      ...text("%REQ(:PATH)%", { filter: { traceable_filter: {} } }),
      tracing: {},
      use_remote_address: true,
      internal_address_config: { cidr_ranges: [{ address_prefix: "127.0.0.0", prefix_len: 8 }] },
    },
    client: [get("/a", line), got(1)],
    mask: [[/^x-forwarded-for: .*$/, "x-forwarded-for: {address}"]],
  })),
  filtered("duration", { duration_filter: compare("GE", 60_000) }),
  filtered("not a health check", { not_health_check_filter: {} }),
  filtered("a header", { header_filter: { header: { name: "x-log", present_match: true } } }),
  filtered("no header", { header_filter: { header: { name: "x-log", present_match: true, invert_match: true } } }),
  filtered("and", {
    and_filter: {
      filters: [status("GE", 300), { header_filter: { header: { name: "x-log", string_match: { exact: "2" } } } }],
    },
  }),
  filtered("or", {
    or_filter: {
      filters: [status("EQ", 200), { header_filter: { header: { name: "x-log", string_match: { exact: "1" } } } }],
    },
  }),
  filtered("any flag", { response_flag_filter: {} }, { upstreams: { a: REFUSED } }),
  filtered("a flag", { response_flag_filter: { flags: ["UF", "NR"] } }, { upstreams: { a: REFUSED } }),
  filtered("a gRPC status", { grpc_status_filter: { statuses: ["UNIMPLEMENTED"] } }),
  filtered("not a gRPC status", { grpc_status_filter: { statuses: ["UNIMPLEMENTED"], exclude: true } }),
  filtered(
    "a fraction, by request id",
    { runtime_filter: { runtime_key: "k", percent_sampled: { numerator: 43 } } },
    { client: inTurn(get("/42", id("0000002a")), get("/43", id("0000002b")), get("/100", id("00000064"))) },
  ),
  filtered(
    "a kind of line",
    { log_type_filter: { types: ["DownstreamStart"] } },
    {
      manager: {
        ...text("%REQ(:PATH)% %ACCESS_LOG_TYPE%", { filter: { log_type_filter: { types: ["DownstreamStart"] } } }),
        access_log_options: { flush_access_log_on_new_request: true },
      },
    },
  ),
  filtered(
    "other kinds of lines",
    { log_type_filter: {} },
    {
      manager: {
        ...text("%REQ(:PATH)% %ACCESS_LOG_TYPE%", {
          filter: { log_type_filter: { types: ["DownstreamStart"], exclude: true } },
        }),
        access_log_options: { flush_access_log_on_new_request: true },
      },
    },
  ),
];

const LINES = "Access log: when there are lines";
const LINE =
  "%ACCESS_LOG_TYPE% %RESPONSE_CODE% %BYTES_SENT% %UPSTREAM_HOST% %ROUTE_NAME% %RESPONSE_CODE_DETAILS% %DOWNSTREAM_WIRE_BYTES_RECEIVED%";
const options = (fields: JsonObject): JsonObject => ({ ...text(LINE), access_log_options: fields as Json });

const LINE_CASES: readonly ContractCase[] = [
  {
    name: "at the start of a request",
    feature: LINES,
    manager: options({ flush_access_log_on_new_request: true }),
    routes: [named("/")],
    client: [get()],
  },
  {
    name: "at the start, as it was configured before",
    feature: LINES,
    manager: { ...text(LINE), flush_access_log_on_new_request: true },
    client: [get()],
  },
  {
    name: "no start of a malformed request",
    feature: LINES,
    manager: options({ flush_access_log_on_new_request: true }),
    client: [head("GET / HTTP/1.1", "bad"), ended()],
  },
  {
    name: "while a request goes on",
    feature: LINES,
    manager: options({ access_log_flush_interval: "0.2s" }),
    upstreams: { a: { answers: [[head("HTTP/1.1 200 OK", "content-length: 5") + "hel", gate("g"), "lo"]] } },
    client: [get(), got("hel"), elapse(300), { do: "let", gate: "g" }, got(1)],
  },
  {
    name: "when a tunnel is open",
    feature: LINES,
    manager: {
      ...options({ flush_log_on_tunnel_successfully_established: true }),
      upgrade_configs: [{ upgrade_type: "websocket" }],
    },
    upstreams: {
      a: {
        answers: [[head("HTTP/1.1 101 Switching Protocols", "connection: upgrade", "upgrade: websocket"), sees101()]],
        early: true,
      },
    },
    client: [get("/", "connection: upgrade", "upgrade: websocket"), got("101"), close()],
  },
  {
    name: "in several logs",
    feature: LINES,
    manager: {
      access_log: ["1", "2"].map((name) => ({
        name,
        typed_config: typed(FILE, { path: "{log}", log_format: { text_format: `${name} %RESPONSE_CODE%\n` } }),
      })),
    },
    client: [get()],
  },
];

function sees101(): ReturnType<typeof gate> {
  return gate("never");
}

export const CASES: readonly ContractCase[] = [...FILTER_CASES, ...LINE_CASES];
