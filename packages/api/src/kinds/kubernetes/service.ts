/** Service (Kubernetes core/v1): strict where a mesh reads, open elsewhere. */
import { dnsLabel, labelKey } from "../../schema/formats.ts";
import { boolean, enumOf, integer, intOrString, list, map, openObject, required, string } from "../../schema/schema.ts";
import type { Infer } from "../../schema/schema.ts";

const port = integer({ min: 1, max: 65535 });

const servicePort = openObject({
  name: string(dnsLabel),
  port: required(port),
  protocol: enumOf(["TCP", "UDP", "SCTP"]),
  appProtocol: string(),
  targetPort: intOrString(),
  nodePort: integer({ min: 0, max: 65535 }),
});
export type ServicePort = Infer<typeof servicePort>;

export const serviceSpec = openObject({
  type: enumOf(["ClusterIP", "NodePort", "LoadBalancer", "ExternalName"]),
  selector: map(string(), labelKey),
  ports: list(servicePort),
  clusterIP: string(),
  clusterIPs: list(string()),
  externalIPs: list(string()),
  externalName: string(),
  publishNotReadyAddresses: boolean(),
  internalTrafficPolicy: enumOf(["Cluster", "Local"]),
  externalTrafficPolicy: enumOf(["Cluster", "Local"]),
  sessionAffinity: enumOf(["None", "ClientIP"]),
  trafficDistribution: string(),
});
export type ServiceSpec = Infer<typeof serviceSpec>;

export const serviceStatus = openObject({
  loadBalancer: openObject({ ingress: list(openObject({ ip: string(), hostname: string() })) }),
});
export type ServiceStatus = Infer<typeof serviceStatus>;
