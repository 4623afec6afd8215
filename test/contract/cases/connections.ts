/** Connections of clients: several, idle, drained; connections to upstreams: kept, shared, closed. */
import type { ContractCase } from "../harness/case.ts";
import {
  admin,
  answer,
  close,
  connect,
  elapse,
  ended,
  gate,
  get,
  got,
  open,
  seen,
  send,
  stat,
} from "../harness/steps.ts";

export const CASES: readonly ContractCase[] = [
  {
    name: "two clients, one after another, share a connection to the upstream",
    feature: "Connections: upstream connection pool",
    client: [get(), got(1), send("d", get("/d")), got(1, "d")],
    stats: ["cluster.a.upstream_cx_total", "cluster.a.upstream_rq_total"],
  },
  {
    name: "two clients at the same time have a connection each",
    feature: "Connections: upstream connection pool",
    upstreams: { a: { answers: [[gate("go"), answer(200, "1")], answer(200, "2")] } },
    client: [get("/1"), seen("a", 1), send("d", get("/2")), got(1, "d"), open("go"), got(1)],
    stats: ["cluster.a.upstream_cx_total", "cluster.a.upstream_rq_total"],
  },
  {
    name: "an idle connection is closed",
    feature: "Connections: idle timeout",
    manager: { common_http_protocol_options: { idle_timeout: "0.2s" } },
    client: [get(), got(1), ended()],
    stats: ["http.in.downstream_cx_idle_timeout"],
  },
  {
    name: "a connection with a request is not idle",
    feature: "Connections: idle timeout",
    manager: { common_http_protocol_options: { idle_timeout: "0.2s" } },
    upstreams: { a: { answers: [[gate("go"), answer(200, "1")]] } },
    client: [get(), seen("a", 1), elapse(500), open("go"), got(1), ended()],
    stats: ["http.in.downstream_cx_idle_timeout"],
  },
  {
    name: "clients that come and go",
    feature: "Connections: counts",
    client: [
      connect("d"),
      stat("http.in.downstream_cx_active", 1),
      close("d"),
      stat("http.in.downstream_cx_active", 0),
    ],
    stats: ["http.in.downstream_cx_total", "http.in.downstream_cx_destroy", "http.in.downstream_rq_total"],
  },
  {
    name: "after healthcheck/fail an answer closes its connection",
    feature: "Connections: draining",
    upstreams: { a: { answers: [[gate("go"), answer(200, "1")]] } },
    client: [get(), seen("a", 1), admin("/healthcheck/fail"), open("go"), got(1), ended()],
  },
];
