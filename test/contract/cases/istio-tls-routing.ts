/** Connections that are passed on by the name that a TLS client asks for: `tls` of VirtualServices, at sidecars and at gateways. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { ContractCase, IstioParts, Step } from "../harness/case.ts";
import { close, connect, ended, got, secure } from "../harness/steps.ts";
import { CERTIFICATES } from "../harness/tls.ts";

const SERVICE = `
---
apiVersion: v1
kind: Service
metadata: { name: vault }
spec:
  selector: { app: echo }
  ports: [{ name: https, port: 443, targetPort: 8080 }, { name: tls-admin, port: 8443, targetPort: 8080 }]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: vault }
spec:
  host: vault
  subsets: [{ name: v1, labels: { version: v1 } }, { name: v2, labels: { version: v2 } }]`;

function rule(fields: string, name = "vault", created = "2026-01-01T00:00:00Z"): string {
  return `
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: ${name}, creationTimestamp: "${created}" }
spec: { ${fields} }`;
}

const to = (subset: string, weight?: number): string =>
  `{ destination: { host: vault, subset: ${subset}, port: { number: 443 } }${weight === undefined ? "" : `, weight: ${weight}`} }`;
const sni = (names: string, subset: string, more = ""): string =>
  `{ match: [{ sniHosts: [${names}]${more} }], route: [${to(subset)}] }`;

/** Servers that speak TLS themselves, and say who they are. */
const TLS_SERVERS = {
  v1: { tls: { identity: "server" }, greeting: ["one"], answers: ["unused"] },
  v2: { tls: { identity: "server-other" }, greeting: ["two"], answers: ["unused"] },
};
/** Servers that do not, but speak first as well. */
const SERVERS = { v1: { greeting: ["one"], answers: ["unused"] }, v2: { greeting: ["two"], answers: ["unused"] } };

/** A connection that asks for a name, and what must come of it; "": the proxy ends it. */
type Ask = readonly [name: string | undefined, answer: string, listener?: string];

function asks(list: readonly Ask[]): Required<Pick<ContractCase, "client" | "expect">> {
  const client = list.flatMap(([serverName, answer, listener = "l"], index): Step[] => {
    const on = `c${index}`;
    return [
      secure(serverName === undefined ? {} : { serverName }, on, listener),
      answer === "" ? ended(on) : got(answer, on),
      ...(answer === "" ? [] : [close(on)]),
    ];
  });
  return { client, expect: { got: list.map(([, answer]) => answer).filter((answer) => answer !== "") } };
}

type ProxyParts = NonNullable<IstioParts["proxy"]>;

const SIDECAR: ProxyParts = { outbound: { l: "vault:443", admin: "vault:8443" } };

function atSidecar(name: string, yaml: string, list: readonly Ask[], proxy: ProxyParts = SIDECAR): ContractCase {
  return {
    name: `sidecar: ${name}`,
    feature: "VirtualService: tls",
    istio: { yaml: SERVICE + yaml, proxy },
    upstreams: TLS_SERVERS,
    ...asks(list),
  };
}

const HOSTS = 'hosts: [vault, "*.example.test"]';

