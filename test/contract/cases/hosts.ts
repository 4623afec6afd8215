/** Which virtual host is chosen for a Host, and what becomes of it. */
import type { ContractCase, JsonObject } from "../harness/case.ts";
import { get, got, head } from "../harness/steps.ts";

/** Virtual hosts for these domains; each answers with its number. */
function virtualHosts(...domains: readonly (readonly string[])[]): JsonObject[] {
  return domains.map((each, index) => ({
    name: `v${index}`,
    domains: each,
    routes: [{ match: { prefix: "" }, direct_response: { status: 200, body: { inline_string: `v${index}` } } }],
  }));
}

const HOSTS = virtualHosts(
  ["a.test", "b.test:8080"],
  ["*.a.test", "*.b.a.test", "*-dash.test"],
  ["a.*", "a.b.*", "x-*"],
  ["*"],
);

function cases(feature: string, hosts: readonly string[], parts: Partial<ContractCase> = {}): ContractCase[] {
  return hosts.map((host) => ({
    name: `${feature}: ${host}`,
    feature: `Virtual hosts: ${feature}`,
    virtualHosts: HOSTS,
    client: [get("/", `Host: ${host}`)],
    ...parts,
  }));
}

/** Forwarded, so that the Host that the upstream gets is seen. */
function stripped(feature: string, manager: JsonObject, hosts: readonly string[]): ContractCase[] {
  return hosts.map((host) => ({
    name: `${feature}: ${host}`,
    feature: `Virtual hosts: ${feature}`,
    manager,
    virtualHost: { domains: ["a.test", "[::1]", "10.0.0.1", "b.test:80"] },
    client: [get("/", `Host: ${host}`)],
  }));
}

const NAMES = [
  "a.test:80",
  "a.test",
  "a.test:",
  "a.test:0080",
  "[::1]:80",
  "[::1]",
  "10.0.0.1:8080",
  "a.test:x",
  "b.test:80",
];

export const CASES: readonly ContractCase[] = [
  ...cases("domains", [
    "a.test",
    "A.Test",
    "a.test:80",
    "b.test:8080",
    "b.test",
    "x.a.test",
    "x.b.a.test",
    "b.a.test",
    ".a.test",
    "a.example",
    "a.b.example",
    "a.",
    "x-y",
    "x-",
    "y-dash.test",
    "-dash.test",
    "other.test",
    "10.0.0.1",
    "[::1]:80",
    "a.test.",
    "",
  ]),
  ...cases("ignore_port_in_host_matching", ["a.test:80", "b.test:8080", "b.test", "x.a.test:1", "[::1]:80"], {
    routeConfig: { ignore_port_in_host_matching: true },
  }),
  {
    name: "nothing matches",
    feature: "Virtual hosts: domains",
    virtualHosts: HOSTS.slice(0, 1),
    client: [get("/", "Host: other.test")],
  },
  {
    name: "an upper-case domain",
    feature: "Virtual hosts: domains",
    virtualHosts: virtualHosts(["A.TEST"]),
    client: [get("/", "Host: a.test")],
  },
  {
    name: "a wildcard in the middle is a letter like others",
    feature: "Virtual hosts: domains",
    virtualHosts: virtualHosts(["a.*.test"]),
    client: [get("/", "Host: a.b.test"), got(1), get("/", "Host: a.*.test")],
  },
  {
    name: "one domain twice is refused",
    feature: "Virtual hosts: domains",
    virtualHosts: virtualHosts(["a.test"], ["a.test"]),
    client: [],
    refused: true,
  },
  {
    name: "one domain twice in other letters is refused",
    feature: "Virtual hosts: domains",
    virtualHosts: virtualHosts(["a.test"], ["A.test"]),
    client: [],
    refused: true,
  },
  {
    name: "two virtual hosts of one name",
    feature: "Virtual hosts: domains",
    virtualHosts: [...virtualHosts(["a.test"]), ...virtualHosts(["b.test"])],
    client: [get("/", "Host: b.test")],
  },
  {
    name: "two defaults are refused",
    feature: "Virtual hosts: domains",
    virtualHosts: virtualHosts(["*"], ["*"]),
    client: [],
    refused: true,
  },
  {
    name: "the authority of an absolute form chooses",
    feature: "Virtual hosts: domains",
    virtualHosts: HOSTS,
    client: [head("GET http://a.test/ HTTP/1.1", "Host: other.test")],
  },
  ...stripped("strip_any_host_port", { strip_any_host_port: true }, NAMES),
  ...stripped("strip_matching_host_port", { strip_matching_host_port: true }, ["a.test:80", "a.test", "b.test:80"]),
  ...stripped("strip_trailing_host_dot", { strip_trailing_host_dot: true }, [
    "a.test.",
    "a.test..",
    "a.test.:80",
    "a.test",
    "b.test.:80",
  ]),
  {
    name: "require_tls EXTERNAL_ONLY",
    feature: "Virtual hosts: require_tls",
    virtualHost: { require_tls: "EXTERNAL_ONLY" },
    client: [get("/x?y")],
  },
  {
    name: "require_tls ALL",
    feature: "Virtual hosts: require_tls",
    virtualHost: { require_tls: "ALL" },
    client: [get("/x?y", "Host: a.test:80")],
  },
  {
    name: "require_tls ALL, and TLS has ended before",
    feature: "Virtual hosts: require_tls",
    virtualHost: { require_tls: "ALL" },
    client: [get("/", "x-forwarded-proto: https")],
  },
  {
    name: "require_tls EXTERNAL_ONLY for an internal request",
    feature: "Virtual hosts: require_tls",
    manager: {
      use_remote_address: true,
      internal_address_config: { cidr_ranges: [{ address_prefix: "127.0.0.0", prefix_len: 8 }] },
    },
    virtualHost: { require_tls: "EXTERNAL_ONLY" },
    client: [get()],
  },
];
