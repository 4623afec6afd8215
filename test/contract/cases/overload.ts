/** `overload_manager`: what a proxy does that has too little left of something. */
import type { ContractCase, JsonObject } from "../harness/case.ts";
import {
  answer,
  connect,
  elapse,
  ended,
  gate,
  get,
  got,
  inTurn,
  open,
  seen,
  send,
  stat,
  typed,
} from "../harness/steps.ts";

const ACTIONS = "Overload manager: actions";
const CONNECTIONS = "Overload manager: downstream connections";
const POINTS = "Overload manager: load shed points";
const REFUSED = "Overload manager: what is refused";

const HEAP = "envoy.resource_monitors.fixed_heap";
const heap = (max_heap_size_bytes: number): JsonObject => ({
  name: HEAP,
  typed_config: typed("extensions.resource_monitors.fixed_heap.v3.FixedHeapConfig", { max_heap_size_bytes }),
});
/** Nobody gets by with a byte, or needs a petabyte. */
const FULL = heap(1);
const EMPTY = heap(1e15);
const connections = (max_active_downstream_connections: number): JsonObject => ({
  name: "envoy.resource_monitors.global_downstream_max_connections",
  typed_config: typed("extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig", {
    max_active_downstream_connections,
  }),
});
const when = (action: string, trigger: JsonObject = { threshold: { value: 0.95 } }): JsonObject => ({
  name: `envoy.overload_actions.${action}`,
  triggers: [{ name: HEAP, ...trigger }],
});

const overload = (
  resource_monitors: readonly JsonObject[],
  actions: readonly JsonObject[] = [],
): Partial<ContractCase> => ({
  bootstrap: { overload_manager: { refresh_interval: "0.02s", resource_monitors, actions } },
});
const shedding = (...points: readonly string[]): Partial<ContractCase> => ({
  bootstrap: {
    overload_manager: {
      refresh_interval: "0.02s",
      resource_monitors: [FULL],
      loadshed_points: points.map((point) => ({
        name: `envoy.load_shed_points.${point}`,
        triggers: [{ name: HEAP, threshold: { value: 0.95 } }],
      })),
    },
  },
});
const LOG = "%RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %ROUTE_NAME%";

function refused(name: string, overload_manager: JsonObject): ContractCase {
  return { name, feature: REFUSED, bootstrap: { overload_manager }, client: [], refused: true };
}