const SIDECARS: readonly ContractCase[] = [
  atSidecar("by name", rule(`hosts: [vault, a.test, b.test], tls: [${sni("a.test", "v1")}, ${sni("b.test", "v2")}]`), [
    ["a.test", "one"],
    ["b.test", "two"],
    ["A.TEST", "one"],
    ["c.test", ""],
    [undefined, ""],
  ]),
  atSidecar(
    "a wildcard is for what no rule names",
    rule(`${HOSTS}, tls: [${sni('"*.example.test"', "v1")}, ${sni("b.example.test", "v2")}]`),
    [
      ["a.example.test", "one"],
      ["b.example.test", "two"],
      ["x.b.example.test", "one"],
      ["example.test", ""],
    ],
  ),
  atSidecar(
    "the longer of two wildcards",
    rule(`${HOSTS}, tls: [${sni('"*.example.test"', "v1")}, ${sni('"*.b.example.test"', "v2")}]`),
    [
      ["x.b.example.test", "two"],
      ["b.example.test", "one"],
    ],
  ),
  atSidecar(
    "of two routes for one name the first counts",
    rule(`hosts: [vault, a.test], tls: [${sni("a.test", "v1")}, ${sni("a.test", "v2")}]`),
    [["a.test", "one"]],
  ),
  atSidecar(
    "names that a route shares with one before it are that one's, the others its own",
    rule(`hosts: [vault, a.test, b.test], tls: [${sni("a.test", "v1")}, ${sni("b.test, a.test", "v2")}]`),
    [
      ["a.test", "one"],
      ["b.test", "two"],
    ],
  ),
  atSidecar(
    "several matches of one route",
    rule(
      `hosts: [vault, a.test, b.test], tls: [{ match: [{ sniHosts: [a.test] }, { sniHosts: [b.test] }], route: [${to("v2")}] }]`,
    ),
    [
      ["a.test", "two"],
      ["b.test", "two"],
    ],
  ),
  atSidecar(
    "by port",
    rule(
      `hosts: [vault, a.test], tls: [${sni("a.test", "v1", ", port: 443")}, ${sni("a.test", "v2", ", port: 8443")}]`,
    ),
    [
      ["a.test", "one"],
      ["a.test", "two", "admin"],
    ],
  ),
  atSidecar(
    "by who connects",
    rule(
      `hosts: [vault, a.test], tls: [${sni("a.test", "v1", ", sourceLabels: { app: other }")}, ${sni("a.test", "v2", ", sourceLabels: { app: client }")}]`,
    ),
    [["a.test", "two"]],
  ),
  atSidecar(
    "by the namespace of who connects",
    rule(
      `hosts: [vault, a.test], tls: [${sni("a.test", "v1", ", sourceNamespace: other")}, ${sni("a.test", "v2", ", sourceNamespace: default")}]`,
    ),
    [["a.test", "two"]],
  ),
  atSidecar(
    "a rule of gateways only is none for sidecars",
    rule(
      `hosts: [vault, a.test], gateways: [mesh, edge], tls: [${sni("a.test", "v1", ", gateways: [edge]")}, ${sni("a.test", "v2", ", gateways: [mesh]")}]`,
    ),
    [["a.test", "two"]],
  ),
  atSidecar(
    "weights, all of them one's",
    rule(
      `hosts: [vault, a.test], tls: [{ match: [{ sniHosts: [a.test] }], route: [${to("v1", 0)}, ${to("v2", 100)}] }]`,
    ),
    [["a.test", "two"]],
  ),
  atSidecar(
    "a route whose conditions do not hold leaves the service as if there were no rule",
    rule(`hosts: [vault, a.test], tls: [${sni("a.test", "v1", ", port: 1")}]`),
    [["whoever.test", "o"]],
  ),
  atSidecar(
    "destinationSubnets: the address that the connection was made to",
    rule(
      `hosts: [vault, a.test], tls: [${sni("a.test", "v1", ", destinationSubnets: [10.0.0.0/8]")}, ${sni("a.test", "v2", ", destinationSubnets: [127.0.0.0/8]")}]`,
    ),
    [["a.test", "two"]],
  ),
  atSidecar(
    "a prefix that fits is not left again",
    rule(
      `hosts: [vault, a.test, b.test], tls: [${sni("a.test", "v1", ", destinationSubnets: [127.0.0.1]")}, ${sni("b.test", "v2")}]`,
    ),
    [
      ["a.test", "one"],
      ["b.test", ""],
    ],
  ),
  atSidecar(
    "two rules for one host count both, the older first",
    rule(
      `hosts: [vault, a.test, b.test], tls: [${sni("a.test", "v1")}, ${sni("b.test", "v1")}]`,
      "younger",
      "2026-02-01T00:00:00Z",
    ) + rule(`hosts: [vault, b.test], tls: [${sni("b.test", "v2")}]`, "older"),
    [
      ["a.test", "one"],
      ["b.test", "two"],
    ],
  ),
].map((each) => (each.name.endsWith("as if there were no rule") ? eitherServer(each) : each));

