/** Filters of a chain before its last: RBAC of connections, limits of them, and the cluster by server name. */
import type { ContractCase, JsonObject } from "../harness/case.ts";
import {
  TLS_INSPECTOR,
  answers,
  chain,
  clientHello,
  fileLog,
  listenerFilter,
  networkFilter,
  range,
  tcpProxy,
} from "../harness/filters.ts";
import { CLOSE, close, elapse, ended, finish, get, got, seen, sees, stat } from "../harness/steps.ts";

const LOG =
  "%RESPONSE_FLAGS% %CONNECTION_TERMINATION_DETAILS% %BYTES_RECEIVED% %BYTES_SENT% %UPSTREAM_HOST% %RESPONSE_CODE_DETAILS% " +
  "%DYNAMIC_METADATA(envoy.filters.network.rbac)% %DYNAMIC_METADATA(envoy.common)%";

const PONG = { greeting: [sees("ping"), "pong"], answers: ["unused"] } as const;
const GREETS = { greeting: ["hello"], answers: ["unused"] } as const;
const connect = (on: string) => ({ do: "connect", on, listener: "l" }) as const;

type Parts = Partial<ContractCase> & {
  readonly before: readonly JsonObject[];
  readonly listenerFilters?: readonly JsonObject[];
};

function filtered(name: string, feature: string, { before, listenerFilters = [], ...parts }: Parts): ContractCase {
  return {
    name,
    feature: `Network filters: ${feature}`,
    listener: {
      listener_filters: listenerFilters,
      filter_chains: [chain({}, [...before, tcpProxy("a", { access_log: [fileLog(LOG)] })])],
      stat_prefix: "s",
    },
    upstreams: { a: PONG },
    client: ["ping", ended()],
    ...parts,
  };
}

const rbac = (fields: JsonObject): JsonObject => networkFilter("rbac", "RBAC", { stat_prefix: "p", ...fields });
const ANY = { any: true };
const rules = (
  action: string,
  policies: Readonly<Record<string, readonly [permission: JsonObject, principal: JsonObject]>>,
): JsonObject => ({
  action,
  policies: Object.fromEntries(
    Object.entries(policies).map(([name, [permission, principal]]) => [
      name,
      { permissions: [permission], principals: [principal] },
    ]),
  ),
});
const RBAC_STATS = ["allowed", "denied", "shadow_allowed", "shadow_denied"].map((name) => `p.rbac.${name}`);

/** Asked of connections that the PROXY protocol speaks for. */
function asked(
  name: string,
  permission: JsonObject,
  principal: JsonObject,
  ...connections: readonly string[]
): ContractCase {
  return filtered(name, "rbac, what it asks", {
    before: [rbac({ rules: rules("ALLOW", { x: [permission, principal] }) })],
    listenerFilters: [listenerFilter("proxy_protocol", "ProxyProtocol"), TLS_INSPECTOR],
    upstreams: { a: { greeting: [sees("e"), "yes", CLOSE], answers: ["unused"] } },
    client: connections.flatMap((bytes, i) => {
      const on = String.fromCharCode(97 + i);
      return [
        { do: "send", on, bytes } as const,
        ended(on),
        close(on),
        stat("listener.s.downstream_cx_destroy", i + 1),
      ];
    }),
    stats: RBAC_STATS,
  });
}

/** A rule that needs a request. */
function unaskable(name: string, permission: JsonObject): ContractCase {
  return { ...asked(name, permission, ANY), refused: true, feature: "Network filters: what is refused" };
}

const from = (source: string, destination: string, sourcePort = 1000, destinationPort = 80): string =>
  `PROXY TCP4 ${source} ${destination} ${sourcePort} ${destinationPort}\r\nhello there`;

