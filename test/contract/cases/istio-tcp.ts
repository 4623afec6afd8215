/** TCP services of a mesh: which cluster a connection takes, by `tcp` of VirtualServices and without one. */
import type { ContractCase, IstioParts } from "../harness/case.ts";
import { close, ended, got } from "../harness/steps.ts";

const REDIS = `
---
apiVersion: v1
kind: Service
metadata: { name: redis }
spec:
  selector: { app: echo }
  ports:
  - { name: redis, port: 6379, targetPort: 8080 }
  - { name: tcp-admin, port: 6380, targetPort: 8080 }
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: redis }
spec:
  host: redis
  subsets:
  - { name: v1, labels: { version: v1 } }
  - { name: v2, labels: { version: v2 } }
  - { name: nobody, labels: { version: v0 } }`;

const rule = (tcp: string, more = ""): string => `
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: redis }
spec:
  hosts: [redis]${more}
  tcp:${tcp}`;

const OUTBOUND = { r: "redis:6379", admin: "redis:6380" };
const says = (name: string) => ({ greeting: [name], answers: ["unused"] });
const UPSTREAMS = { v1: says("one"), v2: says("two") };

function tcp(
  name: string,
  feature: string,
  yaml: string,
  parts: Partial<ContractCase> & { readonly proxy?: IstioParts["proxy"] },
): ContractCase {
  const { proxy, ...rest } = parts;
  return {
    name,
    feature: `Istio TCP: ${feature}`,
    istio: { yaml: REDIS + yaml, proxy: { outbound: OUTBOUND, ...proxy } },
    upstreams: UPSTREAMS,
    client: [],
    ...rest,
  };
}

const connect = (on: string) => ({ do: "connect", on, listener: on }) as const;
const to = (subset: string, weight?: number): string =>
  `{ destination: { host: redis, subset: ${subset} }${weight === undefined ? "" : `, weight: ${weight}`} }`;

/** Connections to the one port, and to the other. */
function both(
  name: string,
  feature: string,
  rules: string,
  first: string | RegExp,
  second: string | RegExp,
  proxy?: IstioParts["proxy"],
): ContractCase {
  const masked = first instanceof RegExp || second instanceof RegExp;
  const texts = [first, second].map((each) => (each === "" ? /$^/ : each));
  return tcp(name, feature, rules, {
    client: [
      connect("r"),
      first === "" ? ended("r") : got(texts[0]!, "r"),
      close("r"),
      connect("admin"),
      second === "" ? ended("admin") : got(texts[1]!, "admin"),
      close("admin"),
    ],
    // Which of several it is differs from run to run.
    mask: [[/^(one|two)$/, masked ? "{some}" : "$1"]],
    expect: { got: [first, second].filter((each) => each !== "").map((each) => (masked ? "{some}" : each)) },
    ...(proxy === undefined ? {} : { proxy }),
  });
}

const ANY = /one|two/;

export const CASES: readonly ContractCase[] = [
  both("without a rule", "services", "", ANY, ANY),
  both("a subset", "tcp of VirtualServices", rule(`\n  - route: [${to("v1")}]`), "one", "one"),
  both(
    "by port",
    "tcp of VirtualServices",
    rule(
      `\n  - { match: [{ port: 6379 }], route: [${to("v1")}] }\n  - { match: [{ port: 6380 }], route: [${to("v2")}] }`,
    ),
    "one",
    "two",
  ),
  both(
    "the first that holds",
    "tcp of VirtualServices",
    rule(
      `\n  - { match: [{ port: 1 }], route: [${to("v1")}] }\n  - { match: [{ port: 1 }, { port: 6379 }], route: [${to("v2")}] }\n  - { route: [${to("v1")}] }`,
    ),
    "two",
    "one",
  ),
  both(
    "by who connects",
    "tcp of VirtualServices",
    rule(
      `\n  - { match: [{ sourceLabels: { app: other } }], route: [${to("v1")}] }\n  - { match: [{ sourceLabels: { app: client } }], route: [${to("v2")}] }`,
    ),
    "two",
    "two",
  ),
  both(
    "by the namespace of who connects",
    "tcp of VirtualServices",
    rule(
      `\n  - { match: [{ sourceNamespace: other }], route: [${to("v1")}] }\n  - { match: [{ sourceNamespace: default }], route: [${to("v2")}] }`,
    ),
    "two",
    "two",
  ),
  both(
    "for gateways only",
    "tcp of VirtualServices",
    rule(
      `\n  - { match: [{ gateways: [g] }], route: [${to("v1")}] }\n  - { match: [{ gateways: [mesh] }], route: [${to("v2")}] }`,
    ),
    "two",
    "two",
  ),
  both(
    "weights, all of them one's",
    "tcp of VirtualServices",
    rule(`\n  - route: [${to("v1", 0)}, ${to("v2", 100)}]`),
    "two",
    "two",
  ),
  both("weights", "tcp of VirtualServices", rule(`\n  - route: [${to("v1", 50)}, ${to("v2", 50)}]`), ANY, ANY),
  both(
    "another port of the destination",
    "tcp of VirtualServices",
    rule(
      `\n  - { match: [{ port: 6379 }], route: [{ destination: { host: redis, port: { number: 6380 }, subset: v1 } }] }`,
    ),
    "one",
    ANY,
  ),
  both(
    "nobody in the subset",
    "tcp of VirtualServices",
    rule(`\n  - { match: [{ port: 6379 }], route: [${to("nobody")}] }`),
    "",
    ANY,
  ),
  both(
    "http routes say nothing about it",
    "tcp of VirtualServices",
    `
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: redis }
spec:
  hosts: [redis]
  http: [{ route: [${to("v1")}] }]`,
    ANY,
    ANY,
  ),
  tcp("a service that there is not", "services", "", {
    proxy: { outbound: { r: "nobody:1" } },
    client: [connect("r"), ended("r")],
  }),
  tcp("the full name of a service", "services", rule(`\n  - route: [${to("v2")}]`), {
    proxy: { outbound: { r: "redis.default.svc.cluster.local:6379" } },
    client: [connect("r"), got("two", "r"), close("r")],
  }),
  tcp("an application that does not speak HTTP", "inbound ports", "", {
    proxy: { labels: { app: "echo" }, inbound: { in: { port: 8080, app: "app", protocol: "tcp" } } },
    upstreams: { ...UPSTREAMS, app: says("+PONG") },
    client: [connect("in"), got("+PONG", "in"), close("in")],
    expect: { got: ["+PONG"] },
  }),
  tcp(
    "nobody may connect to an application",
    "inbound ports",
    `
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: nobody }
spec: { selector: { matchLabels: { app: db } } }`,
    {
      proxy: { labels: { app: "db" }, inbound: { in: { port: 5432, app: "app", protocol: "tcp" } } },
      upstreams: { ...UPSTREAMS, app: { greeting: [], answers: ["unused"] } },
      client: [connect("in"), { do: "send", on: "in", bytes: "hello" }, ended("in")],
    },
  ),
];
