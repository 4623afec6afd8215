/** What looks at a connection's first bytes: tls_inspector, http_inspector, local_ratelimit; how long, and what then. */
import type { ContractCase, JsonObject } from "../harness/case.ts";
import {
  TLS_INSPECTOR,
  chain,
  clientHello,
  extension,
  listenerFilter,
  networkFilter,
  records,
} from "../harness/filters.ts";
import { close, elapse, ended, finish, got, stat } from "../harness/steps.ts";

const says = (text: string): JsonObject =>
  networkFilter("direct_response", "Config", { response: { inline_string: text } });

/** Tells TLS with each offer from anything else. */
const CHAINS = [
  chain({ transport_protocol: "tls", application_protocols: ["h2"] }, [says("tls h2")]),
  chain({ transport_protocol: "tls", server_names: ["a.test"] }, [says("tls a.test")]),
  chain({ transport_protocol: "tls" }, [says("tls")]),
  chain({ application_protocols: ["http/1.0"] }, [says("http/1.0")]),
  chain({ application_protocols: ["http/1.1"] }, [says("http/1.1")]),
  chain({ application_protocols: ["h2c"] }, [says("h2c")]),
  chain({}, [says("anything else")]),
];

const TLS_STATS = [
  "tls_found",
  "tls_not_found",
  "alpn_found",
  "alpn_not_found",
  "sni_found",
  "sni_not_found",
  "client_hello_too_large",
].map((name) => `tls_inspector.${name}`);

function hello(name: string, ...segments: readonly string[]): ContractCase {
  return {
    name,
    feature: "Listener filters: tls_inspector",
    listener: { listener_filters: [TLS_INSPECTOR], filter_chains: CHAINS },
    client: [...segments, ended()],
    stats: TLS_STATS,
  };
}

const HTTP_STATS = ["http10_found", "http11_found", "http2_found", "http_not_found"].map(
  (name) => `http_inspector.${name}`,
);

function http(name: string, ...segments: readonly string[]): ContractCase {
  return {
    name,
    feature: "Listener filters: http_inspector",
    listener: { listener_filters: [listenerFilter("http_inspector", "HttpInspector")], filter_chains: CHAINS.slice(3) },
    client: [...segments, ended()],
    stats: HTTP_STATS,
  };
}

/** Not decided when the time is over. */
function undecided(name: string, filters: readonly JsonObject[], ...segments: readonly string[]): ContractCase {
  return {
    name,
    feature: "Listener filters: timeouts",
    listener: { listener_filters: filters, listener_filters_timeout: "0.3s", filter_chains: CHAINS, stat_prefix: "s" },
    client: [...segments, ended()],
    stats: [
      "listener.s.downstream_pre_cx_timeout",
      "listener.s.downstream_cx_total",
      "listener.s.downstream_pre_cx_active",
    ],
  };
}

const A_TEST = clientHello({ serverName: "a.test" });
const h = (at: number, value: number): string =>
  A_TEST.slice(0, at) + String.fromCharCode(value) + A_TEST.slice(at + 1);
const HTTP_INSPECTOR = listenerFilter("http_inspector", "HttpInspector");

