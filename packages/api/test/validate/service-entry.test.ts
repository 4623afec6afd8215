import assert from "node:assert/strict";
import { test } from "node:test";
import { faultsOf } from "../support/diagnose.ts";

const entry = (fields: string): string[] => faultsOf("ServiceEntry", `  {${fields}}\n`);

test("resolution, endpoints and addresses fit together", () => {
  assert.deepEqual(entry("hosts: [a.b], endpoints: [{address: 10.0.0.1}]"), [
    "spec.endpoints: is set with resolution NONE, expected resolution STATIC or DNS",
  ]);
  assert.deepEqual(entry("hosts: [a.b], resolution: STATIC, endpoints: [{address: a.example.com}]"), [
    'spec.endpoints[0].address: is "a.example.com", expected an IP address, as resolution is STATIC',
  ]);
  assert.deepEqual(entry('hosts: ["*.b.c"], resolution: DNS, addresses: [10.0.0.0/8]'), [
    'spec.hosts[0]: is "*.b.c", expected a name without wildcard, or endpoints, as resolution is DNS',
    "spec.addresses[0]: is the block 10.0.0.0/8, expected an address, as resolution is DNS",
  ]);
  assert.deepEqual(entry("hosts: [a.b], resolution: DNS_ROUND_ROBIN, endpoints: [{address: a.b}, {address: c.d}]"), [
    "spec.endpoints: has 2 items, expected at most 1 with resolution DNS_ROUND_ROBIN",
  ]);
  assert.deepEqual(
    entry('hosts: ["*.b.c"], resolution: DYNAMIC_DNS, ports: [{number: 443, name: tls, protocol: TLS}]'),
    [],
  );
  assert.deepEqual(
    entry("hosts: [a.b], resolution: STATIC, endpoints: [{address: 10.0.0.1}], workloadSelector: {labels: {a: b}}"),
    ["spec.workloadSelector: is set together with endpoints, expected only one of endpoints, workloadSelector"],
  );
});

test("ports are named and numbered once, in range, with known protocols", () => {
  assert.deepEqual(
    entry("hosts: [a.b], ports: [{number: 80, name: a}, {number: 80, name: a}, {number: 81, name: b_, protocol: X}]"),
    [
      "spec.ports[1].number: port 80 exists already, expected each number once",
      'spec.ports[1].name: port "a" exists already, expected each name once',
      'spec.ports[2].name: is "b_", expected a DNS label',
      'spec.ports[2].protocol: is "X", expected one of HTTP, HTTPS, GRPC, HTTP2, MONGO, TCP, TLS',
    ],
  );
  assert.deepEqual(entry("hosts: [a.b], ports: [{number: 0, name: a}, {number: 65536, name: b}]"), [
    "spec.ports[0].number: is 0, expected an integer from 1 to 65535",
    "spec.ports[1].number: is 65536, expected an integer from 1 to 65535",
  ]);
});

test("several hosts need a protocol that tells them apart", () => {
  assert.deepEqual(entry("hosts: [a.b, c.d], resolution: DNS, ports: [{number: 80, name: a, protocol: TCP}]"), [
    "spec.ports[0].protocol: is TCP, expected HTTP or TLS, as there are several hosts",
  ]);
});

test("a host may not be everything", () => {
  assert.deepEqual(entry('hosts: ["*"]'), [
    'spec.hosts[0]: is "*", expected a host, or a wildcard for one domain such as *.example.com',
  ]);
  assert.deepEqual(entry("hosts: []"), ["spec.hosts: has 0 items, expected a list of 1 to 256 items"]);
});

test("an endpoint's ports are ports of the entry", () => {
  assert.deepEqual(
    entry(
      "hosts: [a.b], resolution: STATIC, ports: [{number: 80, name: http}], endpoints: [{address: 10.0.0.1, ports: {https: 1}}]",
    ),
    ["spec.endpoints[0].ports.https: is no port of the entry, expected one of http"],
  );
});

test("a workload has an address or a network", () => {
  assert.deepEqual(faultsOf("WorkloadEntry", "  {labels: {a: b}}\n"), [
    "spec.address: is missing, expected an address, or a network",
  ]);
  assert.deepEqual(faultsOf("WorkloadEntry", "  {network: n}\n"), [
    'warning: spec.address: is missing; only the gateway of network "n" leads there',
  ]);
  assert.deepEqual(faultsOf("WorkloadEntry", '  {address: "a b"}\n'), [
    'spec.address: is "a b", expected an IP address or a DNS name',
  ]);
  assert.deepEqual(faultsOf("WorkloadEntry", "  {address: unix:///a, ports: {http: 80}}\n"), [
    "spec.ports: is set for a Unix socket, expected no ports",
  ]);
});

test("a workload group's template has no address, and labels elsewhere", () => {
  assert.deepEqual(faultsOf("WorkloadGroup", "  {template: {address: 10.0.0.1, labels: {a: b}}}\n"), [
    "spec.template.address: is set in a template, expected no address: each workload brings its own",
    "warning: spec.template.labels: is set in a template; labels of the workloads belong in spec.metadata.labels",
  ]);
});