export const CASES: readonly ContractCase[] = [
  {
    name: "stop_accepting_requests",
    feature: ACTIONS,
    ...overload([FULL], [when("stop_accepting_requests")]),
    client: [stat("overload.envoy.overload_actions.stop_accepting_requests.active", 1), ...inTurn(get(), get())],
    stats: ["http.in.downstream_rq_overload_close", "http.in.downstream_rq_5xx", "http.in.downstream_cx_destroy"],
    accessLog: LOG,
  },
  {
    name: "stop_accepting_requests of a request with a body",
    feature: ACTIONS,
    ...overload([FULL], [when("stop_accepting_requests")]),
    client: [
      stat("overload.envoy.overload_actions.stop_accepting_requests.active", 1),
      "POST / HTTP/1.1\r\nhost: a.test\r\ncontent-length: 5\r\n\r\nhello",
      got(1),
    ],
    accessLog: LOG,
  },
  {
    name: "stop_accepting_requests, while there is enough",
    feature: ACTIONS,
    ...overload([EMPTY], [when("stop_accepting_requests")]),
    client: inTurn(get()),
    stats: ["http.in.downstream_rq_overload_close", "overload.envoy.overload_actions.stop_accepting_requests.active"],
  },
  {
    name: "append_local_overload",
    feature: ACTIONS,
    ...overload([FULL], [when("stop_accepting_requests")]),
    manager: { append_local_overload: true },
    client: [stat("overload.envoy.overload_actions.stop_accepting_requests.active", 1), ...inTurn(get())],
  },
  {
    name: "disable_http_keepalive",
    feature: ACTIONS,
    ...overload([FULL], [when("disable_http_keepalive")]),
    client: [stat("overload.envoy.overload_actions.disable_http_keepalive.active", 1), get(), ended()],
    stats: ["http.in.downstream_cx_overload_disable_keepalive", "http.in.downstream_cx_drain_close"],
    accessLog: LOG,
  },
  {
    name: "both",
    feature: ACTIONS,
    ...overload([FULL], [when("stop_accepting_requests"), when("disable_http_keepalive")]),
    client: [stat("overload.envoy.overload_actions.disable_http_keepalive.active", 1), get(), ended()],
    stats: ["http.in.downstream_cx_overload_disable_keepalive", "http.in.downstream_rq_overload_close"],
    accessLog: LOG,
  },
  {
    name: "shrink_heap changes nothing that is seen",
    feature: ACTIONS,
    ...overload([FULL], [when("shrink_heap")]),
    client: [stat("overload.envoy.overload_actions.shrink_heap.active", 1), ...inTurn(get())],
  },
  {
    name: "reject_incoming_connections",
    feature: ACTIONS,
    ...overload([FULL], [when("reject_incoming_connections")]),
    client: [stat("overload.envoy.overload_actions.reject_incoming_connections.active", 1), connect("c"), ended("c")],
    stats: ["http.in.downstream_cx_total"],
  },
  {
    name: "a scaled trigger, saturated",
    feature: ACTIONS,
    ...overload(
      [FULL],
      [when("stop_accepting_requests", { scaled: { scaling_threshold: 0.5, saturation_threshold: 0.9 } })],
    ),
    client: [stat("overload.envoy.overload_actions.stop_accepting_requests.active", 1), ...inTurn(get())],
    stats: ["overload.envoy.overload_actions.stop_accepting_requests.scale_percent"],
  },
  {
    name: "pressure is shown in percent",
    feature: ACTIONS,
    ...overload([EMPTY], [when("stop_accepting_requests", { threshold: { value: 0 } })]),
    client: [stat("overload.envoy.overload_actions.stop_accepting_requests.active", 1), ...inTurn(get())],
    stats: [`overload.${HEAP}.pressure`],
  },
  {
    name: "one more than there may be is closed",
    feature: CONNECTIONS,
    ...overload([connections(1)]),
    client: [get(), got(1), connect("d"), ended("d"), get(), got(2)],
    stats: ["http.in.downstream_cx_total", "http.in.downstream_cx_active"],
  },
  {
    name: "where one ends another may begin",
    feature: CONNECTIONS,
    ...overload([connections(1)]),
    client: [
      "GET / HTTP/1.1\r\nhost: a.test\r\nconnection: close\r\n\r\n",
      ended(),
      stat("http.in.downstream_cx_active", 0),
      send("d", get()),
      got(1, "d"),
    ],
  },
  {
    name: "as many as there may be",
    feature: CONNECTIONS,
    ...overload([connections(2)]),
    upstreams: { a: { answers: [[gate("go"), answer(200, "same")]] } },
    client: [
      get(),
      seen("a", 1),
      send("d", get()),
      stat("http.in.downstream_rq_active", 2),
      connect("e"),
      ended("e"),
      open("go"),
      got(1),
      got(1, "d"),
    ],
  },
  {
    name: "a listener that takes no notice",
    feature: CONNECTIONS,
    ...overload([connections(1)]),
    listener: { ignore_global_conn_limit: true },
    upstreams: { a: answer(200, "same") },
    client: [get(), got(1), send("d", get()), got(1, "d")],
  },
  refused("a trigger of a monitor that is not there", {
    resource_monitors: [connections(1)],
    actions: [when("stop_accepting_requests")],
  }),
  refused("a point twice", {
    resource_monitors: [FULL],
    loadshed_points: [1, 2].map(() => ({
      name: "envoy.load_shed_points.tcp_listener_accept",
      triggers: [{ name: HEAP, threshold: { value: 1 } }],
    })),
  }),
  refused("two monitors of one name", { resource_monitors: [FULL, FULL] }),
  refused("an action that is none", {
    resource_monitors: [FULL],
    actions: [{ name: "envoy.overload_actions.dance", triggers: [{ name: HEAP, threshold: { value: 1 } }] }],
  }),
  refused("an action twice", {
    resource_monitors: [FULL],
    actions: [when("stop_accepting_requests"), when("stop_accepting_requests")],
  }),
  refused("an action without triggers", {
    resource_monitors: [FULL],
    actions: [{ name: "envoy.overload_actions.shrink_heap" }],
  }),
  refused("two triggers of one monitor", {
    resource_monitors: [FULL],
    actions: [
      {
        name: "envoy.overload_actions.shrink_heap",
        triggers: [
          { name: HEAP, threshold: { value: 1 } },
          { name: HEAP, threshold: { value: 0.5 } },
        ],
      },
    ],
  }),
  refused("a scale that ends before it begins", {
    resource_monitors: [FULL],
    actions: [when("shrink_heap", { scaled: { scaling_threshold: 0.9, saturation_threshold: 0.5 } })],
  }),
  refused("a monitor that nobody has", { resource_monitors: [{ name: "envoy.resource_monitors.none" }] }),
  refused("no monitors", { actions: [when("shrink_heap")] }),
  refused("a heap of nothing", { resource_monitors: [heap(0)] }),
  refused("no connections", { resource_monitors: [connections(0)] }),
  {
    name: "an action that connections trigger",
    feature: CONNECTIONS,
    ...overload(
      [connections(1)],
      [
        {
          name: "envoy.overload_actions.stop_accepting_requests",
          triggers: [{ name: "envoy.resource_monitors.global_downstream_max_connections", threshold: { value: 0.5 } }],
        },
      ],
    ),
    client: inTurn(get(), get()),
  },
  {
    name: "the limit as a value of the runtime",
    feature: CONNECTIONS,
    bootstrap: {
      layered_runtime: {
        layers: [{ name: "s", static_layer: { overload: { global_downstream_max_connections: 1 } } }],
      },
    },
    client: [get(), got(1), connect("d"), ended("d")],
  },
  {
    name: "the limit of a listener as a value of the runtime",
    feature: CONNECTIONS,
    bootstrap: {
      layered_runtime: {
        layers: [{ name: "s", static_layer: { "envoy.resource_limits.listener.l.connection_limit": 1 } }],
      },
    },
    client: [get(), got(1), connect("d"), ended("d")],
  },
  {
    name: "stop_accepting_connections: who comes waits",
    feature: ACTIONS,
    ...overload([FULL], [when("stop_accepting_connections")]),
    client: [
      stat("overload.envoy.overload_actions.stop_accepting_connections.active", 1),
      send("c", get()),
      elapse(300),
    ],
    stats: ["http.in.downstream_cx_total"],
  },
  {
    name: "tcp_listener_accept: connections are closed",
    feature: POINTS,
    ...shedding("tcp_listener_accept"),
    client: [stat("overload.envoy.load_shed_points.tcp_listener_accept.scale_percent", 100), connect("c"), ended("c")],
    stats: ["http.in.downstream_cx_total"],
  },
  {
    name: "http_connection_manager_decode_headers: requests are turned away",
    feature: POINTS,
    ...shedding("http_connection_manager_decode_headers"),
    client: [
      stat("overload.envoy.load_shed_points.http_connection_manager_decode_headers.scale_percent", 100),
      ...inTurn(get(), get()),
    ],
    stats: ["http.in.downstream_rq_overload_close"],
    accessLog: LOG,
  },
  {
    name: "a listener that bypasses it",
    feature: ACTIONS,
    ...overload([FULL], [when("stop_accepting_requests"), when("reject_incoming_connections")]),
    listener: { bypass_overload_manager: true },
    client: [stat("overload.envoy.overload_actions.stop_accepting_requests.active", 1), ...inTurn(get())],
  },
];