/** Which of the two it is differs from run to run. */
function eitherServer(each: ContractCase): ContractCase {
  return {
    ...each,
    upstreams: { v1: TLS_SERVERS.v1, v2: TLS_SERVERS.v1 },
    mask: [[/"v[12]"/, '"{some}"']],
    client: [secure({ serverName: "whoever.test" }), got("one")],
    expect: { got: ["one"] },
  };
}

/** The `tcp` of a rule for a service that is no TLS's. */
const REDIS = `
---
apiVersion: v1
kind: Service
metadata: { name: redis }
spec: { selector: { app: echo }, ports: [{ name: redis, port: 6379, targetPort: 8080 }] }
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: redis }
spec:
  host: redis
  subsets: [{ name: v1, labels: { version: v1 } }, { name: v2, labels: { version: v2 } }]`;

function byAddress(name: string, conditions: string, answer: string): ContractCase {
  const route = (subset: string): string => `route: [{ destination: { host: redis, subset: ${subset} } }]`;
  return {
    name: `tcp by address: ${name}`,
    feature: "VirtualService: tcp by address",
    istio: {
      yaml: REDIS + rule(`hosts: [redis], tcp: [{ match: [${conditions}], ${route("v1")} }, { ${route("v2")} }]`),
      proxy: { outbound: { r: "redis:6379" } },
    },
    upstreams: SERVERS,
    client: [connect("r", "r"), got(answer, "r"), close("r")],
    expect: { got: [answer] },
  };
}

const ADDRESSES: readonly ContractCase[] = [
  byAddress("destinationSubnets that fit", "{ destinationSubnets: [127.0.0.0/8] }", "one"),
  byAddress("destinationSubnets that do not", "{ destinationSubnets: [10.0.0.0/8, 127.0.0.2] }", "two"),
  byAddress("one of several", "{ destinationSubnets: [10.0.0.0/8, 127.0.0.1] }", "one"),
  byAddress("sourceSubnet that fits", "{ sourceSubnet: 127.0.0.1 }", "one"),
  byAddress("sourceSubnet that does not", "{ sourceSubnet: 10.0.0.0/8 }", "two"),
  byAddress("both", "{ sourceSubnet: 127.0.0.0/8, destinationSubnets: [127.0.0.1] }", "one"),
  byAddress("one of two matches", "{ sourceSubnet: 10.0.0.0/8 }, { destinationSubnets: [127.0.0.1] }", "one"),
  byAddress("and the port", "{ destinationSubnets: [127.0.0.1], port: 1 }", "two"),
];

function gateway(...servers: readonly string[]): string {
  return `
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: edge }
spec: { selector: { istio: gw }, servers: [${servers.join(", ")}] }`;
}

const server = (hosts: string, protocol = "TLS", tls = "mode: PASSTHROUGH", name = "tls"): string =>
  `{ port: { number: 8443, name: ${name}, protocol: ${protocol} }, hosts: [${hosts}]${tls === "" ? "" : `, tls: { ${tls} }`} }`;

const secret = `
---
apiVersion: v1
kind: Secret
metadata: { name: cred }
data: { tls.crt: ${pem("server.pem")}, tls.key: ${pem("server.key")} }`;

function pem(file: string): string {
  return readFileSync(join(CERTIFICATES, file)).toString("base64");
}

interface GatewayRow {
  readonly name: string;
  readonly feature?: string;
  readonly yaml: string;
  readonly asks: readonly Ask[];
  readonly more?: Partial<ContractCase>;
}

function atGateway({ name, feature = "tls PASSTHROUGH", yaml, asks: list, more = {} }: GatewayRow): ContractCase {
  return {
    name: `gateway: ${name}`,
    feature: `Gateway: ${feature}`,
    istio: {
      yaml: SERVICE + yaml,
      proxy: { type: "router", labels: { istio: "gw" }, outbound: {}, gateway: { l: 8443 } },
    },
    upstreams: TLS_SERVERS,
    ...asks(list),
    ...more,
  };
}

const EDGE = "gateways: [edge]";
const BOTH = rule(`hosts: [a.test, b.test], ${EDGE}, tls: [${sni("a.test", "v1")}, ${sni("b.test", "v2")}]`);

