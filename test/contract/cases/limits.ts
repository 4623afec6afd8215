/** How much is too much: heads, header counts, bodies, slow and silent clients. */
import type { ContractCase, JsonObject, Step } from "../harness/case.ts";
import { answer, chunked, ended, gate, get, got, head, post, seen } from "../harness/steps.ts";

function lines(count: number, size = 1): string[] {
  return Array.from({ length: count }, (_, i) => `x-h${i}: ${"v".repeat(size)}`);
}

type Row = readonly [name: string, client: readonly Step[], parts?: Partial<ContractCase>];

function cases(feature: string, rows: readonly Row[], common: Partial<ContractCase> = {}): ContractCase[] {
  return rows.map(([name, client, parts]) => ({
    name: `${feature}: ${name}`,
    feature: `Limits: ${feature}`,
    client,
    ...common,
    ...parts,
  }));
}

const answered = (...headers: string[]): Partial<ContractCase> => ({ upstreams: { a: answer(200, "ok", ...headers) } });
const manager = (fields: JsonObject): Partial<ContractCase> => ({ manager: fields });
const common = (fields: JsonObject): Partial<ContractCase> => manager({ common_http_protocol_options: fields });

const responseHeadersKb = (kb: number): Partial<ContractCase> => ({
  clusters: { a: { common_http_protocol_options: { max_response_headers_kb: kb } } },
});

/** Status line and end included. */
function headOfSize(bytes: number): string {
  const empty = answer(200, "ok", "x-a: ");
  return answer(200, "ok", `x-a: ${"v".repeat(bytes - (empty.length - 2))}`);
}

