/** AuthorizationPolicies as rows: a policy's spec, requests, and which of them come through. */
import type { ContractCase } from "./case.ts";
import { service } from "./istio.ts";
import { answer, get, got, request } from "./steps.ts";

/** A request, and whether it comes through. */
type Ask = readonly [verdict: "ok" | "no", path: string, ...lines: readonly string[]];

export interface Row {
  readonly name: string;
  readonly feature: string;
  /** The policy's `spec`, in flow style; several are several policies. */
  readonly specs: readonly string[];
  readonly asks: readonly Ask[];
  readonly more?: string;
  readonly metadata?: string;
}

export function policy(spec: string, index: number, metadata = ""): string {
  return `
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: p${index}${metadata} }
spec: ${spec}`;
}

export function row({ name, feature, specs, asks, more = "", metadata }: Row): ContractCase {
  const bytes = asks.map(([, path, ...lines]) => {
    const [first = "", rest] = path.split(" ");
    return rest === undefined ? get(first, ...hosted(lines)) : request(first, rest, ...hosted(lines));
  });
  return {
    name,
    feature: `AuthorizationPolicy: ${feature}`,
    istio: {
      yaml: service("echo", "echo") + specs.map((spec, i) => policy(spec, i, metadata)).join("") + more,
      workloads: {},
      proxy: { labels: { app: "echo" }, outbound: {}, inbound: { l: { port: 8080, app: "app" } } },
    },
    client: bytes.flatMap((each, index) => [each, got(index + 1)]),
    expect: { answers: asks.map(([verdict]) => (verdict === "ok" ? "200 app" : "403 RBAC: access denied")) },
    upstreams: { app: answer(200, "app") },
  };
}

function hosted(lines: readonly string[]): readonly string[] {
  return lines.some((line) => line.startsWith("Host:")) ? lines : ["Host: echo", ...lines];
}

export function root(spec: string): string {
  return policy(spec, 9, ", namespace: istio-system");
}

export function logged(format: string): string {
  return `
---
apiVersion: v1
kind: ConfigMap
metadata: { name: istio, namespace: istio-system }
data:
  mesh: |
    accessLogFile: "{log}"
    accessLogFormat: "${format}\\n"`;
}

export const to = (operation: string, action = "ALLOW"): string =>
  `{ action: ${action}, rules: [{ to: [{ operation: { ${operation} } }] }] }`;
export const from = (source: string, action = "ALLOW"): string =>
  `{ action: ${action}, rules: [{ from: [{ source: { ${source} } }] }] }`;
export const when = (condition: string, action = "ALLOW"): string =>
  `{ action: ${action}, rules: [{ when: [{ ${condition} }] }] }`;
