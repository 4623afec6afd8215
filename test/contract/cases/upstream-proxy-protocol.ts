/** The PROXY protocol towards upstreams: for whom a connection is made, said in its first bytes. */
import type { ContractCase, Json, JsonObject } from "../harness/case.ts";
import { chain, ipv4, listenerFilter, proxyV2, tcpProxy } from "../harness/filters.ts";
import { service } from "../harness/istio.ts";
import { answer, connect, endpoint, gate, get, got, seen, sees, send, typed } from "../harness/steps.ts";
import { clientTls } from "../harness/tls-config.ts";

const RAW: JsonObject = {
  name: "raw",
  typed_config: typed("extensions.transport_sockets.raw_buffer.v3.RawBuffer"),
};

function socket(config: JsonObject, inner: JsonObject = RAW, more: JsonObject = {}): JsonObject {
  return {
    name: "envoy.transport_sockets.upstream_proxy_protocol",
    typed_config: typed("extensions.transport_sockets.proxy_protocol.v3.ProxyProtocolUpstreamTransport", {
      config,
      transport_socket: inner,
      ...more,
    }),
  };
}

const V4 = ipv4("10.1.1.1", "10.2.2.2", 1111, 2222);
const V1_HEADER = "PROXY TCP4 10.1.1.1 10.2.2.2 1111 2222\r\n";
const V1_IPV6 = "PROXY TCP6 2001:db8::1 2001:db8::2 1111 2222\r\n";
type Tlv = readonly [type: number, value: string];
const tlv = (type: number, text: string): Tlv => [type, text];
const v2 = (...tlvs: readonly Tlv[]): string => proxyV2(1, 0x11, V4, tlvs);

/** Of connections without a header before. */
const OWN_PORTS: NonNullable<ContractCase["mask"]> = [
  [/(127\.0\.0\.1 127\.0\.0\.1) \d+ \d+/g, "$1 {port} {port}"],
  // Nothing else that is seen has these eight bytes.
  [new RegExp(`(${"\x7f\0\0\x01".repeat(2)})[^]{4}`, "g"), "$1{ports}"],
];

const STATS = ["cluster.a.upstream_cx_total", "cluster.a.upstream_cx_tx_bytes_total"];

interface Row {
  readonly name: string;
  /** Of the transport socket. */
  readonly config: JsonObject;
  readonly inner?: JsonObject;
  readonly more?: JsonObject;
  /** What the client's connection begins with; default: no header is expected. */
  readonly header?: string;
  /** Fields of the listener filter. */
  readonly listener?: JsonObject;
  /** By default the upstream answers what it has seen up to `DATA`. */
  readonly parts?: Partial<ContractCase>;
}

function tcp({ name, config, inner, more, header, listener = {}, parts = {} }: Row): ContractCase {
  return {
    name: `tcp: ${name}`,
    feature: "PROXY protocol: towards upstreams",
    listener: {
      ...(header === undefined
        ? {}
        : { listener_filters: [listenerFilter("proxy_protocol", "ProxyProtocol", listener)] }),
      filter_chains: [chain({}, [tcpProxy("a")])],
    },
    clusters: { a: { transport_socket: socket(config, inner, more) } },
    upstreams: { a: { greeting: [sees("DATA"), "OK"], answers: ["unused"] } },
    client: [connect("c"), `${header ?? ""}DATA`, got("OK")],
    // The client's own port.
    mask: OWN_PORTS,
    stats: STATS.slice(0, header === undefined ? 1 : 2),
    ...parts,
  };
}

const ALL = { pass_through_tlvs: { match_type: "INCLUDE_ALL" } };
const SOME = (...tlv_type: readonly number[]): JsonObject => ({
  pass_through_tlvs: { match_type: "INCLUDE", tlv_type },
});
const value = (text: string): string => Buffer.from(text, "latin1").toString("base64");
const added = (type: number, text: string): JsonObject => ({ type, value: value(text) });