const GATEWAYS: readonly GatewayRow[] = [
  {
    name: "two servers by name",
    yaml: gateway(server("a.test, b.test")) + BOTH,
    asks: [
      ["a.test", "one"],
      ["b.test", "two"],
      ["c.test", ""],
      [undefined, ""],
    ],
  },
  {
    name: "connections are logged, and those that nobody takes",
    feature: "access logs of connections",
    yaml: `${gateway(server("a.test, b.test")) + BOTH}
---
apiVersion: v1
kind: ConfigMap
metadata: { name: istio, namespace: istio-system }
data:
  mesh: |
    accessLogFile: "{log}"
    accessLogFormat: "%RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %REQUESTED_SERVER_NAME% %UPSTREAM_CLUSTER%"`,
    asks: [
      ["c.test", ""],
      ["b.test", "two"],
    ],
  },
  {
    name: "protocol HTTPS passes TLS on just so",
    yaml: gateway(server('"*.test"', "HTTPS")) + BOTH,
    asks: [
      ["a.test", "one"],
      ["b.test", "two"],
    ],
  },
  {
    name: "hosts that the server does not admit",
    yaml: gateway(server("c.test")) + BOTH + rule(`hosts: [c.test], ${EDGE}, tls: [${sni("c.test", "v2")}]`, "c"),
    asks: [
      ["a.test", ""],
      ["c.test", "two"],
    ],
  },
  {
    name: "one server for two rules, a name of both is the older's",
    yaml:
      gateway(server('"*"')) +
      BOTH +
      rule(`hosts: ["*.test"], ${EDGE}, tls: [${sni("b.test, c.test", "v1")}]`, "c", "2026-02-01T00:00:00Z"),
    asks: [
      ["b.test", "two"],
      ["c.test", "one"],
    ],
  },
  {
    name: "match of the port",
    yaml:
      gateway(server("a.test")) +
      rule(
        `hosts: [a.test], ${EDGE}, tls: [${sni("a.test", "v1", ", port: 443")}, ${sni("a.test", "v2", ", port: 8443")}]`,
      ),
    asks: [["a.test", "two"]],
  },
  {
    name: "match of the gateway",
    yaml:
      gateway(server("a.test")) +
      rule(
        `hosts: [a.test], gateways: [edge, other], tls: [${sni("a.test", "v1", ", gateways: [other]")}, ${sni("a.test", "v2", ", gateways: [edge]")}]`,
      ),
    asks: [["a.test", "two"]],
  },
  {
    name: "weights",
    yaml:
      gateway(server("a.test")) +
      rule(
        `hosts: [a.test], ${EDGE}, tls: [{ match: [{ sniHosts: [a.test] }], route: [${to("v1", 0)}, ${to("v2", 1)}] }]`,
      ),
    asks: [["a.test", "two"]],
  },
  {
    name: "passed on, and read after TLS, on one port",
    yaml:
      gateway(server("a.test"), server("c.test", "HTTPS", "mode: SIMPLE, credentialName: cred", "https")) +
      rule(`hosts: [a.test], ${EDGE}, tls: [${sni("a.test", "v1")}]`) +
      secret,
    asks: [["a.test", "one"]],
    more: {
      client: [
        secure({ serverName: "a.test" }, "p"),
        got("one", "p"),
        secure({ serverName: "c.test" }, "h"),
        { do: "send", on: "h", bytes: "GET / HTTP/1.1\r\nHost: c.test\r\n\r\n" },
        got(1, "h"),
      ],
      expect: { got: ["one", "404"] },
    },
  },
  {
    name: "protocol TLS that ends here: bytes go on in plain text",
    feature: "protocol TLS, mode SIMPLE",
    yaml:
      gateway(server('"*"', "TLS", "mode: SIMPLE, credentialName: cred")) +
      rule(`hosts: ["*"], ${EDGE}, tcp: [{ route: [${to("v1")}] }]`) +
      secret,
    asks: [["a.test", "one"]],
    more: { upstreams: SERVERS },
  },
  {
    name: "protocol TLS that ends here, by the server's hosts",
    feature: "protocol TLS, mode SIMPLE",
    yaml:
      gateway(
        server("a.test", "TLS", "mode: SIMPLE, credentialName: cred", "a"),
        server("b.test", "TLS", "mode: SIMPLE, credentialName: cred", "b"),
      ) +
      rule(`hosts: [a.test], ${EDGE}, tcp: [{ route: [${to("v1")}] }]`, "a") +
      rule(`hosts: [b.test], ${EDGE}, tcp: [{ route: [${to("v2")}] }]`, "b") +
      secret,
    asks: [
      ["a.test", "one"],
      ["b.test", "two"],
      ["c.test", ""],
    ],
    more: { upstreams: SERVERS },
  },
  {
    name: "a rule with tls routes says nothing of a server that ends TLS",
    feature: "protocol TLS, mode SIMPLE",
    yaml:
      gateway(
        server("a.test", "TLS", "mode: SIMPLE, credentialName: cred", "a"),
        server("b.test", "TLS", "mode: SIMPLE, credentialName: cred", "b"),
      ) +
      rule(`hosts: [a.test], ${EDGE}, tls: [${sni("a.test", "v1")}]`, "a") +
      rule(`hosts: [b.test], ${EDGE}, tcp: [{ route: [${to("v2")}] }]`, "b") +
      secret,
    asks: [
      ["a.test", ""],
      ["b.test", "two"],
    ],
    more: { upstreams: SERVERS },
  },
];

