/** Listeners that choose filter chains by a tree of matchers. */
import type { ContractCase, JsonObject } from "../harness/case.ts";
import { connect, ended, get, send, typed } from "../harness/steps.ts";

const NETWORK = "extensions.matching.common_inputs.network.v3";
const extension = (type: string, fields: JsonObject = {}): JsonObject => ({
  name: "x",
  typed_config: typed(type, fields),
});
const input = (name: string): JsonObject => extension(`${NETWORK}.${name}`);
const chain = (name: string): JsonObject => ({
  action: {
    name: "chain",
    typed_config: { "@type": "type.googleapis.com/google.protobuf.StringValue", value: name },
  },
});
const single = (of: JsonObject, value_match: JsonObject): JsonObject => ({
  single_predicate: { input: of, value_match },
});
const list = (...matchers: readonly (readonly [JsonObject, JsonObject])[]): JsonObject => ({
  matcher_list: { matchers: matchers.map(([predicate, on_match]) => ({ predicate, on_match })) },
});
const tree = (of: JsonObject, kind: string, map: JsonObject): JsonObject => ({
  matcher_tree: { input: of, [kind]: { map } },
});

/** What is sent to nobody may come back as a reset. */
const QUIET: ContractCase["client"] = [connect("c"), ended()];

const answers = (name: string, more: JsonObject = {}): JsonObject => ({
  name,
  filters: [
    {
      name: "direct",
      typed_config: typed("extensions.filters.network.direct_response.v3.Config", {
        response: { inline_string: name },
      }),
    },
  ],
  ...more,
});

const listening = (
  name: string,
  filter_chain_matcher: JsonObject,
  listener: JsonObject = {},
  client: ContractCase["client"] = [send("c", "x"), ended()],
): ContractCase => ({
  name,
  feature: "Filter chain matcher: trees",
  listener: { filter_chains: [answers("one"), answers("two")], filter_chain_matcher, ...listener },
  client,
});
const refused = (name: string, filter_chain_matcher: JsonObject, listener: JsonObject = {}): ContractCase => ({
  name,
  feature: "Filter chain matcher: what is refused",
  listener: { filter_chains: [answers("one"), answers("two")], filter_chain_matcher, ...listener },
  client: [],
  refused: true,
});

const INSPECT_HTTP = {
  listener_filters: [
    { name: "http", typed_config: typed("extensions.filters.listener.http_inspector.v3.HttpInspector") },
  ],
};
const IP = input("SourceIPInput");
const cidr = (address_prefix: string, prefix_len: number): JsonObject => ({ address_prefix, prefix_len });