const TCP: readonly Row[] = [
  { name: "version 1 by default", config: {} },
  { name: "version 1", config: { version: "V1" }, header: V1_HEADER },
  { name: "version 1, IPv6", config: { version: "V1" }, header: V1_IPV6 },
  { name: "version 2", config: { version: "V2" }, header: V1_HEADER },
  { name: "version 2, IPv6", config: { version: "V2" }, header: V1_IPV6 },
  { name: "version 1 from version 2", config: { version: "V1" }, header: v2() },
  { name: "a connection that is the sender's own", config: { version: "V1" }, header: "PROXY UNKNOWN\r\n" },
  { name: "TLVs are not passed on", config: { version: "V2" }, header: v2(tlv(0x02, "name"), tlv(0xe1, "x")) },
  {
    name: "TLVs that only the upstream wants",
    config: { version: "V2", ...ALL },
    header: v2(tlv(0x02, "name"), tlv(0xe1, "x")),
  },
  {
    name: "TLVs that only the listener keeps",
    config: { version: "V2" },
    header: v2(tlv(0x02, "name")),
    listener: ALL,
  },
  {
    name: "all TLVs",
    config: { version: "V2", ...ALL },
    header: v2(tlv(0x02, "name"), tlv(0xe1, "x"), tlv(0xe2, "")),
    listener: ALL,
  },
  {
    name: "some TLVs, by the upstream",
    config: { version: "V2", ...SOME(0xe1) },
    header: v2(tlv(0x02, "name"), tlv(0xe1, "x")),
    listener: ALL,
  },
  {
    name: "some TLVs, by the listener",
    config: { version: "V2", ...ALL },
    header: v2(tlv(0x02, "name"), tlv(0xe1, "x")),
    listener: SOME(0xe1),
  },
  {
    name: "INCLUDE of nothing",
    config: { version: "V2", ...SOME() },
    header: v2(tlv(0xe1, "x")),
    listener: ALL,
  },
  {
    name: "a TLV that comes twice",
    config: { version: "V2", ...ALL },
    header: v2(tlv(0xe1, "x"), tlv(0xe1, "y")),
    listener: ALL,
  },
  {
    name: "TLVs in version 1 are not",
    config: { version: "V1", ...ALL, added_tlvs: [added(0xe1, "x")] },
    header: v2(tlv(0xe2, "x")),
    listener: ALL,
  },
  {
    name: "added TLVs",
    config: { version: "V2", added_tlvs: [added(0xe1, "one"), added(0xe2, "two")] },
    header: V1_HEADER,
  },
  {
    name: "added TLVs beside those that are passed on",
    config: { version: "V2", ...ALL, added_tlvs: [added(0xe1, "new")] },
    header: v2(tlv(0xe2, "old")),
    listener: ALL,
  },
  {
    name: "an added TLV in place of one that is passed on",
    config: { version: "V2", ...ALL, added_tlvs: [added(0xe1, "new")] },
    header: v2(tlv(0xe1, "old"), tlv(0xe2, "x")),
    listener: ALL,
  },
  {
    name: "the header comes before the client has said anything",
    config: { version: "V1" },
    header: V1_HEADER,
    parts: {
      upstreams: { a: { greeting: [sees("2222\r\n"), "OK"], answers: ["unused"] } },
      client: [connect("c"), V1_HEADER, got("OK")],
    },
  },
  {
    name: "in front of TLS",
    config: { version: "V1" },
    header: V1_HEADER,
    inner: clientTls(),
    parts: {
      upstreams: { a: { greeting: [sees("\x16\x03"), gate("never")], answers: [[gate("never")]] } },
      client: [connect("c"), `${V1_HEADER}DATA`, seen("a", "PROXY TCP4")],
      mask: [[/^[^ -~][^]*/, "{hello}"]],
      stats: [],
    },
  },
  {
    name: "two clients",
    config: { version: "V1" },
    header: V1_HEADER,
    parts: {
      client: [
        connect("c"),
        `${V1_HEADER}DATA`,
        got("OK"),
        connect("d"),
        send("d", `${V1_HEADER.replace("10.1.1.1", "10.1.1.9")}DATA`),
        got("OK", "d"),
      ],
    },
  },
  {
    name: "an added TLV without a value",
    config: { version: "V2", added_tlvs: [{ type: 0xe2, value: "" }] },
    parts: { refused: true, client: [] },
  },
  {
    name: "a TLV that is none",
    config: { version: "V2", added_tlvs: [{ type: 256, value: "" }] },
    parts: { refused: true, client: [] },
  },
  {
    name: "no inner socket",
    config: {},
    parts: {
      refused: true,
      client: [],
      clusters: {
        a: {
          transport_socket: {
            name: "p",
            typed_config: typed("extensions.transport_sockets.proxy_protocol.v3.ProxyProtocolUpstreamTransport"),
          },
        },
      },
    },
  },
];

function http(
  name: string,
  config: Json,
  client: ContractCase["client"],
  parts: Partial<ContractCase> = {},
): ContractCase {
  return {
    name: `http: ${name}`,
    feature: "PROXY protocol: towards upstreams",
    clusters: { a: { transport_socket: socket(config as JsonObject) } },
    upstreams: {
      a: { greeting: [sees("\r\n\r\n"), answer(200, "hi"), sees("two"), answer(200, "two")], answers: ["unused"] },
    },
    client,
    mask: OWN_PORTS,
    stats: ["cluster.a.upstream_cx_total"],
    ...parts,
  };
}

const BEHIND: Partial<ContractCase> = {
  listener: { listener_filters: [listenerFilter("proxy_protocol", "ProxyProtocol")] },
};
const OPTIONAL: Partial<ContractCase> = {
  listener: {
    listener_filters: [
      listenerFilter("proxy_protocol", "ProxyProtocol", { allow_requests_without_proxy_protocol: true }),
    ],
  },
};

