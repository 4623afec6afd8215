/** Gateways between networks: connections of the mesh go on, as they are, to what their clients' SNI names. */
import type { ContractCase, Step } from "../harness/case.ts";
import { close, ended, got, secure } from "../harness/steps.ts";

const ECHO = "echo.default.svc.cluster.local";
const yaml = (hosts = '"*.local"', more = ""): string => `
---
apiVersion: v1
kind: Service
metadata: { name: echo }
spec: { selector: { app: echo }, ports: [{ name: http, port: 80, targetPort: 8080 }, { name: tcp-x, port: 90, targetPort: 8080 }] }
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: echo }
spec:
  host: echo
  trafficPolicy: { tls: { mode: ISTIO_MUTUAL } }
  subsets: [{ name: v1, labels: { version: v1 } }, { name: v2, labels: { version: v2 } }, { name: nobody, labels: { version: v0 } }]
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: edge }
spec:
  selector: { istio: gw }
  servers:
    - { port: { number: 15443, name: tls, protocol: TLS }, hosts: [${hosts}], tls: { mode: AUTO_PASSTHROUGH } }${more}`;

/** Servers that speak TLS themselves, and say who they are. */
const SERVERS = {
  v1: { tls: { identity: "server" }, greeting: ["one"], answers: ["unused"] },
  v2: { tls: { identity: "server-other" }, greeting: ["two"], answers: ["unused"] },
};

const IN_MESH = ["istio-peer-exchange", "istio"];

/** @param answer "": the gateway ends it */
type Ask = readonly [serverName: string | undefined, answer: string, alpn?: readonly string[]];

function passed(name: string, asks: readonly Ask[], text = yaml()): ContractCase {
  return {
    name,
    feature: "Gateway: tls AUTO_PASSTHROUGH",
    istio: {
      yaml: text,
      proxy: { type: "router", labels: { istio: "gw" }, outbound: {}, gateway: { l: 15443 } },
    },
    upstreams: SERVERS,
    client: asks.flatMap(([serverName, answer, alpn = IN_MESH], i): Step[] => {
      const on = `c${i}`;
      const hello = secure(
        { ...(serverName === undefined ? {} : { serverName }), ...(alpn.length === 0 ? {} : { alpn }) },
        on,
      );
      return answer === "" ? [hello, ended(on)] : [hello, got(answer, on), close(on)];
    }),
    expect: { got: asks.map(([, answer]) => answer).filter((answer) => answer !== "") },
  };
}

const to = (subset: string, port = 80, host = ECHO): string => `outbound_.${port}_.${subset}_.${host}`;

export const CASES: readonly ContractCase[] = [
  passed("the subset that is asked for", [
    [to("v1"), "one"],
    [to("v2"), "two"],
  ]),
  passed("a port that carries no HTTP", [[to("v2", 90), "two"]]),
  passed("a subset of nobody, and one that there is not", [
    [to("nobody"), ""],
    [to("v9"), ""],
  ]),
  passed("a port and a service that there are not", [
    [to("v1", 81), ""],
    [to("", 80, "other.default.svc.cluster.local"), ""],
  ]),
  passed("no name, and a name that says nothing of the mesh", [
    [undefined, ""],
    [ECHO, ""],
  ]),
  passed("clients that are none of the mesh", [
    [to("v1"), "", []],
    [to("v1"), "", ["h2", "http/1.1"]],
    [to("v1"), "one", ["istio-http/1.1"]],
  ]),
  passed(
    "hosts that the server has, and others",
    [
      [to("v1"), "one"],
      [to("", 80, "vault.default.svc.cluster.local"), ""],
    ],
    yaml(
      ECHO,
      `
---
apiVersion: v1
kind: Service
metadata: { name: vault }
spec: { selector: { app: echo }, ports: [{ name: http, port: 80, targetPort: 8080 }] }`,
    ),
  ),
  passed("hosts of a namespace", [[to("v1"), "one"]], yaml(`"default/*.local"`)),
];
