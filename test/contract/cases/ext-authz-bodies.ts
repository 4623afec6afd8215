/** The ext_authz filter: bodies that go to the server, or wait for it. */
import type { ContractCase } from "../harness/case.ts";
import { chunked, ended, get, got, post, request, seen } from "../harness/steps.ts";
import { BODIES, asks, OK, NO } from "../harness/ext-authz.ts";

export const CASES: readonly ContractCase[] = [
  asks(
    "with_request_body: the body goes along",
    BODIES,
    OK,
    [post("hello"), get()],
    {},
    { with_request_body: { max_request_bytes: 100 } },
  ),
  asks(
    "with_request_body: in chunks",
    BODIES,
    OK,
    [request("POST", "/", "transfer-encoding: chunked") + chunked(["ab", "cd"], "x-t: 1")],
    {},
    {
      with_request_body: { max_request_bytes: 100 },
    },
  ),
  asks(
    "with_request_body: too long",
    BODIES,
    OK,
    [post("x".repeat(101))],
    {},
    { with_request_body: { max_request_bytes: 100 } },
    { client: [post("x".repeat(101)), ended()] },
  ),
  asks(
    "with_request_body: exactly as long",
    BODIES,
    OK,
    [post("x".repeat(100))],
    {},
    { with_request_body: { max_request_bytes: 100 } },
  ),
  asks(
    "with_request_body: the beginning of it",
    BODIES,
    OK,
    [post("x".repeat(10), "x-n: 1"), post("y".repeat(30))],
    {},
    { with_request_body: { max_request_bytes: 20, allow_partial_message: true } },
  ),
  asks(
    "with_request_body: the rest comes while the server is asked",
    BODIES,
    OK,
    [],
    {},
    { with_request_body: { max_request_bytes: 4, allow_partial_message: true } },
    {
      client: [request("POST", "/", "content-length: 8") + "abcd", seen("authz", 1), "efgh", got(1)],
    },
  ),
  asks("with_request_body: denied", BODIES, NO, [post("hello")], {}, { with_request_body: { max_request_bytes: 100 } }),
  asks(
    "with_request_body: bytes of any kind",
    BODIES,
    OK,
    [post("\u0000\u00ff\u00fe")],
    {},
    {
      with_request_body: { max_request_bytes: 100, pack_as_bytes: true },
    },
  ),
  asks(
    "with_request_body: an upgrade has none",
    BODIES,
    OK,
    [get("/", "connection: upgrade", "upgrade: websocket")],
    {},
    { with_request_body: { max_request_bytes: 100 } },
    {
      client: [get("/", "connection: upgrade", "upgrade: websocket"), ended()],
      manager: { upgrade_configs: [{ upgrade_type: "websocket" }] },
    },
  ),
  asks("a body waits for the answer", BODIES, OK, [post("hello")]),
  asks(
    "a body that is denied is not waited for",
    BODIES,
    NO,
    [],
    {},
    {},
    {
      client: [request("POST", "/", "content-length: 100") + "abc", ended()],
    },
  ),
];