const HTTP: readonly ContractCase[] = [
  http("version 1: without a header before, the proxy's own connection", { version: "V1" }, [get("/"), got(1)]),
  http("version 2: without a header before, a local connection", { version: "V2" }, [get("/"), got(1)]),
  http("a connection is used again, with one header", { version: "V2" }, [get("/"), got(1), get("/two"), got(2)]),
  http(
    "version 1: for whom the client's connection was made",
    { version: "V1" },
    [`${V1_HEADER}${get("/")}`, got(1)],
    BEHIND,
  ),
  http(
    "version 2: for whom the client's connection was made",
    { version: "V2" },
    [`${V1_HEADER}${get("/")}`, got(1)],
    BEHIND,
  ),
  http(
    "each client has connections of its own",
    { version: "V1" },
    [
      `${V1_HEADER}${get("/")}`,
      got(1),
      send("d", `${V1_HEADER.replace("1111", "1112")}${get("/d")}`),
      got(1, "d"),
      get("/two"),
      got(2),
    ],
    { ...BEHIND, mask: [] },
  ),
  http(
    "clients that have the same",
    { version: "V1" },
    [`${V1_HEADER}${get("/")}`, got(1), send("d", `${V1_HEADER}${get("/two")}`), got(1, "d")],
    BEHIND,
  ),
  http("a header that need not be there, and is not", { version: "V2" }, [get("/"), got(1)], OPTIONAL),
  http("upgrades", { version: "V1" }, [get("/", "Connection: Upgrade", "Upgrade: websocket"), got("101")], {
    routes: [
      {
        match: { prefix: "/" },
        route: { cluster: "a", upgrade_configs: [{ upgrade_type: "websocket" }] },
      },
    ],
    upstreams: {
      a: {
        greeting: [
          sees("\r\n\r\n"),
          "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
        ],
        answers: ["unused"],
      },
    },
  }),
];

/** By the endpoint's metadata. */
const MATCHES: readonly ContractCase[] = [
  {
    name: "transport_socket_matches",
    feature: "PROXY protocol: towards upstreams",
    clusters: {
      a: {
        endpoints: [
          endpoint("a", { metadata: { filter_metadata: { "envoy.transport_socket_match": { proxy: "v1" } } } }),
        ],
        transport_socket_matches: [{ name: "p", match: { proxy: "v1" }, transport_socket: socket({}) }],
      },
    },
    listener: {
      listener_filters: [listenerFilter("proxy_protocol", "ProxyProtocol")],
      filter_chains: [chain({}, [tcpProxy("a")])],
    },
    upstreams: { a: { greeting: [sees("DATA"), "OK"], answers: ["unused"] } },
    client: [connect("c"), `${V1_HEADER}DATA`, got("OK")],
  },
];

const HEALTH: readonly ContractCase[] = (["V1", "V2"] as const).map((version) => ({
  name: `health checks: ${version}`,
  feature: "PROXY protocol: towards upstreams",
  clusters: {
    a: {
      transport_socket: socket({ version }),
      health_checks: [
        {
          timeout: "1s",
          interval: "60s",
          unhealthy_threshold: 1,
          healthy_threshold: 1,
          http_health_check: { path: "/health" },
        },
      ],
    },
  },
  upstreams: { a: { greeting: [sees("\r\n\r\n"), answer(200, "hi")], answers: ["unused"] } },
  client: [seen("a", "/health")],
  mask: OWN_PORTS,
}));

function istio(
  name: string,
  policy: string,
  parts: Partial<ContractCase>,
  outbound: string | number = 80,
): ContractCase {
  return {
    name: `DestinationRule: ${name}`,
    feature: "DestinationRule: proxyProtocol",
    istio: {
      yaml: `${service("echo", "echo")}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: echo }
spec: { host: echo, trafficPolicy: { proxyProtocol: { ${policy} } } }`,
      workloads: { a: { labels: { app: "echo" } } },
      proxy: { outbound: { l: outbound } },
    },
    upstreams: { a: { greeting: [sees("\r\n\r\n"), answer(200, "hi")], answers: ["unused"] } },
    client: [get("/", "Host: echo"), got(1)],
    mask: OWN_PORTS,
    ...parts,
  };
}

const BYTES: Partial<ContractCase> = {
  upstreams: { a: { greeting: [sees("DATA"), "OK"], answers: ["unused"] } },
  client: [connect("c"), "DATA", got("OK")],
};

const ISTIO: readonly ContractCase[] = [
  istio("requests, version 1", "version: V1", {}),
  istio("requests, version 2", "version: V2", {}),
  istio(
    "connections, version 1 by default",
    "",
    { ...BYTES, expect: { sent: ["PROXY TCP4 127.0.0.1 127.0.0.1"] } },
    "echo:80",
  ),
  istio("connections, version 2", "version: V2", BYTES, "echo:80"),
];

export const CASES: readonly ContractCase[] = [...TCP.map(tcp), ...HTTP, ...MATCHES, ...HEALTH, ...ISTIO];
