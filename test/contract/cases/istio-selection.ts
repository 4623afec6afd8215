/** Which VirtualService a request is routed by, on which port, and where a destination leads. */
import { echo, REGISTRY_ONLY, rows, service, TO_V1, TO_V2 } from "../harness/istio.ts";
import type { Row } from "../harness/istio.ts";
import type { ContractCase } from "../harness/case.ts";
import { connect, get, got, send } from "../harness/steps.ts";

function rule(
  name: string,
  spec: {
    readonly hosts: string;
    readonly subset?: string;
    readonly namespace?: string;
    readonly created?: string;
    readonly more?: string;
    readonly http?: string;
  },
): string {
  const { hosts, subset = "v1", namespace = "default", created = "2026-01-01T00:00:00Z", more = "", http } = spec;
  return `
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: ${name}, namespace: ${namespace}, creationTimestamp: "${created}" }
spec:
  hosts: [${hosts}]
${more}
  http: ${http ?? `[{ route: [{ destination: { host: echo.default.svc.cluster.local, subset: ${subset} } }] }]`}`;
}
const HOST = "echo.default.svc.cluster.local";
const OLD = "2020-01-01T00:00:00Z";
const YOUNG = "2025-01-01T00:00:00Z";

/** Rules that are all of the case's, and who answers. */
const WHO: readonly (readonly [name: string, yaml: string, who: "v1" | "v2"])[] = [
  [
    "of two for a host the older wins, and nothing is merged",
    rule("a", { hosts: "echo", subset: "v1", created: YOUNG }) +
      rule("b", { hosts: "echo", subset: "v2", created: OLD }),
    "v2",
  ],
  [
    "the older wins from another namespace too",
    rule("a", { hosts: "echo", subset: "v1", created: YOUNG }) +
      rule("b", { hosts: HOST, subset: "v2", created: OLD, namespace: "shop" }),
    "v2",
  ],
  [
    "at equal age the name decides",
    rule("b", { hosts: "echo", subset: "v1" }) + rule("a", { hosts: "echo", subset: "v2" }),
    "v2",
  ],
  [
    "an exact host wins over a wildcard, however old",
    rule("a", { hosts: '"*.default.svc.cluster.local"', subset: "v1", created: OLD }) +
      rule("b", { hosts: "echo", subset: "v2" }),
    "v2",
  ],
  [
    "the longest wildcard wins",
    rule("a", { hosts: '"*.svc.cluster.local"', subset: "v1", created: OLD }) +
      rule("b", { hosts: '"*.default.svc.cluster.local"', subset: "v2" }),
    "v2",
  ],
  [
    "one that is exported to nobody is not there",
    rule("a", { hosts: "echo", subset: "v1", created: OLD, more: '  exportTo: ["~"]' }) +
      rule("b", { hosts: "echo", subset: "v2" }),
    "v2",
  ],
  [
    "a private one of another namespace is not there",
    rule("a", { hosts: HOST, subset: "v1", created: OLD, namespace: "shop", more: '  exportTo: ["."]' }) +
      rule("b", { hosts: "echo", subset: "v2" }),
    "v2",
  ],
  [
    "a private one of the client's namespace comes before older public ones",
    rule("a", { hosts: "echo", subset: "v1", created: OLD }) +
      rule("b", { hosts: "echo", subset: "v2", created: YOUNG, more: '  exportTo: ["."]' }),
    "v2",
  ],
  [
    "one for gateways only is not for sidecars",
    rule("a", { hosts: "echo", subset: "v1", created: OLD, more: "  gateways: [edge]" }) +
      rule("b", { hosts: "echo", subset: "v2" }),
    "v2",
  ],
  [
    "one for a gateway and mesh is for sidecars",
    rule("a", { hosts: "echo", subset: "v2", created: OLD, more: "  gateways: [edge, mesh]" }) +
      rule("b", { hosts: "echo", subset: "v1" }),
    "v2",
  ],
  [
    "a host with a dot is no short name: it is not the service",
    rule("a", { hosts: "echo.default", subset: "v1", created: OLD }) + rule("b", { hosts: "echo", subset: "v2" }),
    "v2",
  ],
  ["hosts count without regard to case", rule("a", { hosts: "ECHO.default.svc.cluster.local", subset: "v2" }), "v2"],
  [
    "one with nothing for the client is passed over for the next",
    rule("a", {
      hosts: "echo",
      created: OLD,
      http: "[{ match: [{ sourceLabels: { app: other } }], route: [{ destination: { host: echo, subset: v1 } }] }]",
    }) + rule("b", { hosts: "echo", subset: "v2" }),
    "v2",
  ],
];