export const CASES: readonly ContractCase[] = [
  listening("source IP", tree(IP, "exact_match_map", { "127.0.0.1": chain("two"), "10.0.0.1": chain("one") })),
  listening("source IP by prefix", tree(IP, "prefix_match_map", { "127.": chain("one"), "127.0.0.": chain("two") })),
  listening(
    "source IP by ranges",
    list(
      [
        {
          single_predicate: {
            input: IP,
            custom_match: extension("extensions.matching.input_matchers.ip.v3.Ip", {
              stat_prefix: "s",
              cidr_ranges: [cidr("10.0.0.0", 8)],
            }),
          },
        },
        chain("one"),
      ],
      [
        {
          single_predicate: {
            input: IP,
            custom_match: extension("extensions.matching.input_matchers.ip.v3.Ip", {
              stat_prefix: "s",
              cidr_ranges: [cidr("127.0.0.0", 8)],
            }),
          },
        },
        chain("two"),
      ],
    ),
  ),
  listening("source IP by a tree of ranges", {
    matcher_tree: {
      input: IP,
      custom_match: {
        name: "ip",
        typed_config: {
          "@type": "type.googleapis.com/xds.type.matcher.v3.IPMatcher",
          range_matchers: [
            { ranges: [cidr("127.0.0.0", 8)], on_match: chain("one") },
            { ranges: [cidr("127.0.0.1", 32)], on_match: chain("two") },
          ],
        },
      },
    },
  }),
  listening("source type", tree(input("SourceTypeInput"), "exact_match_map", { local: chain("two") })),
  listening("destination IP", tree(input("DestinationIPInput"), "exact_match_map", { "127.0.0.1": chain("two") })),
  listening("destination port: another", {
    ...tree(input("DestinationPortInput"), "exact_match_map", { "1": chain("one") }),
    on_no_match: chain("two"),
  }),
  listening(
    "transport protocol: none is known",
    tree(input("TransportProtocolInput"), "exact_match_map", { raw_buffer: chain("two"), tls: chain("one") }),
  ),
  listening(
    "application protocol of plain HTTP",
    tree(input("ApplicationProtocolInput"), "exact_match_map", { "'http/1.1'": chain("two"), "'h2c'": chain("one") }),
    INSPECT_HTTP,
    [send("c", get()), ended()],
  ),
  listening("application protocol: none is known", {
    ...tree(input("ApplicationProtocolInput"), "exact_match_map", { "": chain("one") }),
    on_no_match: chain("two"),
  }),
  listening("server name: none is known", {
    ...tree(input("ServerNameInput"), "exact_match_map", { "": chain("one") }),
    on_no_match: chain("two"),
  }),
  listening("on_no_match alone", {
    ...tree(IP, "exact_match_map", { "10.0.0.1": chain("one") }),
    on_no_match: chain("two"),
  }),
  listening("nothing matches: the default chain", tree(IP, "exact_match_map", { "10.0.0.1": chain("one") }), {
    default_filter_chain: answers("default"),
  }),
  listening("nothing matches: no chain", tree(IP, "exact_match_map", { "10.0.0.1": chain("one") }), {}, QUIET),
  listening("a name that no chain has", tree(IP, "exact_match_map", { "127.0.0.1": chain("three") }), {}, QUIET),
  listening(
    "a name that no chain has, with a default chain",
    tree(IP, "exact_match_map", { "127.0.0.1": chain("three") }),
    { default_filter_chain: answers("default") },
    QUIET,
  ),
  listening(
    "the name of the default chain",
    tree(IP, "exact_match_map", { "127.0.0.1": chain("default") }),
    {
      default_filter_chain: answers("default"),
    },
    QUIET,
  ),
  listening(
    "nested",
    tree(IP, "exact_match_map", {
      "127.0.0.1": { matcher: tree(input("TransportProtocolInput"), "exact_match_map", { raw_buffer: chain("two") }) },
    }),
  ),
  listening(
    "and, or, not",
    list(
      [
        {
          and_matcher: {
            predicate: [
              single(IP, { exact: "127.0.0.1" }),
              { not_matcher: single(input("SourceTypeInput"), { exact: "local" }) },
            ],
          },
        },
        chain("one"),
      ],
      [{ or_matcher: { predicate: [single(IP, { exact: "10.0.0.1" }), single(IP, { prefix: "127" })] } }, chain("two")],
    ),
  ),
  listening("what chains say of connections is not asked", tree(IP, "exact_match_map", { "127.0.0.1": chain("one") }), {
    filter_chains: [answers("one", { filter_chain_match: { destination_port: 80 } })],
  }),
  refused("a chain without a name", tree(IP, "exact_match_map", { "127.0.0.1": chain("one") }), {
    filter_chains: [answers("one"), answers("")],
  }),
  refused("two of one name", tree(IP, "exact_match_map", { "127.0.0.1": chain("one") }), {
    filter_chains: [answers("one"), answers("one")],
  }),
  refused(
    "a header is no input",
    tree(extension("type.matcher.v3.HttpRequestHeaderMatchInput", { header_name: "x" }), "exact_match_map", {
      a: chain("one"),
    }),
  ),
  refused(
    "a route is no action",
    tree(IP, "exact_match_map", {
      a: { action: extension("config.route.v3.Route", { match: { prefix: "/" }, direct_response: { status: 200 } }) },
    }),
  ),
];
