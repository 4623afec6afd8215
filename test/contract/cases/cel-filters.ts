/** Access log filters by expressions (CEL): which requests are logged. */
import type { ContractCase } from "../harness/case.ts";
import { answer, get, inTurn, post, request, toCluster, typed } from "../harness/steps.ts";

const FEATURE = "Access log: filters by CEL expressions";

/** Requests that differ in all that an expression may ask for. */
const REQUESTS = [
  get("/a?q=1", "x-a: b", "user-agent: curl/8", "referer: r"),
  get("/health", "user-agent: kube-probe/1"),
  post("hello", "x-a: c"),
  request("PUT", "/missing", "content-length: 0"),
  get("/direct"),
];

function logged(expression: string, parts: Partial<ContractCase> = {}): ContractCase {
  return {
    name: expression,
    feature: FEATURE,
    manager: {
      access_log: [
        {
          name: "f",
          filter: {
            extension_filter: {
              name: "cel",
              typed_config: typed("extensions.access_loggers.filters.cel.v3.ExpressionFilter", { expression }),
            },
          },
          typed_config: typed("extensions.access_loggers.file.v3.FileAccessLog", {
            path: "{log}",
            log_format: { text_format_source: { inline_string: "%REQ(:METHOD)% %REQ(:PATH)% %RESPONSE_CODE%\n" } },
          }),
        },
      ],
    },
    routes: [
      { name: "d", match: { prefix: "/direct" }, direct_response: { status: 418 } },
      toCluster("/missing", "b", {}, { name: "m" }),
      toCluster("/", "a", {}, { name: "r" }),
    ],
    clusters: { a: {}, b: { endpoints: [] } },
    upstreams: { a: answer(200, "a", "x-up: 1") },
    client: inTurn(...REQUESTS),
    ...parts,
  };
}

export const CASES: readonly ContractCase[] = [
  ...[
    "true",
    "response.code >= 400",
    "response.code >= 400 && response.code < 500",
    'response.code == 418 || request.method == "POST"',
    "!(response.code == 200)",
    "response.code in [418, 503]",
    'request.url_path.startsWith("/health")',
    'request.url_path == "/a"',
    'request.path == "/a?q=1"',
    'request.query == "q=1"',
    '!request.useragent.startsWith("kube-probe")',
    'has(request.useragent) && !request.useragent.startsWith("kube-probe")',
    'request.headers["x-a"] == "b"',
    'request.headers["X-A"] == "b"',
    '"x-a" in request.headers',
    '!("x-a" in request.headers)',
    'request.headers["x-a"] != "b"',
    'request.headers["x-a"] == "b" || request.method == "PUT"',
    'request.method == "PUT" || request.headers["x-a"] == "b"',
    'request.headers["x-a"] == "b" && request.method == "GET"',
    'request.headers[":path"] == "/health"',
    'request.headers.host == "a.test"',
    'request.host == "a.test" && request.scheme == "http"',
    'request.referer == "r"',
    'request.protocol == "HTTP/1.1"',
    "request.size > 0",
    'request.duration < duration("10s")',
    'request.duration > duration("1h30m")',
    "response.size == 1",
    'response.headers["x-up"] == "1"',
    "response.flags != 0",
    "response.flags == 2",
    'response.code_details == "via_upstream"',
    'response.code_details.contains("upstream")',
    "response.grpc_status == 14",
    'source.address.startsWith("127.0.0.1:")',
    "destination.port > 0",
    'upstream.address.startsWith("127.0.0.1:")',
    "upstream.request_attempt_count == 1",
    'xds.cluster_name == "b"',
    'xds.route_name == "d"',
    'request.path.matches("^/[ah]")',
    'request.path.matches("heal")',
    'matches(request.path, "a$")',
    "size(request.method) == 3",
    "request.method.size() == 4",
    'response.code == "200"',
    "response.code == 200.0",
    "response.code > 399.5",
    "response.code",
    '(response.code == 200 ? request.method : "x") == "GET"',
    "response.code % 100 == 18",
    "response.code / 100 == 2",
    "-response.code < -417",
    "response.code + 1 == 201",
    "response.code == 0xC8",
    "request.method in ['GET', \"PUT\"]",
    "request.path == r'/health'",
    "request.path == '\\x2fhealth'",
    "1 == 1 // a comment",
    "request.method < 'H'",
    "null == null",
    "true && !false",
    "[1, 2] == [1, 2]",
    "2 + 3 * 4 == 14 && (2 + 3) * 4 == 20",
    "1 / 0 == 1 || true",
  ].map((expression) => logged(expression)),
  ...["response.code >=", "(true", "true)", "a b", "'open", "1 +* 2", ""].map((expression) => ({
    ...logged(expression),
    name: `refused: ${expression}`,
    refused: true as const,
  })),
];