const OTHER_PORT = service("other", "echo").replace("port: 80,", "port: 8000,");

const ROWS: readonly Row[] = [
  ...WHO.map(([name, yaml, who]): Row => ({
    name,
    feature: "which one counts",
    http: "",
    more: yaml,
    requests: [{ expect: { status: 200, body: who } }],
  })),
  {
    name: "a host that no service has is there on port 80",
    feature: "which one counts",
    http: "",
    more: rule("a", { hosts: "api.example", subset: "v2" }),
    requests: [
      { host: "api.example", expect: TO_V2 },
      { host: "API.example", expect: TO_V2 },
    ],
  },
  {
    name: "a destination without port means the service's only port, whatever the listener's",
    feature: "route",
    http: `
  - route: [{ destination: { host: other } }]`,
    more: OTHER_PORT,
    requests: [{ expect: { status: 200, body: "v1" } }],
    workloads: { v1: { labels: { app: "echo", version: "v1" } } },
  },
  {
    name: "a destination's port that the service does not have",
    feature: "route",
    http: `
  - route: [{ destination: { host: echo, port: { number: 81 } } }]`,
    requests: [{ expect: { status: 503, body: "" } }],
  },
  {
    name: "a short name with a dot is not expanded as a destination",
    feature: "route",
    http: `
  - route: [{ destination: { host: echo.default } }]`,
    requests: [{ expect: { status: 503, body: "" } }],
  },
  {
    name: "weights are relative, and need not add up to 100",
    feature: "route",
    http: `
  - route:
    - { destination: { host: echo, subset: v1 }, weight: 3 }
    - { destination: { host: echo, subset: v1 }, weight: 7 }`,
    requests: [{ expect: TO_V1 }],
  },
  {
    name: "the weight of an only destination does not count",
    feature: "route",
    http: `
  - route: [{ destination: { host: echo, subset: v1 }, weight: 0 }]`,
    requests: [{ expect: TO_V1 }],
  },
];

const OTHER_LISTENER: ContractCase = {
  name: "a host that no service has is unknown on other ports",
  feature: "VirtualService: which one counts",
  istio: {
    ...echo("", rule("a", { hosts: "api.example", subset: "v2" }) + OTHER_PORT + REGISTRY_ONLY),
    proxy: { outbound: { l: 80, other: 8000 } },
  },
  client: [connect("o", "other"), send("o", get("/", "Host: api.example")), got(1, "o")],
  expect: { answers: ["502 "] },
};

const MATCH_PORT: ContractCase = {
  name: "match.port is the port of the service that is asked for",
  feature: "VirtualService: match.authority, match.scheme, match.port",
  istio: {
    ...echo(
      `
  - match: [{ port: 80 }]
    route: [{ destination: { host: echo, subset: v1 } }]
  - match: [{ port: 8000 }]
    directResponse: { status: 418 }`,
    ),
    yaml: echo(`
  - match: [{ port: 80 }]
    route: [{ destination: { host: echo, subset: v1 } }]
  - match: [{ port: 8000 }]
    directResponse: { status: 418 }`).yaml.replace(
      "ports: [{ name: http, port: 80, targetPort: 8080 }]",
      "ports: [{ name: http, port: 80, targetPort: 8080 }, { name: http-b, port: 8000, targetPort: 8080 }]",
    ),
    proxy: { outbound: { l: 80, other: 8000 } },
  },
  client: [get("/", "Host: echo"), got(1), connect("o", "other"), send("o", get("/", "Host: echo")), got(1, "o")],
  expect: { answers: ["200 v1", "418 "] },
};

/** What an application's HTTP_PROXY gets: Istio's own such listener never matches a service. */
const PROXY: ContractCase = {
  name: "through the HTTP proxy, by name and port, in absolute form and by Host",
  feature: "VirtualService: services and their names",
  istio: echo(
    `
  - match: [{ uri: { prefix: /two } }]
    route: [{ destination: { host: echo, subset: v2 } }]
  - route: [{ destination: { host: echo, subset: v1 } }]`,
    REGISTRY_ONLY,
  ),
  client: [
    connect("p", "proxy"),
    send("p", get("http://echo/one", "Host: echo")),
    got(1, "p"),
    send("p", get("http://echo.default:80/two", "Host: echo.default:80")),
    got(2, "p"),
    send("p", get("/two", "Host: echo.default.svc.cluster.local")),
    got(3, "p"),
    send("p", get("http://echo:81/", "Host: echo:81")),
    got(4, "p"),
  ],
  expect: { answers: ["200 v1", "200 v2", "200 v2", "502 "] },
};

export const CASES: readonly ContractCase[] = [...rows(ROWS), OTHER_LISTENER, MATCH_PORT, PROXY];