export const CASES: readonly ContractCase[] = [
  ...cases("heads of requests", [
    ["99 headers and Host", [get("/", ...lines(99)), got(1)]],
    ["100 headers and Host", [get("/", ...lines(100)), got(1)]],
    ["max_headers_count 3", [get("/", ...lines(3)), got(1)], common({ max_headers_count: 3 })],
    ["max_headers_count 3, within", [get("/", ...lines(2)), got(1)], common({ max_headers_count: 3 })],
    ["max_request_headers_kb 1", [get("/", ...lines(2, 600)), got(1)], manager({ max_request_headers_kb: 1 })],
    ["max_request_headers_kb 1, within", [get("/", ...lines(1, 600)), got(1)], manager({ max_request_headers_kb: 1 })],
    ["max_request_headers_kb 96", [get("/", ...lines(7, 10_000)), got(1)], manager({ max_request_headers_kb: 96 })],
    ["a path of 59 KB", [get(`/${"p".repeat(59_000)}`), got(1)]],
    ["a path of 70 KB", [get(`/${"p".repeat(70_000)}`), got(1)]],
    ["a header name of 1 KB", [get("/", `${"n".repeat(1024)}: 1`), got(1)]],
    ["too many in pieces", [...head("GET / HTTP/1.1", "Host: a.test", ...lines(101)).match(/[^]{1,300}/g)!, got(1)]],
    ["endless header, no line end", [`GET / HTTP/1.1\r\nHost: a.test\r\nx-a: ${"v".repeat(70_000)}`, got(1)]],
    ["endless request line", [`GET /${"p".repeat(70_000)}`, got(1)]],
    ["a gRPC client", [get("/", "content-type: application/grpc", ...lines(101)), got(1)]],
  ]),
  ...cases("heads of responses", [
    ["99 headers", [get(), got(1)], answered(...lines(98))],
    ["102 headers", [get(), got(1)], answered(...lines(101))],
    ["30 KB", [get(), got(1)], answered(...lines(3, 10_000))],
    ["65 KB", [get(), got(1)], answered(...lines(13, 5_000))],
    ["79 KB", [get(), got(1)], answered(...lines(16, 5_000))],
    ["84 KB", [get(), got(1)], answered(...lines(17, 5_000))],
    ["a header of 50 KB", [get(), got(1)], answered(`x-a: ${"v".repeat(50_000)}`)],
    [
      "max_headers_count 3 of the cluster",
      [get(), got(1)],
      { ...answered(...lines(4)), clusters: { a: { common_http_protocol_options: { max_headers_count: 3 } } } },
    ],
    ["max_response_headers_kb 1", [get(), got(1)], { ...answered(...lines(2, 600)), ...responseHeadersKb(1) }],
    ["max_response_headers_kb 1, within", [get(), got(1)], { ...answered(...lines(1, 900)), ...responseHeadersKb(1) }],
    ...[-2, -1, 0, 1, 2].map((more): Row => {
      const bytes = more < 0 ? `${-more} bytes less` : more === 0 ? "exactly" : `${more} bytes more`;
      return [
        `max_response_headers_kb 1, ${bytes}`,
        [get(), got(1)],
        { upstreams: { a: headOfSize(1024 + more) }, ...responseHeadersKb(1) },
      ];
    }),
    ["max_response_headers_kb 96", [get(), got(1)], { ...answered(...lines(17, 5_000)), ...responseHeadersKb(96) }],
    [
      "max_response_headers_kb 96, more than that",
      [get(), got(1)],
      { ...answered(...lines(20, 5_000)), ...responseHeadersKb(96) },
    ],
    [
      "max_response_headers_kb 1 and trailers",
      [get(), ended()],
      {
        upstreams: {
          a:
            head("HTTP/1.1 200 OK", "transfer-encoding: chunked") +
            `2\r\nok\r\n0\r\n${lines(2, 600).join("\r\n")}\r\n\r\n`,
        },
        ...responseHeadersKb(1),
      },
    ],
    [
      "max_response_headers_kb 1 and 103 before a response",
      [get(), got(1)],
      {
        upstreams: {
          a: head("HTTP/1.1 103 Early Hints", ...lines(1, 700)) + answer(200, "ok", ...lines(1, 700)),
        },
        ...responseHeadersKb(1),
      },
    ],
    [
      "max_response_headers_kb 1 in two segments",
      [get(), got(1)],
      {
        upstreams: {
          a: {
            answers: [["HTTP/1.1 200 OK\r\n", `x-a: ${"v".repeat(2000)}`, "\r\ncontent-length: 2\r\n\r\nok"]],
          },
        },
        ...responseHeadersKb(1),
      },
    ],
    ["max_response_headers_kb of a listener", [], { refused: true, ...common({ max_response_headers_kb: 1 }) }],
    ["max_response_headers_kb 8193", [], { refused: true, ...responseHeadersKb(8193) }],
    ["max_response_headers_kb 0", [], { refused: true, ...responseHeadersKb(0) }],
  ]),
  ...cases("bodies", [
    ["3 MB up, with a length", [post("b".repeat(3_000_000)), got(1)]],
    [
      "1 MB up, chunked",
      [
        head("POST / HTTP/1.1", "Host: a.test", "transfer-encoding: chunked") +
          chunked(Array.from({ length: 16 }, () => "c".repeat(65_536))),
        got(1),
      ],
    ],
    ["3 MB down, with a length", [get(), got(1)], { upstreams: { a: answer(200, "d".repeat(3_000_000)) } }],
    [
      "1 MB down, chunked",
      [get(), got(1)],
      {
        upstreams: {
          a:
            head("HTTP/1.1 200 OK", "transfer-encoding: chunked") +
            chunked(Array.from({ length: 16 }, () => "e".repeat(65_536))),
        },
      },
    ],
    ["a second request after 1 MB", [post("b".repeat(1_000_000)), got(1), get(), got(2)]],
    [
      "an upstream that reads late",
      [post("b".repeat(2_000_000)), { do: "let", gate: "read" }, got(1)],
      { upstreams: { a: { answers: [answer(200, "ok")], deafUntil: "read" } } },
    ],
  ]),
  ...cases("slow clients", [
    ["request_headers_timeout", ["GET / HTTP/1.1\r\n", ended()], manager({ request_headers_timeout: "0.2s" })],
    [
      "request_headers_timeout, and the head comes in time",
      [get(), got(1)],
      manager({ request_headers_timeout: "2s" }),
    ],
    ["request_timeout in the head", ["GET / HTTP/1.1\r\n", ended()], manager({ request_timeout: "0.2s" })],
    [
      "request_timeout in the body",
      [head("POST / HTTP/1.1", "Host: a.test", "content-length: 5"), ended()],
      manager({ request_timeout: "0.2s" }),
    ],
    [
      "stream_idle_timeout in the body",
      [head("POST / HTTP/1.1", "Host: a.test", "content-length: 5"), ended()],
      manager({ stream_idle_timeout: "0.2s" }),
    ],
    [
      "stream_idle_timeout while the upstream thinks",
      [get(), seen("a", 1), got(1)],
      { ...manager({ stream_idle_timeout: "0.2s" }), upstreams: { a: { answers: [[gate("never")]] } } },
    ],
    [
      "stream_idle_timeout in the middle of a response",
      [get(), got("part"), ended()],
      {
        ...manager({ stream_idle_timeout: "0.2s" }),
        upstreams: { a: { answers: [[`${head("HTTP/1.1 200 OK", "content-length: 10")}part`, gate("never")]] } },
      },
    ],
    [
      "a route's idle_timeout",
      [get(), got(1)],
      {
        routes: [{ match: { prefix: "/" }, route: { cluster: "a", idle_timeout: "0.2s" } }],
        upstreams: { a: { answers: [[gate("never")]] } },
      },
    ],
    [
      "max_stream_duration",
      [get(), got(1)],
      { ...common({ max_stream_duration: "0.2s" }), upstreams: { a: { answers: [[gate("never")]] } } },
    ],
    [
      "max_stream_duration in the middle of a response",
      [get(), got("part"), ended()],
      {
        ...common({ max_stream_duration: "0.3s" }),
        upstreams: { a: { answers: [[`${head("HTTP/1.1 200 OK", "content-length: 10")}part`, gate("never")]] } },
      },
    ],
    [
      "a connection that says nothing",
      [{ do: "connect", on: "c", listener: "l" }, ended()],
      common({ idle_timeout: "0.2s" }),
    ],
    ["max_connection_duration", [get(), got(1), ended()], common({ max_connection_duration: "0.4s" })],
  ]),
];