export const CASES: readonly ContractCase[] = [
  hello("a name", A_TEST),
  hello("neither name nor protocols", clientHello()),
  hello("protocols", clientHello({ serverName: "b.test", protocols: ["x", "h2"] })),
  hello("in segments of one byte at first", ...A_TEST.slice(0, 12).split(""), A_TEST.slice(12)),
  hello("in two halves", A_TEST.slice(0, 60), A_TEST.slice(60)),
  hello("in records of ten bytes", clientHello({ serverName: "a.test", recordBytes: 10 })),
  hello("in records of one byte", clientHello({ serverName: "a.test", recordBytes: 1 })),
  hello("more behind it", `${A_TEST}\x17\x03\x03\x00\x05hello`),
  hello("a long one", clientHello({ serverName: "a.test", padding: 12_000 })),
  hello("a name in capitals", clientHello({ serverName: "A.Test" })),
  hello("a name with a dot at its end", clientHello({ serverName: "a.test." })),
  hello("one that is too big", clientHello({ serverName: "a.test", padding: 16_300, recordBytes: 8000 })),
  hello("a message that says it is longer than any", records("\x01\x00\x50\x00" + "x".repeat(100))),
  hello("plain text", "hello there, who are you?"),
  hello("an HTTP request", "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n"),
  hello("a record of another type", `\x17${A_TEST.slice(1)}`),
  hello("a record of another version", h(1, 2)),
  hello("a record of a version that is not yet", h(2, 9)),
  hello("a handshake of another type", h(5, 2)),
  hello("a record too long for any", `\x16\x03\x01\x50\x00${"x".repeat(100)}`),
  hello(
    "cipher suites of an odd length",
    records("\x01\x00\x00\x2a\x03\x03" + "r".repeat(32) + "\0\0\x03\xc0\x2b\xc0\x01\0"),
  ),
  hello("no extensions", records("\x01\x00\x00\x29\x03\x03" + "r".repeat(32) + "\0\0\x02\xc0\x2b\x01\0")),
  hello(
    "extensions that end too early",
    records(`\x01\x00\x00\x2d\x03\x03${"r".repeat(32)}\0\0\x02\xc0\x2b\x01\0\0\x02\0\0`),
  ),
  hello(
    "an extension twice",
    clientHello({ serverName: "a.test", extensions: [extension(23, ""), extension(23, "")] }),
  ),
  hello("a name of no length", clientHello({ serverName: "" })),
  hello("a name with a zero in it", clientHello({ serverName: "a.test\0" })),
  hello("a name of 255 characters", clientHello({ serverName: `${"x".repeat(248)}.a.test` })),
  hello("a name of 256 characters", clientHello({ serverName: `${"x".repeat(249)}.a.test` })),
  hello("a name of another type", clientHello({ extensions: [extension(0, "\0\x09\x01\0\x06a.test")] })),
  hello("two names", clientHello({ extensions: [extension(0, "\0\x12\0\0\x06a.test\0\0\x06b.test")] })),
  hello("protocols of no length", clientHello({ protocols: [""] })),
  hello("no protocols in the list", clientHello({ protocols: [] })),
  hello("empty records before it", `${"\x16\x03\x01\0\0".repeat(3)}${A_TEST}`),
  hello("too many empty records", `${"\x16\x03\x01\0\0".repeat(40)}${A_TEST}`),
  hello("an old version of TLS", records(A_TEST.slice(5, 9) + "\x03\x01" + A_TEST.slice(11))),
  hello("SSL 3.0", records(A_TEST.slice(5, 9) + "\x03\x00" + A_TEST.slice(11))),
  hello("hello of SSL 2.0", "\x80\x2e\x01\x03\x01\x00\x15\x00\x00\x00\x10" + "\x01\x00\x80".repeat(7) + "r".repeat(16)),
  {
    name: "a client that closes without a word",
    feature: "Listener filters: tls_inspector",
    listener: { listener_filters: [TLS_INSPECTOR], filter_chains: CHAINS, stat_prefix: "s" },
    client: [
      { do: "connect", on: "c", listener: "l" },
      stat("listener.s.downstream_pre_cx_active", 1),
      close(),
      stat("listener.s.downstream_pre_cx_active", 0),
    ],
    stats: [
      "listener.s.downstream_listener_filter_remote_close",
      "listener.s.downstream_cx_total",
      "listener.s.downstream_listener_filter_error",
    ],
  },
  {
    name: "a client that has said its last word in the middle of its hello",
    feature: "Listener filters: tls_inspector",
    listener: {
      listener_filters: [TLS_INSPECTOR],
      filter_chains: CHAINS,
      stat_prefix: "s",
      listener_filters_timeout: "0.5s",
    },
    client: [A_TEST.slice(0, 40), finish(), ended()],
    stats: ["listener.s.downstream_listener_filter_remote_close", "listener.s.downstream_pre_cx_timeout"],
  },
  {
    name: "a client that has said its last word after its hello",
    feature: "Listener filters: tls_inspector",
    listener: { listener_filters: [TLS_INSPECTOR], filter_chains: CHAINS },
    client: [A_TEST, finish(), ended()],
  },
  {
    name: "a hello that cannot be read closes where that is wanted",
    feature: "Listener filters: tls_inspector",
    listener: {
      listener_filters: [
        listenerFilter("tls_inspector", "TlsInspector", { close_connection_on_client_hello_parsing_errors: true }),
      ],
      filter_chains: CHAINS,
    },
    client: ["hello there, who are you?", ended()],
    stats: TLS_STATS,
  },
  {
    name: "a limit for hellos",
    feature: "Listener filters: tls_inspector",
    listener: {
      listener_filters: [listenerFilter("tls_inspector", "TlsInspector", { max_client_hello_size: 256 })],
      filter_chains: CHAINS,
    },
    client: [
      A_TEST,
      ended(),
      { do: "send", on: "d", bytes: clientHello({ serverName: "a.test", padding: 300 }) },
      ended("d"),
    ],
    stats: TLS_STATS,
  },
  http("HTTP/1.1", "GET / HTTP/1.1\r\n"),
  http("HTTP/1.0", "GET / HTTP/1.0\r\n"),
  http("HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
  http("in segments", "GE", "T / HT", "TP/1.1", "\r\n"),
  http("a line end without CR", "GET / HTTP/1.1\n"),
  http("a method in small letters", "get / HTTP/1.1\r\n"),
  http("a method that nobody knows", "HELLO / HTTP/1.1\r\n"),
  http("a method that nobody knows, of letters that no method begins with", "XYZ / HTTP/1.1\r\n"),
  http("a version that is none", "GET / HTTP/9.9\r\n"),
  http("no version", "GET /\r\n"),
  http("a word", "hello\r\n"),
  http("words", "hello there\r\n"),
  http("three words", "hello there you\r\n"),
  http("a space first", " GET / HTTP/1.1\r\n"),
  http("a character that no method has", "GE(T / HTTP/1.1\r\n"),
  http("a lower-case version", "GET / http/1.1\r\n"),
  http("a version that is longer", "GET / HTTP/1.10\r\n"),
  http("every path", "OPTIONS * HTTP/1.1\r\n"),
  http("a whole URL", "GET http://a.test/ HTTP/1.1\r\n"),
  http("a target that is no path", "GET a HTTP/1.1\r\n"),
  http("CONNECT", "CONNECT a.test:80 HTTP/1.1\r\n"),
  http("two spaces", "GET  /  HTTP/1.1\r\n"),
  http("bytes behind a letter", "G\x00\x01 / HTTP/1.1\r\n"),
  http("bytes", "\x00\x01\x02\x03"),
  http("TLS", A_TEST),
  http("an empty line first", "\r\nGET / HTTP/1.1\r\n"),
  http("a method that is known, and a target with a space", "GET /a b HTTP/1.1\r\n"),
  {
    name: "http_inspector leaves TLS alone",
    feature: "Listener filters: http_inspector",
    listener: { listener_filters: [TLS_INSPECTOR, HTTP_INSPECTOR], filter_chains: CHAINS },
    client: [
      A_TEST,
      ended(),
      { do: "send", on: "d", bytes: "GET / HTTP/1.1\r\n" },
      ended("d"),
      { do: "send", on: "e", bytes: "hello there\r\n" },
      ended("e"),
    ],
    stats: [...TLS_STATS, ...HTTP_STATS],
  },
  undecided("nothing is said in time", [TLS_INSPECTOR]),
  undecided("half a hello in time", [TLS_INSPECTOR], A_TEST.slice(0, 40)),
  undecided("plain text without a line end in time", [HTTP_INSPECTOR], "hello there"),
  undecided("half a preface in time", [HTTP_INSPECTOR], "PRI * HTTP/2"),
  undecided("a preface but for its last byte", [HTTP_INSPECTOR], "PRI * HTTP/2.0\r\n\r\nSM\r\n\r"),
  undecided("half a request in time", [HTTP_INSPECTOR], "GET /"),
  {
    ...undecided("half a hello, and on it goes", [TLS_INSPECTOR], A_TEST.slice(0, 40)),
    listener: {
      listener_filters: [TLS_INSPECTOR],
      listener_filters_timeout: "0.3s",
      continue_on_listener_filters_timeout: true,
      filter_chains: CHAINS,
      stat_prefix: "s",
    },
  },
  {
    ...undecided("nothing is said, and on it goes", [TLS_INSPECTOR]),
    listener: {
      listener_filters: [TLS_INSPECTOR],
      listener_filters_timeout: "0.3s",
      continue_on_listener_filters_timeout: true,
      filter_chains: CHAINS,
      stat_prefix: "s",
    },
    client: [{ do: "connect", on: "c", listener: "l" }, got("anything else"), ended()],
  },
  {
    name: "no timeout",
    feature: "Listener filters: timeouts",
    listener: {
      listener_filters: [TLS_INSPECTOR],
      listener_filters_timeout: "0s",
      filter_chains: CHAINS,
      stat_prefix: "s",
    },
    client: [A_TEST.slice(0, 40), elapse(500), A_TEST.slice(40), ended()],
    stats: ["listener.s.downstream_pre_cx_timeout"],
  },
  {
    name: "a filter that is disabled for a port",
    feature: "Listener filters: filter_disabled",
    listener: {
      listener_filters: [
        listenerFilter("proxy_protocol", "ProxyProtocol"),
        listenerFilter(
          "tls_inspector",
          "TlsInspector",
          {},
          {
            filter_disabled: {
              or_match: {
                rules: [
                  { destination_port_range: { start: 80, end: 82 } },
                  { not_match: { destination_port_range: { start: 1, end: 1000 } } },
                ],
              },
            },
          },
        ),
      ],
      filter_chains: CHAINS,
    },
    client: [79, 80, 81, 82, 999, 1000].flatMap((port, i) => {
      const on = String.fromCharCode(97 + i);
      return [{ do: "send", on, bytes: `PROXY TCP4 10.0.0.1 10.0.0.2 5 ${port}\r\n${A_TEST}` } as const, ended(on)];
    }),
    stats: TLS_STATS,
  },
  {
    name: "connections over the limit are closed",
    feature: "Listener filters: local_ratelimit",
    listener: {
      listener_filters: [
        listenerFilter("local_ratelimit", "LocalRateLimit", {
          stat_prefix: "p",
          token_bucket: { max_tokens: 2, tokens_per_fill: 1, fill_interval: "100s" },
        }),
      ],
      filter_chains: [chain({}, [says("hello")])],
    },
    client: ["a", "b", "d"].flatMap((on) => [{ do: "connect", on, listener: "l" } as const, ended(on)]),
    stats: ["listener_local_ratelimit.p.rate_limited"],
  },
];
