/** VirtualServices at gateways, and what sidecars do before their application. */
import { REFUSED } from "../harness/case.ts";
import type { ContractCase, IstioParts } from "../harness/case.ts";
import { echo } from "../harness/istio.ts";
import type { Step } from "../harness/case.ts";
import { answer, connect, get, got, head, RESET, send } from "../harness/steps.ts";

const SERVER = '{ port: { number: 8080, name: http, protocol: HTTP }, hosts: ["*.example"] }';
function gateway(name: string, servers: string): string {
  return `
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: ${name} }
spec: { selector: { istio: gw }, servers: [${servers}] }`;
}
function bound(
  name: string,
  hosts: string,
  http: string,
  more = "gateways: [edge]",
  created = "2026-01-01T00:00:00Z",
): string {
  return `
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: ${name}, creationTimestamp: "${created}" }
spec: { hosts: [${hosts}], ${more}, http: ${http} }`;
}
const to = (subset: string, match = ""): string =>
  `{ ${match}route: [{ destination: { host: echo, subset: ${subset} } }] }`;
const prefix = (path: string): string => `match: [{ uri: { prefix: ${path} } }], `;

function atGateway(yaml: string, ports: Readonly<Record<string, number>> = { g: 8080 }): IstioParts {
  return {
    ...echo("", yaml),
    proxy: { type: "router", labels: { istio: "gw" }, outbound: {}, gateway: ports },
  };
}

interface GatewayRow {
  readonly name: string;
  readonly yaml: string;
  readonly asks: readonly (readonly [path: string, host: string, answer: string, ...lines: string[]])[];
  readonly ports?: Readonly<Record<string, number>>;
  readonly got?: readonly (string | RegExp)[];
  readonly sent?: readonly (string | RegExp)[];
  readonly notSent?: readonly (string | RegExp)[];
}

const OLD = "2020-01-01T00:00:00Z";

const GATEWAYS: readonly GatewayRow[] = [
  {
    name: "a host that the server admits; others are not found",
    yaml: gateway("edge", SERVER) + bound("a", "a.example", `[${to("v1")}]`) + bound("b", "b.other", `[${to("v2")}]`),
    asks: [
      ["/", "a.example", "200 v1"],
      ["/", "A.EXAMPLE:8080", "200 v1"],
      ["/", "b.other", "404 "],
      ["/", "c.example", "404 "],
    ],
  },
  {
    name: "rules for one host are merged by age, what matches everything comes last",
    yaml:
      gateway("edge", SERVER) +
      bound("a", "a.example", `[${to("v1")}]`, "gateways: [edge]", OLD) +
      bound("b", "a.example", `[${to("v2", prefix("/two"))}]`),
    asks: [
      ["/two", "a.example", "200 v2"],
      ["/", "a.example", "200 v1"],
    ],
  },
  {
    name: "of routes that match the same the older rule's counts",
    yaml:
      gateway("edge", SERVER) +
      bound("a", "a.example", `[${to("v1", prefix("/x"))}]`) +
      bound("b", "a.example", `[${to("v2", prefix("/x"))}]`, "gateways: [edge]", OLD),
    asks: [["/x", "a.example", "200 v2"]],
  },
  {
    name: "a wildcard host",
    yaml:
      gateway("edge", SERVER) + bound("a", '"*.example"', `[${to("v1")}]`) + bound("b", "b.example", `[${to("v2")}]`),
    asks: [
      ["/", "any.example", "200 v1"],
      ["/", "b.example", "200 v2"],
      ["/", "example", "404 "],
    ],
  },
  {
    name: "a match may be for one gateway only",
    yaml:
      gateway("edge", SERVER) +
      bound(
        "a",
        "a.example",
        `[{ match: [{ gateways: [edge], uri: { prefix: /edge } }], route: [{ destination: { host: echo, subset: v2 } }] }, { match: [{ gateways: [mesh], uri: { prefix: /mesh } }], route: [{ destination: { host: echo, subset: v2 } }] }, ${to("v1")}]`,
        "gateways: [edge, mesh]",
      ),
    asks: [
      ["/edge", "a.example", "200 v2"],
      ["/mesh", "a.example", "200 v1"],
    ],
  },
  {
    name: "match.port is the gateway server's port",
    yaml:
      gateway("edge", `${SERVER}, { port: { number: 8081, name: http-b, protocol: HTTP }, hosts: ["*.example"] }`) +
      bound("a", "a.example", `[{ match: [{ port: 8081 }], directResponse: { status: 418 } }, ${to("v1")}]`),
    asks: [["/", "a.example", "200 v1"]],
    ports: { g: 8080, h: 8081 },
  },
  {
    name: "what a client says of itself is not believed",
    yaml: gateway("edge", SERVER) + bound("a", "a.example", `[${to("v1")}]`),
    asks: [["/", "a.example", "200 v1", "x-forwarded-for: 1.2.3.4", "x-envoy-max-retries: 5", "x-request-id: mine"]],
    sent: [/^x-forwarded-for: 1\.2\.3\.4,/],
    notSent: ["x-envoy-max-retries", "x-request-id: mine"],
  },
  {
    name: "the server header is the gateway's",
    yaml: gateway("edge", SERVER) + bound("a", "a.example", `[${to("v1")}]`),
    asks: [["/", "a.example", "200 v1"]],
    got: ["server: tulle"],
  },
  {
    name: "httpsRedirect",
    yaml:
      gateway(
        "edge",
        '{ port: { number: 8080, name: http, protocol: HTTP }, hosts: ["*.example"], tls: { httpsRedirect: true } }',
      ) + bound("a", "a.example", `[${to("v1")}]`),
    asks: [["/x?q=1", "a.example", "301 "]],
    got: ["location: https://a.example/x?q=1"],
  },
  {
    name: "a delegate at a gateway",
    yaml:
      gateway("edge", SERVER) +
      bound("a", "a.example", `[{ ${prefix("/d")}delegate: { name: part } }, ${to("v1")}]`) +
      `
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: part }
spec: { http: [${to("v2", prefix("/d/2"))}] }`,
    asks: [
      ["/d/2", "a.example", "200 v2"],
      ["/d/1", "a.example", "200 v1"],
    ],
  },
];

