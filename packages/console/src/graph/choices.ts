/** What one can choose of the graph; the first of each is what the address need not say. */
import type { GraphType } from "@tulle/telemetry/insight";
import type { EdgeLabel, Layer } from "./scene.ts";

export const TYPES: readonly { readonly value: GraphType; readonly name: string }[] = [
  { value: "versionedApp", name: "Versions" },
  { value: "service", name: "Services" },
  { value: "workload", name: "Workloads" },
  { value: "app", name: "Apps" },
];
export const LABELS: readonly { readonly value: EdgeLabel; readonly name: string }[] = [
  { value: "rate", name: "Requests/s" },
  { value: "p50", name: "p50" },
  { value: "p95", name: "p95" },
  { value: "p99", name: "p99" },
  { value: "share", name: "Share" },
  { value: "none", name: "No labels" },
];
export const LAYERS: readonly { readonly value: Layer; readonly name: string }[] = [
  { value: "health", name: "Health" },
  { value: "delay", name: "Delay" },
  { value: "mtls", name: "mTLS" },
];

export function oneOf<T extends string>(options: readonly { readonly value: T }[], text: string | null): T {
  return options.find(({ value }) => value === text)?.value ?? options[0]!.value;
}
