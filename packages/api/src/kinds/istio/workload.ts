/** WorkloadEntry and WorkloadGroup (istio/api `networking/v1alpha3/workload_{entry,group}.proto`). */
import { dnsSubdomain, headerName, labelKey, labelValue, nonEmpty } from "../../schema/formats.ts";
import { enumOf, integer, list, map, object, required, string } from "../../schema/schema.ts";
import type { Infer } from "../../schema/schema.ts";

const port = integer({ min: 1, max: 65535 });
const labels = map(string(labelValue), labelKey);

export const workloadEntrySpec = object({
  address: string(),
  ports: map(port),
  labels,
  network: string(),
  locality: string(),
  weight: integer({ min: 0, max: 4294967295 }),
  serviceAccount: string(dnsSubdomain),
});
export type WorkloadEntrySpec = Infer<typeof workloadEntrySpec>;

const readinessProbe = object(
  {
    initialDelaySeconds: integer({ min: 0 }),
    timeoutSeconds: integer({ min: 0 }),
    periodSeconds: integer({ min: 0 }),
    successThreshold: integer({ min: 0 }),
    failureThreshold: integer({ min: 0 }),
    httpGet: object({
      path: string(),
      port: required(port),
      host: string(),
      scheme: enumOf(["HTTP", "HTTPS"]),
      httpHeaders: list(object({ name: required(string(headerName)), value: string() })),
    }),
    tcpSocket: object({ host: string(), port: required(port) }),
    exec: object({ command: required(list(string(), { min: 1 })) }),
    grpc: object({ port, service: string() }),
  },
  { exactlyOne: [["httpGet", "tcpSocket", "exec", "grpc"]] },
);
export type ReadinessProbe = Infer<typeof readinessProbe>;

export const workloadGroupSpec = object({
  metadata: object({
    labels,
    annotations: map(string(), { expected: "an annotation key", accepts: nonEmpty.accepts }),
  }),
  template: required(workloadEntrySpec),
  probe: readinessProbe,
});
export type WorkloadGroupSpec = Infer<typeof workloadGroupSpec>;