const tcpServer = '{ port: { number: 8443, name: tcp, protocol: TCP }, hosts: ["*"] }';

function tcpGateway(name: string, yaml: string, answer: string, more: Partial<ContractCase> = {}): ContractCase {
  return {
    ...atGateway({ name, feature: "protocol TCP", yaml: gateway(tcpServer) + yaml, asks: [] }),
    upstreams: SERVERS,
    client: [connect("t"), answer === "" ? ended("t") : got(answer, "t")],
    expect: { got: answer === "" ? [] : [answer] },
    ...more,
  };
}

const TCP_GATEWAYS: readonly ContractCase[] = [
  tcpGateway("bytes", rule(`hosts: ["*"], ${EDGE}, tcp: [{ route: [${to("v2")}] }]`), "two"),
  tcpGateway(
    "the first route for the port",
    rule(
      `hosts: ["*"], ${EDGE}, tcp: [{ match: [{ port: 1 }], route: [${to("v1")}] }, { match: [{ port: 8443 }], route: [${to("v2")}] }]`,
    ),
    "two",
  ),
  tcpGateway(
    "the older of two rules",
    rule(`hosts: ["*"], ${EDGE}, tcp: [{ route: [${to("v1")}] }]`, "younger", "2026-02-01T00:00:00Z") +
      rule(`hosts: ["*"], ${EDGE}, tcp: [{ route: [${to("v2")}] }]`, "older"),
    "two",
  ),
  tcpGateway(
    "conditions on clients and addresses are not asked for",
    rule(
      `hosts: ["*"], ${EDGE}, tcp: [{ match: [{ destinationSubnets: [10.0.0.0/8], sourceLabels: { a: b } }], route: [${to("v2")}] }]`,
    ),
    "two",
  ),
  tcpGateway(
    "a destination that is not there",
    rule(`hosts: ["*"], ${EDGE}, tcp: [{ route: [{ destination: { host: nobody } }] }]`),
    "",
  ),
  tcpGateway(
    "who may connect is policy",
    `${rule(`hosts: ["*"], ${EDGE}, tcp: [{ route: [${to("v1")}] }]`)}
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: nobody }
spec: { selector: { matchLabels: { istio: gw } }, action: DENY, rules: [{ from: [{ source: { ipBlocks: [127.0.0.0/8] } }] }] }`,
    "",
    // Who speaks first is heard before the client is asked for.
    { upstreams: { v1: "unused" }, client: [connect("t"), { do: "send", on: "t", bytes: "x" }, ended("t")] },
  ),
];

export const CASES: readonly ContractCase[] = [...SIDECARS, ...ADDRESSES, ...GATEWAYS.map(atGateway), ...TCP_GATEWAYS];
