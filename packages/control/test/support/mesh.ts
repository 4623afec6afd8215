/** A mesh made of YAML, without files, sockets or time: what would a proxy be sent? */
import assert from "node:assert/strict";
import { create, fromBinary, toJson } from "@bufbuild/protobuf";
import type { JsonObject } from "@bufbuild/protobuf";
import { AnySchema } from "@bufbuild/protobuf/wkt";
import { formatDiagnostic, parseYaml } from "@tulle/api";
import { NodeSchema } from "@tulle/xds/gen/envoy/config/core/v3/base_pb.js";
import { TYPE } from "@tulle/xds";
import type { EncodedResource, ResourceView } from "@tulle/xds";
import { messageTypes } from "@tulle/xds/message-types";
import type { Issuers } from "../../src/model/issuers.ts";
import { NO_ISSUERS } from "../../src/model/issuers.ts";
import type { MeshOptions, Snapshot } from "../../src/model/snapshot.ts";
import { SnapshotBuilder } from "../../src/model/snapshot.ts";
import type { StoredObject } from "../../src/model/stored-object.ts";
import { objectKey } from "../../src/model/stored-object.ts";
import type { Workload } from "../../src/model/workload.ts";
import { ProxyView } from "../../src/push/proxy-view.ts";
import { Views } from "../../src/push/views.ts";
import { readNode } from "../../src/source/registration/node.ts";
import { Statuses } from "../../src/status/statuses.ts";
import type { ObjectStatus } from "../../src/status/object-status.ts";
import { capabilitiesOf } from "../../src/translate/data-plane.ts";

export interface ProxyOptions {
  readonly type?: "sidecar" | "router";
  readonly namespace?: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** `region/zone/subzone`. */
  readonly locality?: string;
  /** `user_agent_name`, default "envoy". */
  readonly agent?: string;
  readonly delta?: boolean;
  readonly tulle?: JsonObject;
  readonly name?: string;
  /** Its cluster for certificates. */
  readonly secrets?: string;
  /** WorkloadGroup that it says it is of. */
  readonly group?: string;
  /** False: it has said who it is, and shown nothing for it. */
  readonly isProven?: boolean;
  /** Further node metadata. */
  readonly metadata?: JsonObject;
}

/** Objects of a YAML stream, in force since one moment but for their creationTimestamps. */
export function storedObjects(yaml: string, file = "mesh.yaml"): StoredObject[] {
  const { objects, diagnostics } = parseYaml(yaml, file);
  assert.deepEqual(diagnostics.filter(({ severity }) => severity === "error").map(formatDiagnostic), []);
  return objects.map((loaded) => ({
    key: objectKey(loaded.object),
    loaded,
    createdAt: Date.parse(loaded.object.metadata.creationTimestamp ?? "2026-06-01T00:00:00Z"),
  }));
}

export class TestMesh {
  readonly #builder: SnapshotBuilder;
  #objects: readonly StoredObject[];
  #workloads: readonly Workload[];
  snapshot: Snapshot;
  readonly views: Views;

  constructor(
    yaml: string,
    workloads: readonly Workload[] = [],
    issuers: Issuers = NO_ISSUERS,
    options: Partial<MeshOptions> = {},
  ) {
    this.#builder = new SnapshotBuilder({ domain: "cluster.local", rootNamespace: "istio-system", ...options });
    this.#objects = storedObjects(yaml);
    this.#workloads = workloads;
    this.snapshot = this.#builder.next({ objects: this.#objects, workloads, issuers });
    this.views = new Views(this.snapshot);
  }

  /** Objects in the stream replace those of the same name, as a changed file does. */
  change(yaml: string): void {
    const changed = storedObjects(yaml);
    const at = (key: string): StoredObject | undefined => changed.find((stored) => stored.key === key);
    const kept = this.#objects.map((stored) => at(stored.key) ?? stored);
    const known = new Set(kept.map(({ key }) => key));
    this.#objects = [...kept, ...changed.filter(({ key }) => !known.has(key))];
    this.#advance();
  }

  register(workloads: readonly Workload[]): void {
    this.#workloads = workloads;
    this.#advance();
  }

  #advance(): void {
    this.snapshot = this.#builder.next({ objects: this.#objects, workloads: this.#workloads });
    this.views.advance(this.snapshot);
  }

  proxy(options: ProxyOptions = {}): TestProxy {
    return new TestProxy(this, options);
  }

  status(kind: string, name: string, namespace = "default"): readonly ObjectStatus[] {
    const stored = this.#objects.find(({ loaded: { object } }) => {
      const { metadata } = object;
      return object.kind === kind && metadata.name === name && metadata.namespace === namespace;
    });
    assert.ok(stored !== undefined, `no ${kind} ${namespace}/${name}`);
    return new Statuses(this.snapshot).of(stored);
  }
}

export class TestProxy {
  readonly #view: () => ResourceView;

