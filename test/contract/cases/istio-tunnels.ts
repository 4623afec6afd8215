/** Through a forward proxy: `tunnel` of a DestinationRule for the proxy's host, for connections that `tcp` and `tls` rules send there. */
import type { ContractCase } from "../harness/case.ts";
import { clientHello } from "../harness/filters.ts";
import { data, head2, THIS_STREAM } from "../harness/http2/frames.ts";
import { answer, close, ended, got, head, seen, sees } from "../harness/steps.ts";

/** What is asked for, the proxy, and a port of it that speaks HTTP/2. */
const MESH = `
${["db", "web"]
  .map(
    (name) => `---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: ${name} }
spec:
  hosts: [${name}.test]
  ports: [${name === "db" ? "{ name: tcp, number: 5432, protocol: TCP }" : "{ name: tls, number: 443, protocol: TLS }"}]
  location: MESH_EXTERNAL
  resolution: STATIC
  endpoints: [{ address: 192.0.2.1 }]
`,
  )
  .join("")}---
apiVersion: v1
kind: Service
metadata: { name: forward }
spec:
  selector: { app: echo, version: v1 }
  ports:
  - { name: http-connect, port: 3128, targetPort: 8080 }
  - { name: http2-connect, port: 3129, targetPort: 8080 }`;

const tunnel = (host: string, port: number, more = ""): string =>
  `{ tunnel: { targetHost: ${host}, targetPort: ${port}${more} } }`;

const policies = (ofRule: string, ofSubset = ""): string => `
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: forward }
spec:
  host: forward${ofRule === "" ? "" : `\n  trafficPolicy: ${ofRule}`}
  subsets:
  - { name: db, labels: { version: v1 }${ofSubset === "" ? "" : `, trafficPolicy: ${ofSubset}`} }`;

const to = (subset: string, port = 3128, weight = ""): string =>
  `{ destination: { host: forward, port: { number: ${port} }${subset === "" ? "" : `, subset: ${subset}`} }${weight} }`;

const rule = (kind: "tcp" | "tls", match: string, ...routes: readonly string[]): string => `
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: outside }
spec:
  hosts: [${kind === "tcp" ? "db.test" : "web.test"}]
  ${kind}:
  - match: [${match}]
    route: [${routes.join(", ")}]`;

const DB = "{ port: 5432 }";
const CONNECT = { do: "connect", on: "db", listener: "db" } as const;
const ACCEPTS = { answers: [[head("HTTP/1.1 200 OK"), sees("ping"), "pong"]], early: true } as const;
const ACCEPTS2 = { answers: [[head2(200), sees("ping"), data(THIS_STREAM, "pong")]], early: true } as const;
const PINGS = [CONNECT, { do: "send", on: "db", bytes: "ping" }, got("pong", "db"), close("db")] as const;

function through(
  name: string,
  yaml: string,
  sent: string,
  parts: Partial<ContractCase> = {},
  outbound: Readonly<Record<string, string>> = { db: "db.test:5432" },
): ContractCase {
  return {
    name,
    feature: "Istio TCP: tunnel",
    istio: { yaml: MESH + yaml, proxy: { outbound } },
    upstreams: { v1: ACCEPTS },
    client: PINGS,
    expect: { sent: [sent] },
    ...parts,
  };
}

export const CASES: readonly ContractCase[] = [
  through(
    "CONNECT for the rule's target",
    policies(tunnel("db.test", 5432)) + rule("tcp", DB, to("")),
    "CONNECT db.test:5432",
  ),
  through(
    "CONNECT for the subset's target",
    policies("", tunnel("db.test", 5432, ", protocol: CONNECT")) + rule("tcp", DB, to("db")),
    "CONNECT db.test:5432",
  ),
  through(
    "POST",
    policies("", tunnel("db.test", 5432, ", protocol: POST")) + rule("tcp", DB, to("db")),
    "POST / HTTP/1.1",
  ),
  through(
    "an IPv6 address as the target",
    policies("", tunnel('"2001:db8::1"', 5432)) + rule("tcp", DB, to("db")),
    "CONNECT [2001:db8::1]:5432",
  ),
  through(
    "a proxy that speaks HTTP/2",
    policies("", tunnel("db.test", 5432)) + rule("tcp", DB, to("db", 3129)),
    ":authority: db.test:5432",
    { upstreams: { v1: ACCEPTS2 } },
  ),
  through(
    "a subset without a tunnel has none, whatever the rule says",
    policies(tunnel("other.test", 1)) + rule("tcp", DB, to("db")),
    "ping",
    { upstreams: { v1: { greeting: [sees("ping"), "pong"], answers: ["unused"] } }, expect: { notSent: ["CONNECT"] } },
  ),
  through(
    "of several destinations, the rule's tunnel",
    policies(tunnel("rule.test", 1), tunnel("subset.test", 2)) +
      rule("tcp", DB, to("db", 3128, ", weight: 50"), to("", 3128, ", weight: 50")),
    "CONNECT rule.test:1",
  ),
  through(
    "a proxy that refuses",
    policies("", tunnel("db.test", 5432)) + rule("tcp", DB, to("db")),
    "CONNECT db.test:5432",
    { upstreams: { v1: { answers: [[answer(403, "no")]], early: true } }, client: [CONNECT, ended("db")] },
  ),
  through(
    "TLS by its server's name",
    policies("", tunnel("web.test", 443)) + rule("tls", "{ port: 443, sniHosts: [web.test] }", to("db")),
    "CONNECT web.test:443",
    {
      upstreams: { v1: { answers: [[head("HTTP/1.1 200 OK"), sees("web.test"), "pong"]], early: true } },
      client: [
        { do: "connect", on: "web", listener: "web" },
        { do: "send", on: "web", bytes: clientHello({ serverName: "web.test" }) },
        seen("v1", "CONNECT"),
        got("pong", "web"),
        close("web"),
      ],
    },
    { web: "web.test:443" },
  ),
];
