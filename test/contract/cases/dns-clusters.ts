/** STRICT_DNS and LOGICAL_DNS: endpoints that are names. */
import { type ContractCase, type DnsAnswer, type JsonObject } from "../harness/case.ts";
import { answer, asked, elapse, gate, get, got, inTurn, open, seen, stat, toCluster } from "../harness/steps.ts";
import { RESOLVER } from "./dynamic-forward-proxy.ts";

function named(name: string, port = "b"): JsonObject {
  return { endpoint: { address: { socket_address: { address: name, port_value: `{port ${port}}` } } } };
}

function cluster(
  type: string,
  fields: JsonObject = {},
  names: readonly JsonObject[] = [named("b.test")],
): NonNullable<ContractCase["clusters"]> {
  return {
    a: {
      type,
      dns_lookup_family: "V4_ONLY",
      typed_dns_resolver_config: RESOLVER,
      load_assignment: { cluster_name: "a", endpoints: [{ lb_endpoints: names }] },
      ...fields,
    },
  };
}

const STATS = [
  "cluster.a.membership_total",
  "cluster.a.membership_healthy",
  "cluster.a.membership_change",
  "cluster.a.update_attempt",
  "cluster.a.update_success",
  "cluster.a.update_failure",
  "cluster.a.update_empty",
  "cluster.a.update_no_rebuild",
  "cluster.a.upstream_cx_total",
  "cluster.a.upstream_cx_none_healthy",
];

/** What does not change with each lookup. */
const STAYING = ["cluster.a.membership_total", "cluster.a.membership_change"];

const at = (...addresses: readonly string[]): DnsAnswer => ({ addresses });
const HERE: readonly DnsAnswer[] = [at("127.0.0.1")];
const to = (count: number) => inTurn(...Array.from({ length: count }, () => get()));

interface Row extends Partial<ContractCase> {
  readonly fields?: JsonObject;
  readonly names?: readonly JsonObject[];
}

function cases(type: string, feature: string, table: Readonly<Record<string, Row>>): ContractCase[] {
  return Object.entries(table).map(([name, { fields, names, ...parts }]) => ({
    name: `${type}: ${name}`,
    feature: `DNS: ${feature}`,
    clusters: cluster(type, fields, names),
    upstreams: { b: answer(200, "b") },
    dns: { "b.test A": HERE },
    client: to(1),
    // What is looked up again and again is counted on.
    stats: fields?.["dns_refresh_rate"] === "1s" ? STAYING : STATS,
    accessLog: "%RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %UPSTREAM_HOST% %UPSTREAM_HOST_NAME%",
    ...parts,
  }));
}

/** What holds for both. */
function both(feature: string, table: Readonly<Record<string, Row>>): ContractCase[] {
  return [...cases("STRICT_DNS", feature, table), ...cases("LOGICAL_DNS", feature, table)];
}

const again: ContractCase["client"] = [...to(1), stat("cluster.a.update_success", 2), get(), got(2)];

/** Whether it counts as a success is another thing. */
const later: ContractCase["client"] = [...to(1), stat("cluster.a.update_attempt", 2), elapse(50), get(), got(2)];

/** Of several names nothing is counted that depends on the order in which they are answered. */
const COUNTED = STATS.filter((name) => !/membership_change|no_rebuild/.test(name));

/** No more often than that: a case without a record is over when nothing happens for half a second. */
const CHECKED: JsonObject = {
  dns_refresh_rate: "2s",
  common_lb_config: { healthy_panic_threshold: { value: 0 } },
  health_checks: [
    {
      timeout: "1s",
      interval: "2s",
      no_traffic_interval: "2s",
      unhealthy_threshold: 1,
      healthy_threshold: 1,
      http_health_check: { path: "/health" },
    },
  ],
};

/** At the port of `h` when it is checked. */
const CHECKED_NAME: JsonObject = {
  endpoint: {
    address: { socket_address: { address: "b.test", port_value: "{port b}" } },
    health_check_config: { port_value: "{port h}" },
  },
};