  constructor(mesh: TestMesh, options: ProxyOptions) {
    const { type = "sidecar", namespace = "default", labels = {}, agent = "envoy", delta = true } = options;
    const name = options.name ?? "client";
    const [region = "", zone = "", subZone = ""] = (options.locality ?? "").split("/");
    const tulle = {
      ...(options.secrets === undefined ? {} : { secrets: options.secrets }),
      ...(options.tulle ?? {
        http_proxy: { address: "127.0.0.1", port: 15001 },
        outbound: [
          { port: 9080, address: "127.0.0.1", bind_port: 19080 },
          { port: 80, address: "127.0.0.1", bind_port: 10080 },
        ],
      }),
    };
    const node = readNode(
      create(NodeSchema, {
        id: `${type}~10.0.0.1~${name}.${namespace}~${namespace}.svc.cluster.local`,
        userAgentName: agent,
        locality: { region, zone, subZone },
        metadata: {
          NAMESPACE: namespace,
          LABELS: labels,
          WORKLOAD_NAME: name,
          TULLE: tulle,
          ...(options.group === undefined ? {} : { AUTO_REGISTER_GROUP: options.group }),
          ...options.metadata,
        },
      }),
    );
    const capabilities = capabilitiesOf(node.dataPlane, delta, node.capture !== undefined);
    const view = new ProxyView(node, capabilities, mesh.views.caches, options.isProven ?? true);
    this.#view = () => mesh.views.view(view, node, capabilities);
  }

  get view(): ResourceView {
    return this.#view();
  }

  /** Clusters without those that are always there. */
  names(typeUrl: string): string[] {
    const all = [...(this.view.set(typeUrl)?.resources.keys() ?? [])];
    return typeUrl === TYPE.cluster ? all.filter((name) => name.includes("|")) : all;
  }

  resource(typeUrl: string, name: string): EncodedResource | undefined {
    const { view } = this;
    return view.set(typeUrl)?.resources.get(name) ?? view.resolve?.(typeUrl, name);
  }

  /** A resource as protobuf JSON with Envoy's field names; fails if there is none. */
  json(typeUrl: string, name: string): JsonObject {
    const found = this.resource(typeUrl, name);
    assert.ok(found !== undefined, `no ${name} among ${this.names(typeUrl).join(", ")}`);
    const json = toJson(AnySchema, fromBinary(AnySchema, found.any), {
      registry: messageTypes,
      useProtoFieldName: true,
    });
    delete (json as JsonObject)["@type"];
    return json as JsonObject;
  }

  /** The virtual hosts of a route configuration, by name. */
  virtualHosts(routes = "9080"): Record<string, JsonObject> {
    const { virtual_hosts: hosts = [] } = this.json(TYPE.route, routes) as { virtual_hosts?: JsonObject[] };
    return Object.fromEntries(hosts.map((host) => [host["name"] as string, host]));
  }

  /** The routes of one virtual host. */
  routes(host: string, routes = "9080"): JsonObject[] {
    const found = this.virtualHosts(routes)[host];
    assert.ok(found !== undefined, `no virtual host ${host} in ${routes}`);
    return (found["routes"] ?? []) as JsonObject[];
  }
}

/** What is the same for most routes is checked where it is the subject. */
export function essence(route: JsonObject): JsonObject {
  const { metadata: _metadata, decorator: _decorator, ...rest } = route;
  if (rest["route"] === undefined) return rest;
  const { retry_policy: _retries, max_grpc_timeout: _grpc, ...action } = rest["route"] as JsonObject;
  return { ...rest, route: action };
}

/** MeshConfig. */
export function meshConfig(config: string): string {
  const lines = config.split("\n").map((line) => `    ${line}`);
  return `
---
apiVersion: v1
kind: ConfigMap
metadata: { name: istio, namespace: istio-system }
data:
  mesh: |
${lines.join("\n")}`;
}

export function service(name: string, namespace = "default", ports = "[{ name: http, port: 9080 }]"): string {
  return `
---
apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: ${namespace} }
spec: { selector: { app: ${name} }, ports: ${ports} }`;
}

/** A VirtualService; `http` is a YAML flow list. `more` goes into the spec. */
export function virtualService(
  name: string,
  spec: { hosts: string; http: string; namespace?: string; created?: string; more?: string },
): string {
  const created = spec.created === undefined ? "" : `, creationTimestamp: "${spec.created}"`;
  return `
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: ${name}, namespace: ${spec.namespace ?? "default"}${created} }
spec: { hosts: [${spec.hosts}], http: ${spec.http}${spec.more === undefined ? "" : `, ${spec.more}`} }`;
}

export function destinationRule(name: string, spec: string, namespace = "default", created?: string): string {
  const timestamp = created === undefined ? "" : `, creationTimestamp: "${created}"`;
  return `
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: ${name}, namespace: ${namespace}${timestamp} }
spec: ${spec}`;
}

/** A route that sends everything to one subset of `host`. */
export function to(subset: string, host = "reviews"): string {
  return `[{ route: [{ destination: { host: ${host}, subset: ${subset} } }] }]`;
}

export function workload(
  name: string,
  options: Partial<Workload> & { port?: number; bindPort?: number } = {},
): Workload {
  const { port = 9080, bindPort = 31000, ...rest } = options;
  const inbound = [
    {
      port,
      name: undefined,
      protocol: "http",
      address: "127.0.0.1",
      bindPort,
      appAddress: "127.0.0.1",
      appPort: bindPort + 1,
    },
  ];
  return {
    id: `sidecar~127.0.0.1~${name}.default~default.svc.cluster.local`,
    name,
    namespace: "default",
    serviceAccount: "default",
    clusterId: "Kubernetes",
    labels: {},
    address: "127.0.0.1",
    locality: "",
    network: "",
    weight: 1,
    group: undefined,
    registeredAt: 0,
    service: undefined,
    inbound,
    mutualTls: false,
    healthy: true,
    healthMessage: "",
    ...rest,
  };
}
