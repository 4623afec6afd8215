/** The label istio.io/persistent-session of a Service: clients stay with the endpoint that served them first. */
import type { ContractCase, IstioParts } from "../harness/case.ts";
import { echo } from "../harness/istio.ts";
import { answer, connect, get, got, inTurn, send } from "../harness/steps.ts";

const COOKIE = { "istio.io/persistent-session": "stay" };
const HEADER = { "istio.io/persistent-session-header": "x-stay" };

/** The service `echo` with these labels. */
function labelled(labels: Readonly<Record<string, string>>, http = "", more = ""): IstioParts {
  const { yaml } = echo(http, more);
  return {
    yaml: yaml.replace("metadata: { name: echo }", `metadata: { name: echo, labels: ${JSON.stringify(labels)} }`),
  };
}

const MASK: NonNullable<ContractCase["mask"]> = [
  [/stay="[^"]*"/g, 'stay="{cookie}"'],
  [/[A-Za-z0-9+/]{19,}={0,2}/g, "{address}"],
];
const UPSTREAMS = { v1: answer(200, "v1"), v2: answer(200, "v2") };
const cookie = (upstream: string): string => `cookie: stay="{cookie ${upstream}}"`;

function cases(rows: Readonly<Record<string, Pick<ContractCase, "istio" | "client" | "expect">>>): ContractCase[] {
  return Object.entries(rows).map(([name, row]) => ({
    name,
    feature: "Istio: persistent sessions",
    upstreams: UPSTREAMS,
    mask: MASK,
    ...row,
  }));
}

const echoGet = (path: string, ...lines: string[]): string => get(path, "Host: echo", ...lines);

export const CASES: readonly ContractCase[] = cases({
  "a cookie is given": {
    istio: labelled(
      COOKIE,
      `
  - route: [{ destination: { host: echo, subset: v1 } }]`,
    ),
    client: inTurn(echoGet("/")),
    expect: { got: [/^set-cookie: stay="/] },
  },
  "the endpoint that a cookie names": {
    istio: labelled(COOKIE),
    client: inTurn(
      echoGet("/", cookie("v2")),
      echoGet("/", cookie("v2")),
      echoGet("/", cookie("v1")),
      echoGet("/", cookie("v2")),
    ),
    expect: { answers: ["200 v2", "200 v2", "200 v1", "200 v2"] },
  },
  "by a header": {
    istio: labelled(HEADER),
    client: inTurn(
      echoGet("/", "x-stay: {session v2}"),
      echoGet("/", "x-stay: {session v1}"),
      echoGet("/", "x-stay: {session v2}"),
    ),
    expect: { answers: ["200 v2", "200 v1", "200 v2"] },
  },
  "not where no service asks for it": {
    istio: echo(`
  - route: [{ destination: { host: echo, subset: v1 } }]`),
    client: inTurn(echoGet("/")),
    expect: { notGot: ["set-cookie"] },
  },
  "by the destination of a route, whatever host was asked for": {
    istio: labelled(
      COOKIE,
      "",
      `
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: front }
spec: { hosts: [front.test], http: [{ route: [{ destination: { host: echo, port: { number: 80 } } }] }] }`,
    ),
    client: inTurn(get("/", "Host: front.test", cookie("v2")), get("/", "Host: front.test", cookie("v1"))),
    expect: { answers: ["200 v2", "200 v1"] },
  },
  "at a gateway": {
    istio: {
      ...labelled(
        COOKIE,
        "",
        `
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: edge }
spec: { selector: { istio: gw }, servers: [{ port: { number: 8080, name: http, protocol: HTTP }, hosts: ["*"] }] }
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: edge }
spec: { hosts: [e.test], gateways: [edge], http: [{ route: [{ destination: { host: echo } }] }] }`,
      ),
      proxy: { type: "router", labels: { istio: "gw" }, outbound: {}, gateway: { l: 8080 } },
    },
    client: [
      connect("d"),
      send("d", get("/", "Host: e.test", cookie("v2"))),
      got(1, "d"),
      send("d", get("/", "Host: e.test", cookie("v1"))),
      got(2, "d"),
    ],
    expect: { answers: ["200 v2", "200 v1"] },
  },
});