export const CASES: readonly ContractCase[] = [
  ...both("names", {
    "a name": {},
    "an address": { names: [named("127.0.0.1")] },
    "an address of another family": { names: [named("::1")], client: to(1) },
    localhost: { names: [named("localhost")] },
    "two addresses": {
      router: { suppress_envoy_headers: true },
      dns: { "b.test A": [at("127.0.0.1", "127.0.0.2")] },
      client: [get(), got(1)],
      accessLog: "%RESPONSE_CODE%",
      upstreams: { b: answer(200, "b") },
      routes: [toCluster("/", "a", { retry_policy: { retry_on: "connect-failure", num_retries: 3 } })],
      stats: ["cluster.a.membership_total"],
    },
    "the host name rewrites the authority": { routes: [toCluster("/", "a", { auto_host_rewrite: true })] },
    "a host name of its own": {
      names: [
        {
          endpoint: {
            address: { socket_address: { address: "b.test", port_value: "{port b}" } },
            hostname: "own.test",
          },
        },
      ],
      routes: [toCluster("/", "a", { auto_host_rewrite: true })],
    },
    "a name that is not there": { dns: {} },
    "a name without an address": { dns: { "b.test A": [at()] } },
    SERVFAIL: { dns: { "b.test A": ["SERVFAIL"] } },
  }),
  ...both("refresh", {
    "every dns_refresh_rate": {
      fields: { dns_refresh_rate: "1s" },
      client: [...to(1), asked("b.test A", 3)],
      stats: ["cluster.a.membership_total"],
    },
    respect_dns_ttl: {
      fields: { respect_dns_ttl: true, dns_refresh_rate: "60s" },
      dns: { "b.test A": [{ addresses: ["127.0.0.1"], ttl: 1 }] },
      client: [...to(1), asked("b.test A", 3)],
      stats: ["cluster.a.membership_total"],
    },
    "respect_dns_ttl: longer than the rate": {
      fields: { respect_dns_ttl: true, dns_refresh_rate: "1s" },
      dns: { "b.test A": [{ addresses: ["127.0.0.1"], ttl: 60 }] },
      client: [...to(1), elapse(1500)],
    },
    "respect_dns_ttl: a time to live of 0": {
      fields: { respect_dns_ttl: true, dns_refresh_rate: "1s" },
      dns: { "b.test A": [{ addresses: ["127.0.0.1"], ttl: 0 }] },
      client: [...to(1), elapse(500)],
    },
    "without respect_dns_ttl": {
      fields: { dns_refresh_rate: "60s" },
      dns: { "b.test A": [{ addresses: ["127.0.0.1"], ttl: 1 }] },
      client: [...to(1), elapse(1500)],
    },
    dns_jitter: {
      fields: { dns_refresh_rate: "0.5s", dns_jitter: "0.2s" },
      client: [...to(1), asked("b.test A", 2)],
      stats: ["cluster.a.membership_total"],
    },
    "the same again": {
      fields: { dns_refresh_rate: "1s" },
      dns: { "b.test A": [at("127.0.0.1"), { addresses: ["127.0.0.1"] }] },
      client: [...to(1), stat("cluster.a.update_success", 2)],
    },
    "another address": {
      fields: { dns_refresh_rate: "1s" },
      dns: { "b.test A": [at("127.0.0.1"), at("127.0.0.2")] },
      client: again,
    },
    "another address, new connections": {
      fields: { dns_refresh_rate: "1s", max_requests_per_connection: 1 },
      dns: { "b.test A": [at("127.0.0.1"), at("127.0.0.2")] },
      client: again,
    },
    "one more address": {
      fields: { dns_refresh_rate: "1s" },
      dns: { "b.test A": [at("127.0.0.1"), at("127.0.0.1", "127.0.0.2")] },
      client: [...to(1), stat("cluster.a.update_success", 2)],
    },
    "the name is gone": {
      fields: { dns_refresh_rate: "1s" },
      dns: { "b.test A": [at("127.0.0.1"), "NXDOMAIN"] },
      client: later,
      stats: STAYING,
    },
    "the addresses are gone": {
      fields: { dns_refresh_rate: "1s" },
      dns: { "b.test A": [at("127.0.0.1"), at()] },
      client: later,
      stats: STAYING,
    },
    "a failure": {
      fields: { dns_refresh_rate: "1s" },
      dns: { "b.test A": [at("127.0.0.1"), "SERVFAIL"] },
      client: [...to(1), stat("cluster.a.update_failure", 1), get(), got(2)],
    },
    "a request under way to an address that goes": {
      fields: { dns_refresh_rate: "1s" },
      dns: { "b.test A": [at("127.0.0.1"), at("127.0.0.2")] },
      upstreams: { b: { answers: [[gate("go"), answer(200, "b")]] } },
      client: [get(), seen("b", 1), stat("cluster.a.update_success", 2), open("go"), got(1)],
    },
    dns_failure_refresh_rate: {
      fields: { dns_refresh_rate: "60s", dns_failure_refresh_rate: { base_interval: "0.2s", max_interval: "0.2s" } },
      dns: { "b.test A": ["SERVFAIL", ...HERE] },
      client: [stat("cluster.a.membership_total", 1), ...to(1)],
    },
    "dns_failure_refresh_rate of a name that is not there": {
      fields: { dns_refresh_rate: "1s", dns_failure_refresh_rate: { base_interval: "0.2s", max_interval: "0.2s" } },
      dns: { "b.test A": ["NXDOMAIN", ...HERE] },
      client: [stat("cluster.a.membership_total", 1), ...to(1)],
      stats: STAYING.slice(0, 1),
    },
    "dns_failure_refresh_rate: a maximum below the base": {
      refused: true,
      fields: { dns_failure_refresh_rate: { base_interval: "2s", max_interval: "1s" } },
    },
  }),
  ...cases("STRICT_DNS", "names", {
    // No request: which of the two is asked first depends on whose answer came first.
    "two names": {
      stats: COUNTED,
      names: [named("b.test"), named("c.test", "c")],
      dns: { "b.test A": HERE, "c.test A": HERE },
      client: [stat("cluster.a.membership_total", 2)],
      upstreams: {},
    },
    "two names of one address": {
      waived: "an address and port is one endpoint, however many names lead to it: one set of connections, one health",
      names: [named("b.test"), named("c.test")],
      dns: { "b.test A": HERE, "c.test A": HERE },
    },
    "one of two names is not there": { names: [named("b.test"), named("c.test")], stats: COUNTED },
    "one of two names fails": {
      stats: COUNTED,
      names: [named("b.test"), named("c.test")],
      dns: { "b.test A": HERE, "c.test A": ["SERVFAIL"] },
    },
  }),
  ...cases("LOGICAL_DNS", "names", {
    "of several addresses the first refuses": {
      stats: ["cluster.a.membership_total"],
      dns: { "b.test A": [at("127.0.0.2", "127.0.0.1")] },
    },
    "two names": { refused: true, names: [named("b.test"), named("c.test")] },
    "two localities": {
      refused: true,
      fields: {
        load_assignment: {
          cluster_name: "a",
          endpoints: [{ lb_endpoints: [named("b.test")] }, { lb_endpoints: [named("b.test")] }],
        },
      },
    },
  }),
  ...cases("STRICT_DNS", "health", {
    "an address that is gone stays while it passes checks": {
      fields: CHECKED,
      names: [CHECKED_NAME],
      upstreams: { b: answer(200, "b"), h: answer(200, "h") },
      dns: { "b.test A": [at("127.0.0.1"), at("127.0.0.2")] },
      client: [...to(1), stat("cluster.a.membership_total", 2), get(), got(2)],
      stats: ["cluster.a.membership_total", "cluster.a.membership_healthy", "cluster.a.membership_change"],
    },
  }),
  ...both("families", {
    V6_ONLY: {
      fields: { dns_lookup_family: "V6_ONLY" },
      names: [named("c.test", "none")],
      upstreams: { none: { refused: true } },
      dns: { "c.test A": HERE, "c.test AAAA": [at("::1")] },
    },
    "V6_ONLY, and there is only IPv4": { fields: { dns_lookup_family: "V6_ONLY" } },
    "AUTO: IPv6 first": {
      fields: { dns_lookup_family: "AUTO" },
      names: [named("c.test", "none")],
      upstreams: { none: { refused: true } },
      dns: { "c.test A": HERE, "c.test AAAA": [at("::1")] },
    },
    "AUTO: IPv4 where there is no IPv6": { fields: { dns_lookup_family: "AUTO" } },
    V4_PREFERRED: {
      fields: { dns_lookup_family: "V4_PREFERRED" },
      dns: { "b.test A": HERE, "b.test AAAA": [at("::1")] },
    },
    "V4_PREFERRED: IPv6 where there is no IPv4": {
      fields: { dns_lookup_family: "V4_PREFERRED" },
      names: [named("c.test", "none")],
      upstreams: { none: { refused: true } },
      dns: { "c.test AAAA": [at("::1")] },
    },
    ALL: {
      fields: { dns_lookup_family: "ALL" },
      dns: { "b.test A": HERE, "b.test AAAA": [at("::1")] },
      accessLog: "%RESPONSE_CODE%",
      client: [],
      stats: ["cluster.a.membership_total"],
    },
  }),
];
