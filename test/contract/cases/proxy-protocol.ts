/** The PROXY protocol, as it comes in. */
import type { ContractCase, JsonObject } from "../harness/case.ts";
import { chain, fileLog, ipv4, listenerFilter, networkFilter, proxyV2 } from "../harness/filters.ts";
import { ended, finish } from "../harness/steps.ts";

const says = (text: string): JsonObject =>
  networkFilter("direct_response", "Config", { response: { inline_string: text } });

const STATS = [
  "proxy_proto.not_found_allowed",
  "proxy_proto.not_found_disallowed",
  "proxy_proto.versions.v1.found",
  "proxy_proto.versions.v1.disallowed",
  "proxy_proto.versions.v1.error",
  "proxy_proto.versions.v2.found",
  "proxy_proto.versions.v2.disallowed",
  "proxy_proto.versions.v2.error",
];

const LOG =
  "%DOWNSTREAM_REMOTE_ADDRESS% %DOWNSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT% %DOWNSTREAM_DIRECT_LOCAL_ADDRESS% " +
  "%DYNAMIC_METADATA(envoy.filters.listener.proxy_protocol)% %DYNAMIC_METADATA(n)%";

function header(name: string, config: JsonObject, ...segments: readonly string[]): ContractCase {
  return {
    name,
    feature: "PROXY protocol: towards listeners",
    listener: {
      listener_filters: [listenerFilter("proxy_protocol", "ProxyProtocol", config)],
      listener_filters_timeout: "0.5s",
      filter_chains: [chain({}, [says("hello")])],
      access_log: [fileLog(LOG)],
    },
    client: [...segments, ended()],
    stats: STATS,
  };
}

const V1 = "PROXY TCP4 10.1.1.1 10.2.2.2 1111 2222\r\n";
const TCP4 = 0x11;
const V4 = ipv4("10.1.1.1", "10.2.2.2", 1111, 2222);
const V2 = proxyV2(1, TCP4, V4);
const V6 = `\x20\x01\x0d\xb8${"\0".repeat(11)}\x01\x20\x01\x0d\xb8${"\0".repeat(11)}\x02\x04\x57\x08\xae`;
const OPTIONAL = { allow_requests_without_proxy_protocol: true };
const rule = (tlv_type: number, key: string, more: JsonObject = {}): JsonObject => ({
  tlv_type,
  on_tlv_present: { key, ...more },
});

