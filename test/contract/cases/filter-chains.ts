/**
 * Which filter chain a connection takes. The PROXY protocol says for whom and where to, so that addresses other than the loopback's can
 * be had; a chain says its name to whoever comes.
 */
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
} from "../harness/filters.ts";
import { ended, get, got } from "../harness/steps.ts";

/** Says a text and closes. */
const says = (text: string): JsonObject =>
  networkFilter("direct_response", "Config", { response: { inline_string: text } });

/** `PROXY TCP4` from, to, ports; or IPv6. */
const from = (source: string, destination: string, sourcePort = 1000, destinationPort = 80): string =>
  `PROXY TCP${source.includes(":") ? 6 : 4} ${source} ${destination} ${sourcePort} ${destinationPort}\r\n`;

const PROXY_PROTOCOL = listenerFilter("proxy_protocol", "ProxyProtocol");

interface Table {
  /** Conditions of chains, by what they say. */
  readonly chains: Readonly<Record<string, JsonObject>>;
  readonly byDefault?: boolean;
  /** What each connection begins with. */
  readonly connections: readonly string[];
}

function matching(name: string, feature: string, { chains, byDefault = false, connections }: Table): ContractCase {
  const listener: JsonObject = {
    listener_filters: [PROXY_PROTOCOL, TLS_INSPECTOR],
    filter_chains: Object.entries(chains).map(([text, match]) => chain(match, [says(text)], { name: text })),
    ...(byDefault ? { default_filter_chain: { filters: [says("default")] } } : {}),
  };
  return {
    name,
    feature: `Filter chains: ${feature}`,
    listener,
    client: connections.flatMap((bytes, i) => {
      const on = String.fromCharCode(97 + i);
      return [{ do: "send", on, bytes } as const, ended(on)];
    }),
  };
}

const HERE = from("10.0.0.1", "10.0.0.2");
const names = (...list: readonly string[]): readonly string[] =>
  list.map((serverName) => HERE + clientHello(serverName === "" ? {} : { serverName }));
const offers = (...list: readonly (readonly string[])[]): readonly string[] =>
  list.map((protocols) => HERE + clientHello({ protocols }));

const refused = (name: string, listener: JsonObject): ContractCase => ({
  name,
  feature: "Filter chains: what is refused",
  listener,
  refused: true,
  client: [],
});