function gatewayCase({ name, yaml, asks, ports, ...expect }: GatewayRow): ContractCase {
  const client = asks.flatMap(([path, host, , ...lines], index): Step[] => [
    send("x", get(path, `Host: ${host}`, ...lines)),
    got(index + 1, "x"),
  ]);
  return {
    name,
    feature: "VirtualService: at gateways",
    istio: atGateway(yaml, ports),
    client: [connect("x", "g"), ...client],
    expect: { answers: asks.map(([, , answered]) => answered), ...expect },
  };
}

/** A sidecar before the application `app`. */
function inbound(more = ""): IstioParts {
  return {
    ...echo("", more),
    workloads: {},
    proxy: { labels: { app: "echo", version: "v1" }, outbound: {}, inbound: { in: { port: 8080, app: "app" } } },
  };
}
const INBOUND = "Sidecar: before the application";
const ask = (...lines: readonly string[]): readonly Step[] => [
  connect("i", "in"),
  send("i", get("/", ...lines)),
  got(1, "i"),
];

const SIDECARS: readonly ContractCase[] = [
  {
    name: "requests are forwarded with their host and who sent them",
    feature: INBOUND,
    istio: inbound(),
    client: ask("Host: echo", "x-forwarded-for: 10.0.0.1", "x-request-id: theirs"),
    expect: {
      answers: ["200 app"],
      sent: ["host: echo", "x-forwarded-for: 10.0.0.1", "x-request-id: theirs"],
      got: ["server: tulle"],
    },
    upstreams: { app: answer(200, "app", "server: application") },
  },
  {
    name: "an application that takes no connection is asked three times",
    feature: INBOUND,
    istio: inbound(),
    client: ask("Host: echo"),
    expect: { answers: ["503"] },
    upstreams: { app: REFUSED },
    stats: ["cluster.inbound|8080||.upstream_cx_connect_fail"],
  },
  {
    name: "an application that resets after it answered in part is not asked again",
    feature: INBOUND,
    istio: inbound(),
    client: [connect("i", "in"), send("i", get("/", "Host: echo")), got("part", "i")],
    expect: { got: ["part"] },
    upstreams: {
      app: { answers: [[head("HTTP/1.1 200 OK", "content-length: 20") + "part", RESET], answer(200, "app")] },
    },
  },
  {
    name: "an application's 503 is not tried again",
    feature: INBOUND,
    istio: inbound(),
    client: ask("Host: echo"),
    expect: { answers: ["503 busy"] },
    upstreams: { app: { answers: [answer(503, "busy"), answer(200, "app")] } },
  },
  {
    name: "MeshConfig's retries before the application",
    feature: INBOUND,
    istio: inbound(`
---
apiVersion: v1
kind: ConfigMap
metadata: { name: istio, namespace: istio-system }
data: { mesh: "defaultInboundHttpRetryPolicy: { attempts: 1, retryOn: '503', backoff: 1ms }" }`),
    client: ask("Host: echo"),
    expect: { answers: ["200 app"] },
    upstreams: { app: { answers: [answer(503), answer(200, "app")] } },
  },
];