export const CASES: readonly ContractCase[] = [
  header("version 1", {}, V1),
  header("version 1, IPv6", {}, "PROXY TCP6 2001:db8::1 2001:db8::2 1111 2222\r\n"),
  header("version 1, IPv6 written at length", {}, "PROXY TCP6 2001:0DB8:0:0:0:0:0:1 2001:db8::2 1111 2222\r\n"),
  header("version 1, unknown", {}, "PROXY UNKNOWN\r\n"),
  header("version 1, unknown with addresses", {}, "PROXY UNKNOWN 1.1.1.1 2.2.2.2 3 4\r\n"),
  header("version 1, in segments", {}, V1.slice(0, 3), V1.slice(3, 20), V1.slice(20)),
  header("version 1, with data behind it", {}, `${V1}data`),
  header("version 1, UDP", {}, "PROXY UDP4 10.1.1.1 10.2.2.2 1111 2222\r\n"),
  header("version 1, the family of another address", {}, "PROXY TCP6 10.1.1.1 10.2.2.2 1111 2222\r\n"),
  header("version 1, families mixed", {}, "PROXY TCP4 10.1.1.1 2001:db8::2 1111 2222\r\n"),
  header("version 1, a port that is too big", {}, "PROXY TCP4 10.1.1.1 10.2.2.2 65536 2222\r\n"),
  header("version 1, port 0", {}, "PROXY TCP4 10.1.1.1 10.2.2.2 0 0\r\n"),
  header("version 1, no port", {}, "PROXY TCP4 10.1.1.1 10.2.2.2 1111\r\n"),
  header("version 1, one word too many", {}, "PROXY TCP4 10.1.1.1 10.2.2.2 1111 2222 3\r\n"),
  header("version 1, two spaces", {}, "PROXY TCP4  10.1.1.1 10.2.2.2 1111 2222\r\n"),
  header("version 1, no CR", {}, "PROXY TCP4 10.1.1.1 10.2.2.2 1111 2222\n"),
  header("version 1, longer than any", {}, `PROXY TCP4 ${"1".repeat(120)}`),
  header("version 1, an address that is none", {}, "PROXY TCP4 10.1.1.256 10.2.2.2 1111 2222\r\n"),
  header("version 1, no address", {}, "PROXY \r\n"),
  header("version 1, lower-case", {}, "proxy TCP4 10.1.1.1 10.2.2.2 1111 2222\r\n"),
  header("version 1, a port with a sign", {}, "PROXY TCP4 10.1.1.1 10.2.2.2 +1 2222\r\n"),
  header("version 1, an address with leading zeros", {}, "PROXY TCP4 010.1.1.1 10.2.2.2 1111 2222\r\n"),
  header("version 2", {}, V2),
  header("version 2, IPv6", {}, proxyV2(1, 0x21, V6)),
  header("version 2, in segments", {}, V2.slice(0, 5), V2.slice(5, 14), V2.slice(14, 20), V2.slice(20)),
  header("version 2, of the sender itself", {}, proxyV2(0, 0, "")),
  header("version 2, of the sender itself, with addresses", {}, proxyV2(0, TCP4, V4)),
  header("version 2, UDP", {}, proxyV2(1, 0x12, V4)),
  header("version 2, of no family", {}, proxyV2(1, 0, "")),
  header("version 2, a Unix socket", {}, proxyV2(1, 0x31, "\0".repeat(216))),
  header("version 2, another command", {}, proxyV2(2, TCP4, V4)),
  header("version 2, another version", {}, V2.slice(0, 12) + "\x11" + V2.slice(13)),
  header("version 2, too short for its addresses", {}, proxyV2(1, TCP4, V4.slice(0, 8))),
  header("version 2, not all of it in time", {}, V2.slice(0, 20)),
  header(
    "version 2, what it says beside addresses",
    { rules: [rule(0xea, "vpc"), rule(2, "authority", { metadata_namespace: "n" })] },
    proxyV2(1, TCP4, V4, [
      [0xea, "vpc-1"],
      [2, "a.test"],
      [3, "abcd"],
    ]),
  ),
  header(
    "version 2, bytes that are no text",
    { rules: [rule(0xea, "k")] },
    proxyV2(1, TCP4, V4, [[0xea, "a\xff\xfeb"]]),
  ),
  header(
    "version 2, in base64",
    { rules: [rule(0xea, "k", { value_string_encoding: "BASE64" })] },
    proxyV2(1, TCP4, V4, [[0xea, "a\xff\xfeb"]]),
  ),
  header(
    "version 2, the same twice",
    { rules: [rule(0xea, "k")] },
    proxyV2(1, TCP4, V4, [
      [0xea, "one"],
      [0xea, "two"],
    ]),
  ),
  header(
    "version 2, what is said is longer than there is room",
    { rules: [rule(0xea, "k")] },
    proxyV2(1, TCP4, `${V4}\xea\0\x09abc`),
  ),
  header(
    "version 2, what is said of the sender itself",
    { rules: [rule(0xea, "k")] },
    proxyV2(0, TCP4, V4, [[0xea, "one"]]),
  ),
  header("version 2, a length of nothing", { rules: [rule(0xea, "k")] }, proxyV2(1, TCP4, V4, [[0xea, ""]])),
  header("none", {}, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
  ...[2, 6, 11, 12, 15, 16, 17].map((length) => header(`none, of ${length} bytes`, {}, "x".repeat(length))),
  ...[7, 12, 40].map((length) => header(`version 1 without an end, of ${length} bytes`, {}, V1.slice(0, length))),
  header("longer than any, where there need not be any", OPTIONAL, `PROXY TCP4 ${"1".repeat(120)}`),
  header("none, where there need not be any", OPTIONAL, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
  header("none, of few bytes, where there need not be any", OPTIONAL, "hi"),
  header("what begins like one, where there need not be any", OPTIONAL, "PROX"),
  header("a malformed one, where there need not be any", OPTIONAL, "PROXY TCP4 hello\r\n"),
  header("one, where there need not be any", OPTIONAL, V1),
  header("version 1 where it is not allowed", { disallowed_versions: ["V1"] }, V1),
  header("version 2 where it is not allowed", { disallowed_versions: ["V2"] }, V2),
  header("the version that is allowed", { disallowed_versions: ["V1"] }, V2),
  header(
    "version 1 where it is not allowed, and there need not be any",
    { ...OPTIONAL, disallowed_versions: ["V1"] },
    V1,
  ),
  header(
    "version 2 where it is not allowed, and there need not be any",
    { ...OPTIONAL, disallowed_versions: ["V2"] },
    V2,
  ),
  { ...header("an end in the middle of it", {}, V1.slice(0, 10)), client: [V1.slice(0, 10), finish(), ended()] },
  {
    ...header("a prefix of its counters", { stat_prefix: "p" }, V1),
    stats: ["proxy_proto.p.versions.v1.found", "proxy_proto.versions.v1.found"],
  },
];
