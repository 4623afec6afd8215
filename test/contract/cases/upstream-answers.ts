/** What upstreams may do, and what the client then gets. */
import { REFUSED } from "../harness/case.ts";
import type { Answer, ContractCase } from "../harness/case.ts";
import {
  answer,
  chunked,
  CLOSE,
  ended,
  FINISH,
  gate,
  get,
  got,
  head,
  open,
  pause,
  post,
  request,
  RESET,
  reset,
  resume,
  seen,
  sees,
  stat,
} from "../harness/steps.ts";

function answered(feature: string, rows: Readonly<Record<string, Answer>>): ContractCase[] {
  return Object.entries(rows).map(([name, each]) => ({
    name,
    feature: `Upstream answers: ${feature}`,
    upstreams: { a: { answers: [each] } },
    client: [get()],
  }));
}

const CHUNKED_HEAD = head("HTTP/1.1 200 OK", "transfer-encoding: chunked");

export const CASES: readonly ContractCase[] = [
  ...answered("endings before the head", {
    "closes without an answer": [CLOSE],
    "resets without an answer": [RESET],
    "half-closes without an answer": [FINISH],
    "closes in the middle of the head": ["HTTP/1.1 200 OK\r\ncontent-le", CLOSE],
    "garbage in place of an answer": "NONSENSE\r\n\r\n",
  }),
  ...answered("endings in the body", {
    "closes in a body with a length": [`${head("HTTP/1.1 200 OK", "content-length: 10")}hello`, CLOSE],
    "resets in a body with a length": [`${head("HTTP/1.1 200 OK", "content-length: 10")}hello`, RESET],
    "closes in a chunked body": [`${CHUNKED_HEAD}5\r\nhello\r\n`, CLOSE],
    "a body that ends with the connection": [`${head("HTTP/1.1 200 OK")}hello`, CLOSE],
    "a body that ends with the connection, HTTP/1.0": [`${head("HTTP/1.0 200 OK")}hello`, CLOSE],
  }),
  ...answered("framing", {
    chunked: CHUNKED_HEAD + chunked(["hello", " ", "world"]),
    "chunked, with trailers": CHUNKED_HEAD + chunked(["hello"], "x-trailer: 1"),
    "head and body apart": [head("HTTP/1.1 200 OK", "content-length: 5"), "hel", "lo"],
    "bytes after the answer": `${answer(200, "hello")}more`,
  }),
  {
    name: "nothing listens: the second endpoint is not tried by itself",
    feature: "Upstream answers: refused connections",
    upstreams: { a: REFUSED },
    client: [get(), got(1), get()],
    stats: ["cluster.a.upstream_cx_connect_fail", "cluster.a.upstream_rq_503"],
  },
  {
    name: "an answer that came before the request was complete",
    feature: "Upstream answers: early answers",
    upstreams: { a: { answers: [answer(413, "too much")], early: true } },
    client: [head("POST / HTTP/1.1", "Host: a.test", "content-length: 10"), ended()],
  },
  {
    name: "an answer that waits for the body",
    feature: "Upstream answers: early answers",
    upstreams: { a: { answers: [[sees("hello"), answer(200, "ok")]], early: true } },
    client: [head("POST / HTTP/1.1", "Host: a.test", "content-length: 5"), seen("a", "POST"), "hello"],
  },
  {
    name: "the client resets while the upstream thinks",
    feature: "Upstream answers: clients that leave",
    upstreams: { a: { answers: [[gate("never")]] } },
    client: [get(), seen("a", 1), reset(), stat("cluster.a.upstream_cx_active", 0)],
    stats: ["http.in.downstream_rq_rx_reset", "cluster.a.upstream_rq_cancelled", "cluster.a.upstream_cx_destroy"],
  },
  {
    name: "a slow answer to a client that does not read at once",
    feature: "Upstream answers: slow readers",
    upstreams: { a: { answers: [[answer(200, "x".repeat(3_000_000))]] } },
    client: [pause(), get(), seen("a", 1), resume(), got(1)],
  },
  {
    name: "an answer that is held back",
    feature: "Upstream answers: slow answers",
    upstreams: { a: { answers: [[gate("later"), answer(200, "at last")]] } },
    client: [get(), seen("a", 1), open("later"), got(1), request("HEAD", "/"), post("x")],
  },
];
