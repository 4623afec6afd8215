import assert from "node:assert/strict";
import { test } from "node:test";
import { fromJson, type JsonObject } from "@bufbuild/protobuf";
import { FilterChainMatchSchema } from "@tulle/xds/gen/envoy/config/listener/v3/listener_components_pb.js";
import { FilterChainMatcher, type MatchedConnection } from "../../src/plan/filter-chain-match.ts";
import { Place, type Problem } from "../../src/plan/problems.ts";

const CONNECTION: MatchedConnection = {
  localAddress: "10.0.0.1",
  localPort: 80,
  serverName: "",
  transportProtocol: "raw_buffer",
  applicationProtocols: [],
  directRemoteAddress: "10.9.9.9",
  remoteAddress: "10.9.9.9",
  remotePort: 40_000,
};

function matcherOf(...matches: readonly JsonObject[]): FilterChainMatcher {
  const matcher = new FilterChainMatcher();
  const problems: Problem[] = [];
  for (const [i, json] of matches.entries()) {
    assert.equal(matcher.add(fromJson(FilterChainMatchSchema, json), i, new Place("", problems)), -1);
  }
  assert.deepEqual(problems, []);
  return matcher;
}

function find(matches: readonly JsonObject[], ...connections: readonly Partial<MatchedConnection>[]): number[] {
  const matcher = matcherOf(...matches);
  return connections.map((each) => matcher.find({ ...CONNECTION, ...each }));
}

const range = (text: string): JsonObject => {
  const [address, length] = text.split("/");
  return { address_prefix: address, prefix_len: Number(length) };
};

test("without conditions every connection is taken", () => {
  assert.deepEqual(find([{}], {}), [0]);
});

test("a port that is named is chosen for good: a dead end in it is no match, whatever chains for any port say", () => {
  const matches = [{ destination_port: 80, source_ports: [1] }, {}];
  assert.deepEqual(find(matches, {}, { remotePort: 1 }, { localPort: 81 }), [-1, 0, 1]);
});

test("the longest prefix of the destination counts, of IPv6 too", () => {
  const matches = ["10.0.0.0/8", "10.0.0.0/24", "::1/128", "2001:db8::/32"].map((each) => ({
    prefix_ranges: [range(each)],
  }));
  const addresses = ["10.0.0.1", "10.1.0.1", "::1", "2001:db8::7", "11.0.0.1"];
  assert.deepEqual(find(matches, ...addresses.map((localAddress) => ({ localAddress }))), [1, 0, 2, 3, -1]);
  assert.deepEqual(find([...matches, {}], { localAddress: "11.0.0.1" }), [4]);
});

test("server names: exact, then the longest suffix, then any", () => {
  const matches = [
    { server_names: ["a.example.com"] },
    { server_names: ["*.example.com"] },
    { server_names: ["*.com"] },
    {},
  ];
  const names = ["a.example.com", "b.example.com", "x.y.example.com", "example.com", "com", "a.org", ""];
  assert.deepEqual(find(matches, ...names.map((serverName) => ({ serverName }))), [0, 1, 1, 2, 3, 3, 3]);
});

test("a suffix that fits is not left for a shorter one", () => {
  const matches = [{ server_names: ["*.example.com"], source_ports: [1] }, { server_names: ["*.com"] }, {}];
  assert.deepEqual(find(matches, { serverName: "a.example.com" }), [-1]);
});

test("the first protocol that the client offers and a chain wants", () => {
  const matches = [{ application_protocols: ["http/1.1"] }, { application_protocols: ["h2"] }, {}];
  const offers = [["h2", "http/1.1"], ["http/1.1", "h2"], ["x"], []];
  assert.deepEqual(find(matches, ...offers.map((applicationProtocols) => ({ applicationProtocols }))), [1, 0, 2, 2]);
});

test("transport protocol, before application protocols", () => {
  const matches = [{ transport_protocol: "tls" }, { application_protocols: ["h2"] }];
  const offer = { applicationProtocols: ["h2"] };
  assert.deepEqual(
    find(matches, { transportProtocol: "tls" }, offer, { ...offer, transportProtocol: "tls" }),
    [0, 1, 0],
  );
});

test("where a connection comes from: the same address or loopback, elsewhere, anywhere", () => {
  const here = { source_type: "SAME_IP_OR_LOOPBACK" };
  const elsewhere = { source_type: "EXTERNAL" };
  const from = ["127.0.0.1", "::1", "10.0.0.1", "10.9.9.9"].map((remoteAddress) => ({ remoteAddress }));
  assert.deepEqual(find([here, elsewhere], ...from), [0, 0, 0, 1]);
  assert.deepEqual(find([here, {}], ...from), [0, 0, 0, 1]);
  assert.deepEqual(find([elsewhere], ...from), [-1, -1, -1, 0]);
});

test("who connects and on whose behalf are two questions", () => {
  const matches = [
    { direct_source_prefix_ranges: [range("10.0.0.0/8")], source_prefix_ranges: [range("192.0.2.0/24")] },
    { source_prefix_ranges: [range("192.0.2.0/24")] },
  ];
  const remoteAddress = "192.0.2.7";
  assert.deepEqual(
    find(matches, { remoteAddress }, { remoteAddress, directRemoteAddress: "11.0.0.1" }, {}),
    [0, 1, -1],
  );
});

test("chains that want the same connection are told apart by nothing: the second is refused", () => {
  const matcher = matcherOf({ source_ports: [1, 2], server_names: ["a", "b"] });
  const again = fromJson(FilterChainMatchSchema, { source_ports: [3, 2], server_names: ["b"] });
  assert.equal(matcher.add(again, 1, new Place("", [])), 0);
});

test("ranges are told apart by what they cover", () => {
  const matcher = matcherOf({ prefix_ranges: [range("10.1.2.3/8")] });
  const again = fromJson(FilterChainMatchSchema, { prefix_ranges: [range("10.0.0.0/8")] });
  assert.equal(matcher.add(again, 1, new Place("", [])), 0);
});

test("a name with a wildcard inside is refused, and a range that is none", () => {
  const problems: Problem[] = [];
  const match = fromJson(FilterChainMatchSchema, {
    server_names: ["a.*.com", "*a.com"],
    prefix_ranges: [range("x/8")],
  });
  new FilterChainMatcher().add(match, 0, new Place("m", problems));
  assert.deepEqual(
    problems.map(({ path }) => path),
    ["m.prefix_ranges[0]", "m.server_names[0]", "m.server_names[1]"],
  );
});