const UPGRADE: ContractCase = {
  name: "a WebSocket goes through as bytes both ways",
  feature: "VirtualService: upgrades",
  istio: echo(`
  - route: [{ destination: { host: echo, subset: v1 } }]
    timeout: 0.3s`),
  client: [
    get("/chat", "Host: echo", "connection: Upgrade", "upgrade: websocket", "sec-websocket-key: k"),
    got("101"),
    "ping",
    got("pong"),
  ],
  expect: { got: ["101 Switching Protocols", "upgrade: websocket"], sent: ["upgrade: websocket"] },
  upstreams: {
    v1: {
      answers: [
        [
          head("HTTP/1.1 101 Switching Protocols", "connection: Upgrade", "upgrade: websocket"),
          { do: "sees", text: "ping" },
          "pong",
        ],
      ],
    },
  },
};

const MESH_CONFIG = (settings: string): string => `
---
apiVersion: v1
kind: ConfigMap
metadata: { name: istio, namespace: istio-system }
data: { mesh: "${settings}" }`;

const SETTINGS: readonly ContractCase[] = [
  {
    name: "pathNormalization MERGE_SLASHES",
    feature: "MeshConfig: pathNormalization",
    istio: echo(
      `
  - match: [{ uri: { prefix: /admin } }]
    route: [{ destination: { host: echo, subset: v2 } }]
  - route: [{ destination: { host: echo, subset: v1 } }]`,
      MESH_CONFIG("pathNormalization: { normalization: MERGE_SLASHES }"),
    ),
    client: [get("//admin", "Host: echo"), got(1), get("/%2Fadmin", "Host: echo"), got(2)],
    expect: { answers: ["200 v2", "200 v1"] },
  },
  {
    name: "pathNormalization DECODE_AND_MERGE_SLASHES",
    feature: "MeshConfig: pathNormalization",
    istio: echo(
      `
  - match: [{ uri: { prefix: /admin } }]
    route: [{ destination: { host: echo, subset: v2 } }]
  - route: [{ destination: { host: echo, subset: v1 } }]`,
      MESH_CONFIG("pathNormalization: { normalization: DECODE_AND_MERGE_SLASHES }"),
    ),
    client: [get("/%2Fadmin", "Host: echo"), got(1)],
    expect: { answers: ["200 v2"] },
  },
  {
    name: "pathNormalization NONE",
    feature: "MeshConfig: pathNormalization",
    istio: echo(
      `
  - match: [{ uri: { prefix: /admin } }]
    route: [{ destination: { host: echo, subset: v2 } }]
  - route: [{ destination: { host: echo, subset: v1 } }]`,
      MESH_CONFIG("pathNormalization: { normalization: NONE }"),
    ),
    client: [get("/x/../admin", "Host: echo"), got(1)],
    expect: { answers: ["200 v1"] },
  },
  {
    name: "proxy headers can be switched off",
    feature: "MeshConfig: defaultConfig.proxyHeaders",
    istio: echo(
      `
  - route: [{ destination: { host: echo, subset: v1 } }]`,
      MESH_CONFIG(
        "defaultConfig: { proxyHeaders: { server: { disabled: true }, requestId: { disabled: true }, attemptCount: { disabled: true }, envoyDebugHeaders: { disabled: true } } }",
      ),
    ),
    client: [get("/", "Host: echo"), got(1)],
    expect: {
      answers: ["200 v1"],
      got: ["server: application"],
      notGot: ["x-envoy-upstream-service-time"],
      notSent: ["x-request-id", "x-envoy-attempt-count"],
    },
    upstreams: { v1: answer(200, "v1", "server: application") },
  },
  {
    name: "the default retries of the mesh",
    feature: "MeshConfig: defaultHttpRetryPolicy",
    istio: echo(
      `
  - match: [{ uri: { prefix: /own } }]
    retries: { attempts: 0 }
    route: [{ destination: { host: echo, subset: v1 } }]
  - route: [{ destination: { host: echo, subset: v1 } }]`,
      MESH_CONFIG("defaultHttpRetryPolicy: { attempts: 1, retryOn: '503', backoff: 1ms }"),
    ),
    client: [get("/", "Host: echo"), got(1), get("/own", "Host: echo"), got(2)],
    expect: { answers: ["200 ok", "503 third"] },
    upstreams: {
      v1: { answers: [answer(503, "first"), answer(200, "ok"), answer(503, "third"), answer(200, "fourth")] },
    },
  },
];

export const CASES: readonly ContractCase[] = [...GATEWAYS.map(gatewayCase), ...SIDECARS, UPGRADE, ...SETTINGS];
