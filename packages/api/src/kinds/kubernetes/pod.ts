/** Pod, and the workload kinds that hold a pod template: what a mesh reads of them. */
import { labelKey, nonEmpty } from "../../schema/formats.ts";
import {
  boolean,
  enumOf,
  integer,
  intOrString,
  list,
  map,
  openObject,
  opaque,
  required,
  string,
} from "../../schema/schema.ts";
import type { Infer } from "../../schema/schema.ts";

const port = integer({ min: 1, max: 65535 });

const httpGet = openObject({
  path: string(),
  port: required(intOrString()),
  host: string(),
  scheme: enumOf(["HTTP", "HTTPS"]),
});

/** Only what probe rewriting needs; timings stay untouched. */
const probe = openObject({
  httpGet,
  tcpSocket: openObject({ port: required(intOrString()), host: string() }),
  grpc: openObject({ port: required(port), service: string() }),
});
export type ContainerProbe = Infer<typeof probe>;

const containerPort = openObject({
  name: string(),
  containerPort: required(port),
  hostPort: integer({ min: 0, max: 65535 }),
  protocol: enumOf(["TCP", "UDP", "SCTP"]),
});
export type ContainerPort = Infer<typeof containerPort>;

const environmentVariable = openObject({ name: required(string(nonEmpty)), value: string(), valueFrom: opaque() });

const container = openObject({
  name: required(string(nonEmpty)),
  image: string(),
  command: list(string()),
  args: list(string()),
  env: list(environmentVariable),
  ports: list(containerPort),
  livenessProbe: probe,
  readinessProbe: probe,
  startupProbe: probe,
  restartPolicy: string(),
});
export type Container = Infer<typeof container>;

export const podSpec = openObject({
  containers: required(list(container, { min: 1 })),
  initContainers: list(container),
  serviceAccountName: string(),
  serviceAccount: string(),
  hostNetwork: boolean(),
  hostname: string(),
  subdomain: string(),
  nodeName: string(),
  nodeSelector: map(string(), labelKey),
});
export type PodSpec = Infer<typeof podSpec>;

export const podStatus = openObject({
  phase: enumOf(["Pending", "Running", "Succeeded", "Failed", "Unknown"]),
  podIP: string(),
  podIPs: list(openObject({ ip: string() })),
  hostIP: string(),
  conditions: list(openObject({ type: string(), status: enumOf(["True", "False", "Unknown"]) })),
});
export type PodStatus = Infer<typeof podStatus>;

const podTemplate = openObject({
  metadata: openObject({ labels: map(string(), labelKey), annotations: map(string()) }),
  spec: podSpec,
});
export type PodTemplate = Infer<typeof podTemplate>;

const requirement = openObject({
  key: required(string(labelKey)),
  operator: required(enumOf(["In", "NotIn", "Exists", "DoesNotExist"])),
  values: list(string()),
});
/** Kubernetes LabelSelector. */
export const labelSelector = openObject({
  matchLabels: map(string(), labelKey),
  matchExpressions: list(requirement),
});
export type LabelSelector = Infer<typeof labelSelector>;

/** Deployment and DaemonSet. */
export const workloadSpec = openObject({
  replicas: integer({ min: 0 }),
  selector: labelSelector,
  template: required(podTemplate),
});
export type DeploymentSpec = Infer<typeof workloadSpec>;

export const statefulSetSpec = openObject({
  replicas: integer({ min: 0 }),
  selector: labelSelector,
  serviceName: string(),
  template: required(podTemplate),
});
export type StatefulSetSpec = Infer<typeof statefulSetSpec>;
