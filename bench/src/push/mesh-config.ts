/** The directory of YAML that the control plane reads: services with two endpoints each, one of them routed by weight. */
import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";

/** Two versions of the first service take these shares. */
export type Weights = [v1: number, v2: number];

const PORT = { name: "http", port: 8080, protocol: "TCP" };
const ROUTED = "service-0000";

export class MeshConfig {
  readonly folder: string;
  readonly services: number;

  /** Writes the whole configuration: a file a service, and one each for the routed service's rule and route. */
  constructor(folder: string, services: number) {
    this.folder = folder;
    this.services = services;
    mkdirSync(folder);
    for (let index = 0; index < services; index++) this.#write(`${nameOf(index)}.yaml`, service(index));
    this.#write("destination-rule.yaml", [destinationRule()]);
    this.setWeights([50, 50]);
  }

  /** Rewrites the VirtualService of the first service. */
  setWeights(weights: Weights): void {
    this.#write("virtual-service.yaml", [virtualService(weights)]);
  }

  /** Gives the second service's first endpoint another address. */
  setEndpoint(address: string): void {
    this.#write(`${nameOf(1)}.yaml`, service(1, address));
  }

  /** As an editor or a Git checkout does it: a new file takes the place of the old one. */
  #write(name: string, objects: readonly object[]): void {
    // Named so that a watcher of YAML files does not take it for one.
    const temporary = join(this.folder, `.${name}.tmp`);
    writeFileSync(temporary, objects.map((object) => stringify(object)).join("---\n"));
    renameSync(temporary, join(this.folder, name));
  }
}

function nameOf(index: number): string {
  return `service-${String(index).padStart(4, "0")}`;
}

function addressOf(index: number, endpoint: number): string {
  return `10.${endpoint}.${index >> 8}.${index & 255}`;
}

function service(index: number, firstAddress = addressOf(index, 1)): object[] {
  const name = nameOf(index);
  const addresses = [firstAddress, addressOf(index, 2)];
  const pods = name === ROUTED ? addresses.map((address, i) => pod(`${name}-v${i + 1}`, `v${i + 1}`, address)) : [];
  return [
    {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name, namespace: "default" },
      spec: { clusterIP: `10.96.${index >> 8}.${index & 255}`, ports: [PORT] },
    },
    {
      apiVersion: "discovery.k8s.io/v1",
      kind: "EndpointSlice",
      metadata: { name: `${name}-slice`, namespace: "default", labels: { "kubernetes.io/service-name": name } },
      addressType: "IPv4",
      ports: [PORT],
      endpoints: addresses.map((address, i) => ({
        addresses: [address],
        conditions: { ready: true },
        ...(pods.length > 0 && { targetRef: { kind: "Pod", name: `${name}-v${i + 1}`, namespace: "default" } }),
      })),
    },
    ...pods,
  ];
}

function pod(name: string, version: string, address: string): object {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace: "default", labels: { app: ROUTED, version } },
    spec: { containers: [{ name: "main", image: "none" }] },
    status: { phase: "Running", podIP: address },
  };
}

function destinationRule(): object {
  const subsets = ["v1", "v2"].map((version) => ({ name: version, labels: { version } }));
  return {
    apiVersion: "networking.istio.io/v1",
    kind: "DestinationRule",
    metadata: { name: ROUTED, namespace: "default" },
    spec: { host: ROUTED, subsets },
  };
}

function virtualService(weights: Weights): object {
  const route = weights.map((weight, i) => ({ destination: { host: ROUTED, subset: `v${i + 1}` }, weight }));
  return {
    apiVersion: "networking.istio.io/v1",
    kind: "VirtualService",
    metadata: { name: ROUTED, namespace: "default" },
    spec: { hosts: [ROUTED], http: [{ route }] },
  };
}