export const CASES: readonly ContractCase[] = [
  matching("a chain for a port is chosen for good", "destination_port", {
    chains: { port: { destination_port: 80, source_ports: [1] }, any: {} },
    connections: [HERE, from("10.0.0.1", "10.0.0.2", 1, 80), from("10.0.0.1", "10.0.0.2", 1, 81)].map(spoken),
  }),
  matching("a dead end goes to the default chain", "default_filter_chain", {
    chains: { port: { destination_port: 80, source_ports: [1] }, any: { source_ports: [2] } },
    byDefault: true,
    connections: [HERE, from("10.0.0.1", "10.0.0.2", 2, 81), from("10.0.0.1", "10.0.0.2", 3, 81)].map(spoken),
  }),
  matching("the longest prefix of the destination", "prefix_ranges", {
    chains: {
      wide: { prefix_ranges: [range("10.0.0.0/8")] },
      narrow: { prefix_ranges: [range("10.1.0.0/16"), range("2001:db8::/32")] },
      one: { prefix_ranges: [range("10.1.2.3/32")] },
    },
    connections: ["10.1.2.3", "10.1.2.4", "10.2.2.3", "11.0.0.1"]
      .map((address) => from("10.9.9.9", address))
      .concat([from("::1", "2001:db8::7"), from("::1", "2001:db9::7")])
      .map(spoken),
  }),
  matching("any address takes what no prefix does, and only that", "prefix_ranges", {
    chains: { some: { prefix_ranges: [range("10.0.0.0/8")], source_ports: [1] }, any: {} },
    connections: [from("10.9.9.9", "10.0.0.1"), from("10.9.9.9", "11.0.0.1"), from("::1", "::2")].map(spoken),
  }),
  matching("a prefix of no length, and any", "prefix_ranges", {
    chains: { all: { prefix_ranges: [range("0.0.0.0/0")] }, v6: { prefix_ranges: [range("::/0")] } },
    connections: [from("10.9.9.9", "11.0.0.1"), from("::1", "::2")].map(spoken),
  }),
  matching("exact, then the longest suffix, then any", "server_names", {
    chains: {
      exact: { server_names: ["a.example.com"] },
      suffix: { server_names: ["*.example.com"] },
      short: { server_names: ["*.com"] },
      any: {},
    },
    connections: names(
      "a.example.com",
      "b.example.com",
      "x.y.example.com",
      "example.com",
      "com",
      "a.org",
      "",
      "A.EXAMPLE.com",
    ),
  }),
  matching("a suffix that fits is not left for a shorter one", "server_names", {
    chains: {
      long: { server_names: ["*.example.com"], source_ports: [1] },
      short: { server_names: ["*.com"] },
      any: {},
    },
    connections: names("a.example.com", "a.com"),
  }),
  matching("names of the configuration as they are written", "server_names", {
    chains: { upper: { server_names: ["A.example.com"] }, any: {} },
    connections: names("a.example.com"),
  }),
  matching("several names of one chain", "server_names", {
    chains: { two: { server_names: ["a.test", "*.b.test"] } },
    byDefault: true,
    connections: names("a.test", "c.b.test", "b.test"),
  }),
  matching("TLS or not", "transport_protocol", {
    chains: { tls: { transport_protocol: "tls" }, raw: { transport_protocol: "raw_buffer" } },
    connections: [...names("a"), HERE + "hello there"],
  }),
  matching("TLS, and the rest", "transport_protocol", {
    chains: { tls: { transport_protocol: "tls" }, any: {} },
    connections: [...names("a"), HERE + "hello there"],
  }),
  matching("a transport protocol that is nobody's", "transport_protocol", {
    chains: { quic: { transport_protocol: "quic" } },
    byDefault: true,
    connections: [...names("a"), HERE + "hello there"],
  }),
  matching("the first of the client's that a chain wants", "application_protocols", {
    chains: { one: { application_protocols: ["http/1.1"] }, two: { application_protocols: ["h2"] }, any: {} },
    connections: [...offers(["h2", "http/1.1"], ["http/1.1", "h2"], ["x", "h2"], ["x"]), ...names("a")],
  }),
  matching("transport protocol before application protocols", "application_protocols", {
    chains: { tls: { transport_protocol: "tls" }, h2: { application_protocols: ["h2"] } },
    connections: offers(["h2"]),
  }),
  matching("Istio's: mutual TLS by ALPN, TLS, plain", "application_protocols", {
    chains: {
      mesh: { transport_protocol: "tls", application_protocols: ["istio-http/1.0", "istio-http/1.1", "istio-h2"] },
      istio: { transport_protocol: "tls", application_protocols: ["istio-peer-exchange", "istio"] },
      tls: { transport_protocol: "tls" },
      plain: { transport_protocol: "raw_buffer", application_protocols: ["http/1.1", "h2c"] },
      raw: { transport_protocol: "raw_buffer" },
    },
    connections: [
      ...offers(["istio-peer-exchange", "istio"], ["istio-http/1.1", "istio", "http/1.1"], ["h2"]),
      HERE + "GET / HTTP/1.1\r\n\r\n",
    ],
  }),
  matching("server name before ALPN", "order of conditions", {
    chains: { name: { server_names: ["a.test"], application_protocols: ["x"] }, h2: { application_protocols: ["h2"] } },
    byDefault: true,
    connections: [
      HERE + clientHello({ serverName: "a.test", protocols: ["h2"] }),
      HERE + clientHello({ serverName: "b.test", protocols: ["h2"] }),
    ],
  }),
  matching("from here, from elsewhere", "source_type", {
    chains: { here: { source_type: "SAME_IP_OR_LOOPBACK" }, elsewhere: { source_type: "EXTERNAL" } },
    connections: [
      from("127.0.0.9", "10.0.0.1"),
      from("127.0.0.1", "10.0.0.1"),
      from("::1", "2001:db8::1"),
      from("10.0.0.1", "10.0.0.1"),
      from("10.0.0.2", "10.0.0.1"),
    ].map(spoken),
  }),
  matching("from here, and the rest", "source_type", {
    chains: { here: { source_type: "SAME_IP_OR_LOOPBACK" }, any: {} },
    connections: [from("127.0.0.1", "10.0.0.1"), from("10.0.0.2", "10.0.0.1")].map(spoken),
  }),
  matching("a dead end behind the source type", "source_type", {
    chains: { here: { source_type: "SAME_IP_OR_LOOPBACK", source_ports: [1] }, any: {} },
    connections: [from("127.0.0.1", "10.0.0.1", 1), from("127.0.0.1", "10.0.0.1", 2)].map(spoken),
  }),
  matching("the longest prefix of who it is for", "source_prefix_ranges", {
    chains: {
      wide: { source_prefix_ranges: [range("10.0.0.0/8")] },
      narrow: { source_prefix_ranges: [range("10.1.0.0/16")], source_ports: [7] },
    },
    connections: [from("10.2.0.1", "10.0.0.1"), from("10.1.0.1", "10.0.0.1", 7), from("10.1.0.1", "10.0.0.1", 8)].map(
      spoken,
    ),
  }),
  matching("who has connected, whoever it is for", "direct_source_prefix_ranges", {
    chains: {
      loopback: { direct_source_prefix_ranges: [range("127.0.0.0/8")], source_prefix_ranges: [range("10.1.0.0/16")] },
      other: { source_prefix_ranges: [range("10.0.0.0/8")] },
    },
    byDefault: true,
    connections: [from("10.1.0.1", "10.0.0.1"), from("10.2.0.1", "10.0.0.1")].map(spoken),
  }),
  matching("source ports", "source_ports", {
    chains: { some: { source_ports: [1, 2] }, any: {} },
    connections: [1, 2, 3].map((port) => spoken(from("10.0.0.1", "10.0.0.2", port))),
  }),
  matching("every condition at once", "order of conditions", {
    chains: {
      all: {
        destination_port: 443,
        prefix_ranges: [range("10.0.0.0/8")],
        server_names: ["*.test"],
        transport_protocol: "tls",
        application_protocols: ["h2"],
        direct_source_prefix_ranges: [range("127.0.0.0/8")],
        source_type: "EXTERNAL",
        source_prefix_ranges: [range("192.0.2.0/24")],
        source_ports: [99],
      },
    },
    byDefault: true,
    connections: [
      from("192.0.2.1", "10.0.0.1", 99, 443) + clientHello({ serverName: "a.test", protocols: ["h2"] }),
      from("192.0.2.1", "10.0.0.1", 98, 443) + clientHello({ serverName: "a.test", protocols: ["h2"] }),
      from("192.0.3.1", "10.0.0.1", 99, 443) + clientHello({ serverName: "a.test", protocols: ["h2"] }),
    ],
  }),
  {
    name: "a connection that no chain wants is closed, counted and told of",
    feature: "Filter chains: no match",
    listener: {
      filter_chains: [chain({ destination_port: 1 }, [says("never")])],
      access_log: [
        fileLog(
          "%RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT% %FILTER_CHAIN_NAME% %LISTENER_NAME%",
        ),
      ],
      stat_prefix: "s",
    },
    client: [{ do: "connect", on: "c", listener: "l" }, ended()],
    stats: [
      "listener.s.no_filter_chain_match",
      "listener.s.downstream_cx_total",
      "listener.s.downstream_cx_destroy",
      "listener.s.downstream_pre_cx_active",
    ],
  },
  {
    name: "each chain has a connection manager of its own",
    feature: "Filter chains: several",
    listener: {
      listener_filters: [PROXY_PROTOCOL],
      filter_chains: [
        chain({ destination_port: 80 }, [answers("web")], { name: "w" }),
        chain({ destination_port: 81 }, [answers("other")], { name: "o" }),
      ],
    },
    client: [
      from("10.0.0.1", "10.0.0.2") + get(),
      got(1),
      { do: "send", on: "d", bytes: from("10.0.0.1", "10.0.0.2", 1, 81) + get() },
      got(1, "d"),
    ],
    stats: ["http.web.downstream_rq_total", "http.other.downstream_rq_total"],
  },
  {
    name: "no tls_inspector is added where a chain asks for a server name",
    feature: "Filter chains: server_names",
    listener: { filter_chains: [chain({ server_names: ["a.test"] }, [says("name")]), chain({}, [says("any")])] },
    client: [clientHello({ serverName: "a.test" }), ended(), { do: "send", on: "d", bytes: "plain text" }, ended("d")],
    stats: ["tls_inspector.tls_found", "tls_inspector.tls_not_found"],
  },
  {
    name: "no tls_inspector is added for who wants no TLS",
    feature: "Filter chains: transport_protocol",
    listener: { filter_chains: [chain({ transport_protocol: "raw_buffer" }, [says("raw")])] },
    client: [{ do: "connect", on: "c", listener: "l" }, ended()],
  },
  {
    name: "a chain by default alone",
    feature: "Filter chains: default_filter_chain",
    listener: { filter_chains: [], default_filter_chain: { filters: [says("default")] } },
    client: [{ do: "connect", on: "c", listener: "l" }, ended()],
  },
  refused("two chains for the same connections", { filter_chains: [chain({}, [says("a")]), chain({}, [says("b")])] }),
  refused("chains that overlap in one name", {
    filter_chains: [chain({ server_names: ["a", "b"] }, [says("a")]), chain({ server_names: ["b", "c"] }, [says("b")])],
  }),
  refused("ranges that are the same written differently", {
    filter_chains: [
      chain({ prefix_ranges: [range("10.1.2.3/8")] }, [says("a")]),
      chain({ prefix_ranges: [range("10.0.0.0/8")] }, [says("b")]),
    ],
  }),
  refused("a wildcard within a name", { filter_chains: [chain({ server_names: ["a.*.test"] }, [says("a")])] }),
  refused("a wildcard that is the name", { filter_chains: [chain({ server_names: ["*"] }, [says("a")])] }),
  refused("a range that is no address", { filter_chains: [chain({ prefix_ranges: [range("x/8")] }, [says("a")])] }),
  refused("no chain at all", { filter_chains: [] }),
  refused("port 0", { filter_chains: [chain({ destination_port: 0 }, [says("a")])] }),
  refused("two filters that end a chain", { filter_chains: [chain({}, [says("a"), says("b")])] }),
];

/** The inspector waits for the client's first bytes. */
function spoken(header: string): string {
  return `${header}hello there`;
}
