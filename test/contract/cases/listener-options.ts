/** Options of a listener's sockets that are taken; what they do to the kernel's connections is not to be seen by clients. */
import type { ContractCase, JsonObject } from "../harness/case.ts";
import { get, inTurn } from "../harness/steps.ts";

const option = (level: number, name: number, int_value: number, state = "STATE_PREBIND"): JsonObject => ({
  description: "x",
  level,
  name,
  int_value,
  state,
});

const taken = (name: string, listener: JsonObject): ContractCase => ({
  name,
  feature: "Listener: options of sockets",
  listener,
  client: inTurn(get("/a"), get("/b")),
});

export const CASES: readonly ContractCase[] = [
  taken("TCP keepalive, as Istio's users write it", {
    socket_options: [option(1, 9, 1), option(6, 4, 10), option(6, 5, 5), option(6, 6, 3)],
  }),
  taken("TCP keepalive turned off", { socket_options: [option(1, 9, 0, "STATE_LISTENING")] }),
  taken("TCP_NODELAY and SO_REUSEADDR", { socket_options: [option(6, 1, 1), option(1, 2, 1)] }),
  taken("tcp_fast_open_queue_length", { tcp_fast_open_queue_length: 16 }),
  taken("enable_reuse_port, connection_balance_config and a backlog", {
    enable_reuse_port: false,
    connection_balance_config: { exact_balance: {} },
    tcp_backlog_size: 10,
  }),
  taken("per_connection_buffer_limit_bytes", { per_connection_buffer_limit_bytes: 1024 }),
  {
    name: "an option without a value",
    feature: "Listener: options of sockets",
    listener: { socket_options: [{ level: 1, name: 9 }] },
    client: [],
    refused: true,
  },
];
