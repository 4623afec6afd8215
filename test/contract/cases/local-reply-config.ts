/** `local_reply_config`: which answers of the proxy's own are said in other words. */
import { type ContractCase, type Json, type JsonObject, REFUSED } from "../harness/case.ts";
import { answer, ended, get, head, header, post, request, toCluster } from "../harness/steps.ts";

const LOG =
  "%REQ(:PATH)% %RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %BYTES_SENT% %GRPC_STATUS% %LOCAL_REPLY_BODY%.";
const status = (op: string, value: number): JsonObject => ({
  status_code_filter: { comparison: { op, value: { default_value: value, runtime_key: "k" } } },
});
const text = (format: string, contentType = ""): JsonObject => ({
  text_format_source: { inline_string: format },
  ...(contentType === "" ? {} : { content_type: contentType }),
});
const BODY = text("<%LOCAL_REPLY_BODY%:%RESPONSE_CODE%:%REQ(:PATH)%>");
const JSON_BODY = {
  json_format: {
    s: "%RESPONSE_CODE%",
    m: "%LOCAL_REPLY_BODY%",
    p: "%REQ(:path)%",
    f: "%RESPONSE_FLAGS%",
    st: "%RESP(:status)%",
  },
} as const;

function rewritten(name: string, config: JsonObject, parts: Partial<ContractCase> = {}): ContractCase {
  return {
    name,
    feature: "Local replies: local_reply_config",
    manager: { local_reply_config: config as Json },
    routes: [{ match: { prefix: "/direct" }, direct_response: { status: 200, body: { inline_string: "hi" } } }, { match: { prefix: "/redirect" }, redirect: { path_redirect: "/x" } }, toCluster("/a", "a")], // prettier-ignore
    virtualHost: { response_headers_to_add: [header("x-route", "r-%RESPONSE_CODE%-%RESP(:status)%")] },
    upstreams: { a: REFUSED },
    accessLog: LOG,
    client: [get("/a")],
    ...parts,
  };
}

const GRPC = "content-type: application/grpc";

export const CASES: readonly ContractCase[] = [
  rewritten("nothing to do", {}),
  rewritten("a format for all bodies", { body_format: BODY }),
  rewritten("a format of an empty body", { body_format: BODY }, { client: [get("/nowhere")] }),
  rewritten("a JSON body", { body_format: JSON_BODY }),
  rewritten("a content type", { body_format: text("<p>%LOCAL_REPLY_BODY%", "text/html; charset=UTF-8") }),
  rewritten("another status", { mappers: [{ filter: status("EQ", 503), status_code: 451 }] }),
  rewritten("another body", { mappers: [{ filter: status("GE", 500), body: { inline_string: "%%ours %REQ(x)%" } }] }),
  rewritten("another body and a format", { mappers: [{ filter: status("GE", 500), status_code: 500, body: { inline_string: "ours" } }], body_format: BODY }), // prettier-ignore
  rewritten("a format of its own", {
    mappers: [{ filter: status("GE", 500), body_format_override: JSON_BODY }],
    body_format: BODY,
  }),
  rewritten("no body", { mappers: [{ filter: status("GE", 500), body: { inline_string: "" } }] }),
  rewritten("the first mapper that fits", { mappers: [{ filter: status("EQ", 404), status_code: 440 }, { filter: status("EQ", 503), status_code: 530 }, { filter: status("GE", 400), status_code: 599 }] }), // prettier-ignore
  rewritten("headers", { mappers: [{ filter: status("EQ", 503), status_code: 500, headers_to_add: [header("x-m", "%RESPONSE_CODE%-%RESP(:status)%-%RESPONSE_FLAGS%-%LOCAL_REPLY_BODY%|"), header("content-type", "text/x", "OVERWRITE_IF_EXISTS_OR_ADD"), header("x-route", "own"), header("x-route", "no", "ADD_IF_ABSENT")] }] }), // prettier-ignore
  ...["GET / HTTP/1.1\r\nbad header\r\n\r\n", get("/", `x: ${"a".repeat(70_000)}`), "GET / HTTP/1.1\r\n\r\n"].map(
    (bytes, i) =>
    rewritten(`the flag of what is no HTTP comes after the body has been written, ${i}`, { body_format: text("%RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS%"), mappers: [{ filter: { response_flag_filter: { flags: ["DPE"] } }, status_code: 418 }] }, { client: [bytes, ended()] }), // prettier-ignore
  ),
  rewritten("by flag", { mappers: [{ filter: { response_flag_filter: { flags: ["NR"] } }, status_code: 410 }, { filter: { response_flag_filter: { flags: ["UF"] } }, status_code: 510 }] }), // prettier-ignore
  rewritten("by request header", { mappers: [{ filter: { and_filter: { filters: [status("EQ", 404), { header_filter: { header: { name: ":path", string_match: { prefix: "/no" } } } }] } }, status_code: 410 }] }, { client: [get("/nowhere")] }), // prettier-ignore
  rewritten(
    "a direct response",
    { mappers: [{ filter: status("EQ", 200), status_code: 299 }], body_format: BODY },
    { client: [get("/direct")] },
  ),
  rewritten(
    "a redirect",
    { mappers: [{ filter: status("EQ", 301), body: { inline_string: "moved" } }] },
    { client: [get("/redirect")] },
  ),
  rewritten("a malformed request", { mappers: [{ filter: status("EQ", 400), body_format_override: text("B %LOCAL_REPLY_BODY% %REQ(:path)% %PROTOCOL%") }] }, { client: [head("GET / HTTP/1.1", "bad"), ended()] }), // prettier-ignore
  rewritten("a HEAD", { body_format: JSON_BODY }, { client: [request("HEAD", "/a")] }),
  rewritten(
    "a gRPC request",
    { body_format: JSON_BODY },
    { client: [request("POST", "/a", GRPC, "content-length: 0")] },
  ),
  rewritten("a gRPC request, another status", { mappers: [{ filter: status("EQ", 503), status_code: 403, body: { inline_string: "no" } }] }, { client: [request("POST", "/a", GRPC, "content-length: 0")] }), // prettier-ignore
  rewritten("a gRPC HEAD", { body_format: BODY }, { client: [request("HEAD", "/a", GRPC)] }),
  rewritten("not the upstream's own answers", { mappers: [{ filter: status("EQ", 503), status_code: 500 }], body_format: BODY }, { upstreams: { a: answer(503, "theirs") }, client: [get("/a")] }), // prettier-ignore
  rewritten(
    "a request whose body still comes",
    { body_format: BODY },
    { client: [post("x", "x: y").replace("POST / ", "POST /nowhere "), ended()] },
  ),
  rewritten("refused: a format", { body_format: text("%FOO%") }, { refused: true }),
  rewritten("refused: a status", { mappers: [{ filter: status("EQ", 503), status_code: 199 }] }, { refused: true }),
  rewritten("refused: no filter", { mappers: [{ status_code: 500 }] }, { refused: true }),
];
