/** Cases of DestinationRules: the service `echo`, a rule, and what its policy does. */
import type { ContractCase, IstioParts, Step, Upstream } from "./case.ts";
import { service } from "./istio.ts";
import { get } from "./steps.ts";

export const HOST = "echo.default.svc.cluster.local";
export const HELLO = get("/", "Host: echo");
export const ONLY_V1 = { v1: { labels: { app: "echo", version: "v1" } } };

export function cluster(subset = ""): string {
  return `cluster.outbound|80|${subset}|${HOST}`;
}

interface Rule {
  readonly name?: string;
  readonly namespace?: string;
  readonly created?: string;
  readonly spec: string;
}

export function rule({ name = "echo", namespace = "default", created = "2026-01-01T00:00:00Z", spec }: Rule): string {
  return `
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: ${name}, namespace: ${namespace}, creationTimestamp: "${created}" }
spec: { ${spec} }`;
}

export interface PolicyRow {
  readonly name: string;
  readonly feature: string;
  /** `trafficPolicy`. */
  readonly policy: string;
  readonly client: readonly Step[];
  readonly answers: readonly string[];
  readonly upstreams?: Readonly<Record<string, Upstream>>;
  readonly workloads?: IstioParts["workloads"];
  readonly proxy?: IstioParts["proxy"];
  readonly stats?: readonly string[];
  readonly more?: string;
}

export function policyCase({
  name,
  feature,
  policy,
  answers,
  workloads = ONLY_V1,
  more = "",
  proxy,
  ...rest
}: PolicyRow): ContractCase {
  return {
    name,
    feature: `DestinationRule: ${feature}`,
    istio: {
      yaml: service("echo", "echo") + rule({ spec: `host: echo, trafficPolicy: { ${policy} }` }) + more,
      workloads,
      ...(proxy === undefined ? {} : { proxy }),
    },
    expect: { answers },
    ...rest,
  };
}