export const CASES: readonly ContractCase[] = [
  filtered("allowed by a policy", "rbac", {
    before: [rbac({ rules: rules("ALLOW", { x: [ANY, ANY] }) })],
    client: ["ping", got("pong"), close()],
    stats: RBAC_STATS,
  }),
  filtered("denied, as no policy allows it", "rbac", {
    before: [rbac({ rules: rules("ALLOW", {}) })],
    stats: RBAC_STATS,
  }),
  filtered("denied by a policy", "rbac", {
    before: [rbac({ rules: rules("DENY", { "a policy": [ANY, ANY] }) })],
    stats: RBAC_STATS,
  }),
  filtered("no rules", "rbac", { before: [rbac({})], client: ["ping", got("pong"), close()], stats: RBAC_STATS }),
  filtered("only logged", "rbac", {
    before: [rbac({ rules: rules("LOG", { x: [ANY, ANY] }) })],
    client: ["ping", got("pong"), close()],
    stats: RBAC_STATS,
  }),
  filtered("shadow rules deny nothing", "rbac", {
    before: [rbac({ shadow_rules: rules("DENY", { x: [ANY, ANY] }) })],
    client: ["ping", got("pong"), close()],
    stats: RBAC_STATS,
  }),
  filtered("shadow rules that would allow, with a name of their own", "rbac", {
    before: [rbac({ shadow_rules: rules("ALLOW", { x: [ANY, ANY] }), shadow_rules_stat_prefix: "sh_" })],
    client: ["ping", got("pong"), close()],
    stats: [...RBAC_STATS, "p.rbac.sh_.shadow_allowed", "p.rbac.sh_.shadow_denied"],
  }),
  filtered("shadow rules and rules that deny", "rbac", {
    before: [rbac({ rules: rules("DENY", { d: [ANY, ANY] }), shadow_rules: rules("ALLOW", {}) })],
    stats: RBAC_STATS,
  }),
  filtered("who says nothing is not asked", "rbac", {
    before: [rbac({ rules: rules("DENY", { x: [ANY, ANY] }) })],
    upstreams: { a: GREETS },
    client: [connect("c"), got("hello"), close()],
    stats: RBAC_STATS,
  }),
  filtered("who only ends is asked", "rbac", {
    before: [rbac({ rules: rules("DENY", { x: [ANY, ANY] }) })],
    upstreams: { a: GREETS },
    client: [connect("c"), got("hello"), finish(), ended()],
    stats: RBAC_STATS,
  }),
  filtered("asked once", "rbac", {
    before: [rbac({ rules: rules("ALLOW", { x: [ANY, ANY] }) })],
    client: ["pi", seen("a", "pi"), "ng", got("pong"), close()],
    stats: RBAC_STATS,
  }),
  filtered("asked whenever something comes", "rbac", {
    before: [rbac({ rules: rules("ALLOW", { x: [ANY, ANY] }), enforcement_type: "CONTINUOUS" })],
    client: ["pi", seen("a", "pi"), "ng", got("pong"), finish(), seen("a", "ping")],
    stats: ["p.rbac.denied"],
  }),
  filtered("denied after a while", "rbac", {
    before: [rbac({ rules: rules("DENY", { x: [ANY, ANY] }), delay_deny: "0.3s" })],
    client: ["ping", elapse(100), "more", ended()],
    stats: RBAC_STATS,
  }),
  filtered("two of them", "rbac", {
    before: [
      rbac({ rules: rules("ALLOW", { x: [ANY, ANY] }), stat_prefix: "q" }),
      rbac({ rules: rules("DENY", { y: [ANY, ANY] }) }),
    ],
    stats: [...RBAC_STATS, "q.rbac.allowed", "q.rbac.denied"],
  }),
  filtered("a prefix of counters with a dot", "rbac", {
    before: [rbac({ rules: rules("DENY", { x: [ANY, ANY] }), stat_prefix: "tcp." })],
    stats: ["tcp.rbac.denied"],
  }),
  {
    ...filtered("before a connection manager", "rbac", { before: [], stats: RBAC_STATS }),
    listener: {
      filter_chains: [chain({}, [rbac({ rules: rules("DENY", { x: [ANY, ANY] }) }), answers("web")])],
      access_log: [fileLog(LOG)],
    },
    client: [get(), ended()],
  },
  asked(
    "who is behind the peer",
    ANY,
    { remote_ip: range("10.1.0.0/16") },
    from("10.1.0.1", "10.0.0.1"),
    from("10.2.0.1", "10.0.0.1"),
  ),
  asked(
    "the peer itself",
    ANY,
    { direct_remote_ip: range("10.1.0.0/16") },
    from("10.1.0.1", "10.0.0.1"),
    from("127.0.0.1", "10.0.0.1"),
  ),
  asked(
    "the peer, by its old name",
    ANY,
    { source_ip: range("10.1.0.0/16") },
    from("10.1.0.1", "10.0.0.1"),
    from("127.0.0.1", "10.0.0.1"),
  ),
  asked(
    "where it goes",
    { destination_ip: range("10.0.0.0/24") },
    ANY,
    from("10.1.0.1", "10.0.0.1"),
    from("10.1.0.1", "10.0.1.1"),
  ),
  asked("which port", { destination_port: 80 }, ANY, from("10.1.0.1", "10.0.0.1"), from("10.1.0.1", "10.0.0.1", 1, 81)),
  asked(
    "which ports",
    { destination_port_range: { start: 80, end: 82 } },
    ANY,
    ...[79, 80, 81, 82].map((port) => from("10.1.0.1", "10.0.0.1", 1, port)),
  ),
  asked(
    "the server name",
    { requested_server_name: { suffix: ".test" } },
    ANY,
    `PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n${clientHello({ serverName: "a.test" })}`,
    `PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n${clientHello({ serverName: "a.other" })}`,
    from("10.0.0.1", "10.0.0.2"),
  ),
  unaskable("what has no value without HTTP", { header: { name: "x", present_match: true } }),
  unaskable("that something of HTTP is not there", { not_rule: { header: { name: "x", present_match: true } } }),
  asked("a path, which there is none of", { url_path: { path: { prefix: "/" } } }, ANY, from("10.0.0.1", "10.0.0.2")),
  unaskable("a method, which there is none of", { header: { name: ":method", string_match: { exact: "GET" } } }),
  asked("who has shown who he is, without TLS", ANY, { authenticated: {} }, from("10.0.0.1", "10.0.0.2")),
  filtered("so many connections", "connection_limit", {
    before: [networkFilter("connection_limit", "ConnectionLimit", { stat_prefix: "q", max_connections: 1 })],
    upstreams: { a: GREETS },
    client: [
      connect("a"),
      got("hello", "a"),
      connect("b"),
      ended("b"),
      close("a"),
      stat("connection_limit.q.active_connections", 0),
      connect("d"),
      got("hello", "d"),
      close("d"),
    ],
    stats: [
      "connection_limit.q.limited_connections",
      "connection_limit.q.active_connections",
      "tcp.t.downstream_cx_total",
      "cluster.a.upstream_cx_total",
    ],
  }),
  filtered("one too many waits for its end", "connection_limit", {
    before: [
      networkFilter("connection_limit", "ConnectionLimit", { stat_prefix: "q", max_connections: 1, delay: "0.3s" }),
    ],
    upstreams: { a: GREETS },
    client: [
      connect("a"),
      got("hello", "a"),
      connect("b"),
      stat("connection_limit.q.active_connections", 2),
      ended("b"),
      close("a"),
      stat("connection_limit.q.active_connections", 0),
    ],
    stats: ["connection_limit.q.limited_connections", "cluster.a.upstream_cx_total"],
  }),
  filtered("so many at a time", "local_ratelimit", {
    before: [
      networkFilter("local_ratelimit", "LocalRateLimit", {
        stat_prefix: "r",
        token_bucket: { max_tokens: 1, fill_interval: "100s" },
      }),
    ],
    upstreams: { a: GREETS },
    client: [connect("a"), got("hello", "a"), connect("b"), ended("b"), close("a")],
    stats: ["local_rate_limit.r.rate_limited", "tcp.t.downstream_cx_total"],
  }),
  filtered("the cluster of the server name", "sni_cluster", {
    before: [networkFilter("sni_cluster", "SniCluster")],
    listenerFilters: [TLS_INSPECTOR],
    clusters: { a: {}, "b.test": { endpoints: ["b"] } },
    upstreams: { a: { greeting: ["a"], answers: ["unused"] }, b: { greeting: ["b"], answers: ["unused"] } },
    client: [
      clientHello({ serverName: "b.test" }),
      got("b"),
      close(),
      stat("listener.s.downstream_cx_destroy", 1),
      { do: "send", on: "d", bytes: clientHello({ serverName: "c.test" }) },
      ended("d"),
      stat("listener.s.downstream_cx_destroy", 2),
      { do: "send", on: "e", bytes: clientHello() },
      got("a", "e"),
      close("e"),
    ],
  }),
  {
    name: "echo",
    feature: "Network filters: echo",
    listener: { filter_chains: [chain({}, [networkFilter("echo", "Echo")])] },
    client: ["hello", got("hello"), "more", got("more"), finish(), ended()],
  },
  {
    name: "nothing said",
    feature: "Network filters: direct_response",
    listener: { filter_chains: [chain({}, [networkFilter("direct_response", "Config")])] },
    client: [connect("c"), ended()],
  },
  {
    name: "a chain that ends in a filter which ends nothing",
    feature: "Network filters: what is refused",
    listener: { filter_chains: [chain({}, [rbac({})])] },
    refused: true,
    client: [],
  },
  {
    name: "a limit of no connections",
    feature: "Network filters: what is refused",
    listener: {
      filter_chains: [
        chain({}, [
          networkFilter("connection_limit", "ConnectionLimit", { stat_prefix: "q", max_connections: 0 }),
          tcpProxy("a"),
        ]),
      ],
    },
    refused: true,
    client: [],
  },
];
