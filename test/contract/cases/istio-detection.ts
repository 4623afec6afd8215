/** Ports of which nobody has said what they speak: the first bytes tell. */
import type { ContractCase, Step, Upstream } from "../harness/case.ts";
import { answer, connect, ended, finish, got } from "../harness/steps.ts";

const ECHO = { answers: [answer(200, "hi")] };
const NAMED = "service-port name";

interface Row {
  readonly name: string;
  /** By default what the workload says. */
  readonly yaml?: string;
  readonly upstream?: Upstream;
  readonly client: readonly Step[];
  readonly got?: readonly (string | RegExp)[];
  readonly sent?: readonly (string | RegExp)[];
  readonly notSent?: readonly (string | RegExp)[];
}

function arriving({ name, yaml = "", upstream = ECHO, client, ...seen }: Row): ContractCase {
  return {
    name,
    feature: "Istio: protocol detection at the workload's ports",
    istio: {
      yaml,
      workloads: {},
      proxy: { inbound: { i: { port: 7000, app: "app", protocol: "auto" } } },
    },
    upstreams: { app: upstream },
    client: [connect("c", "i"), ...client],
    expect: {
      ...(seen.got === undefined ? {} : { got: seen.got }),
      ...(seen.sent === undefined ? {} : { sent: seen.sent }),
      ...(seen.notSent === undefined ? {} : { notSent: seen.notSent }),
    },
  };
}

const TIMEOUT = `
---
apiVersion: v1
kind: ConfigMap
metadata: { name: istio, namespace: istio-system }
data: { mesh: "protocolDetectionTimeout: 100ms" }`;

const service = (port: string): string => `
---
apiVersion: v1
kind: Service
metadata: { name: app }
spec: { selector: { app: client }, ports: [{ ${port}, port: 7000 }] }`;

/** What the proxy adds to requests that it reads. */
const READ = /x-request-id:/;
const bytes = { answers: ["PONG"], early: true } as const;

const ROWS: readonly Row[] = [
  {
    name: "HTTP/1.1 is read",
    client: ["GET /a HTTP/1.1\r\nHost: app\r\n\r\n", got(1)],
    sent: ["GET /a HTTP/1.1", READ],
  },
  { name: "HTTP/1.1 in pieces", client: ["GE", "T /a HT", "TP/1.1\r\nHost: app\r\n\r\n", got(1)], sent: [READ] },
  { name: "a method that nobody knows", client: ["FROB / HTTP/1.1\r\nHost: app\r\n\r\n", got(1)] },
  { name: "HTTP/1.0", client: ["GET / HTTP/1.0\r\nHost: app\r\n\r\n", got("HTTP/1.1 ")] },
  {
    name: "bytes are passed on",
    upstream: { answers: [[{ do: "sees", text: "PING" }, "PONG"]], early: true },
    client: ["*1\r\n$4\r\nPING\r\n", finish()],
    notSent: [READ],
  },
  {
    name: "a line that is no request is bytes",
    upstream: bytes,
    client: ["HELO app\r\n\r\n", got("PONG")],
    notSent: [READ],
  },
  {
    name: "who speaks first is heard once the timeout is over",
    yaml: TIMEOUT,
    upstream: { greeting: ["+OK ready"], answers: ["unused"] },
    client: [got("+OK ready")],
    got: ["+OK ready"],
  },
  {
    name: "who says nothing and goes",
    client: [finish(), ended()],
  },
  {
    name: `${NAMED}: http is read whatever comes`,
    yaml: service("name: http-app"),
    client: ["*1\r\n$4\r\nPING\r\n", got("400")],
  },
  {
    name: `${NAMED}: tcp is passed on, HTTP as well`,
    yaml: service("name: tcp-app"),
    client: ["GET /a HTTP/1.1\r\nHost: app\r\n\r\n", got(1)],
    sent: ["GET /a HTTP/1.1"],
    notSent: [READ],
  },
  {
    name: `${NAMED}: a server that speaks first behind a named port is heard at once`,
    yaml: service("name: tcp-app"),
    upstream: { greeting: ["+OK ready"], answers: ["unused"] },
    client: [got("+OK ready")],
    got: ["+OK ready"],
  },
  {
    name: `${NAMED}: none is looked at`,
    yaml: service("name: app"),
    upstream: bytes,
    client: ["HELO app\r\n\r\n", got("PONG")],
    notSent: [READ],
  },
];

export const CASES: readonly ContractCase[] = ROWS.map(arriving);
