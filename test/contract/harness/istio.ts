/** The words in which cases in Istio's YAML are written. */
import type { ContractCase, Expectation, IstioParts, Step } from "./case.ts";
import { get, got, request } from "./steps.ts";

/** A Service on port 80 whose workloads are those of the app. */
export function service(name: string, app: string): string {
  return `
---
apiVersion: v1
kind: Service
metadata: { name: ${name} }
spec:
  selector: { app: ${app} }
  ports: [{ name: http, port: 80, targetPort: 8080 }]`;
}

/**
 * The service `echo` with subsets `v1`, `v2` and `nobody`, a VirtualService whose `spec.http` this is (list items at an indentation of two),
 * and more documents. "" for no VirtualService.
 */
export function echo(http: string, more = ""): IstioParts {
  const rules = `
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: echo }
spec:
  host: echo
  subsets:
  - { name: v1, labels: { version: v1 } }
  - { name: v2, labels: { version: v2 } }
  - { name: nobody, labels: { version: v0 } }`;
  const routes = `
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: echo }
spec:
  hosts: [echo]
  http:${http}`;
  return { yaml: service("echo", "echo") + rules + (http === "" ? "" : routes) + more };
}

/** Hosts that no service has are refused, whatever the proxy could do with them. */
export const REGISTRY_ONLY = `
---
apiVersion: v1
kind: ConfigMap
metadata: { name: istio, namespace: istio-system }
data: { mesh: "outboundTrafficPolicy: { mode: REGISTRY_ONLY }" }`;

/** A request, and what its answer must be. */
export interface Ask {
  readonly method?: string;
  /** Default `/`. */
  readonly path?: string;
  /** Default `echo`. */
  readonly host?: string;
  readonly headers?: readonly string[];
  readonly expect: Omit<Expectation, "answers"> & {
    readonly status: number;
    /** Not given: not looked at. */
    readonly body?: string;
  };
}

/** The steps and the expectation of requests that are made one after another. */
export function asking(asks: readonly Ask[]): Required<Pick<ContractCase, "client" | "expect">> {
  const client = asks.flatMap(({ method, path = "/", host = "echo", headers = [] }, index): Step[] => {
    const lines = [`Host: ${host}`, ...headers];
    return [method === undefined ? get(path, ...lines) : request(method, path, ...lines), got(index + 1)];
  });
  const all = (key: "sent" | "notSent" | "got" | "notGot"): (string | RegExp)[] =>
    asks.flatMap(({ expect }) => expect[key] ?? []);
  const answers = asks.map(({ expect: { status, body } }) => (body === undefined ? `${status}` : `${status} ${body}`));
  return {
    client,
    expect: { answers, sent: all("sent"), notSent: all("notSent"), got: all("got"), notGot: all("notGot") },
  };
}

/** A case whose rule is in `spec.http`. */
export interface Row {
  readonly name: string;
  /** What of the VirtualService it is about. */
  readonly feature: string;
  /** `spec.http` of a VirtualService for `echo`; "" for none. */
  readonly http: string;
  readonly requests: readonly Ask[];
  /** More documents. */
  readonly more?: string;
  readonly workloads?: IstioParts["workloads"];
  readonly proxy?: IstioParts["proxy"];
  /** More parts of the case. */
  readonly with?: Partial<ContractCase>;
}

export function rows(table: readonly Row[]): readonly ContractCase[] {
  return table.map(({ name, feature, http, requests, more = "", workloads, proxy, with: parts }) => ({
    name,
    feature: `VirtualService: ${feature}`,
    istio: {
      ...echo(http, more),
      ...(workloads === undefined ? {} : { workloads }),
      ...(proxy === undefined ? {} : { proxy }),
    },
    ...asking(requests),
    ...parts,
  }));
}

/** Routes what matches to v2 and the rest to v1. `match` is list items at an indentation of four. */
export function matching(match: string): string {
  return `
  - match:
${match}
    route: [{ destination: { host: echo, subset: v2 } }]
  - route: [{ destination: { host: echo, subset: v1 } }]`;
}

/** One route to v1 with more fields, at an indentation of four. */
export function routed(fields: string): string {
  return `
  - route: [{ destination: { host: echo, subset: v1 } }]
${fields}`;
}

export const TO_V1 = { status: 200, body: "v1" } as const;
export const TO_V2 = { status: 200, body: "v2" } as const;
