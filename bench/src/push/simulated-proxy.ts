/**
 * A proxy as the control plane sees it: one delta ADS stream on a connection of its own, the subscriptions that Tulle's
 * proxy makes, every response acknowledged. It keeps names, not configuration.
 */
import { create, toBinary } from "@bufbuild/protobuf";
import type { JsonObject, MessageInitShape } from "@bufbuild/protobuf";
import { Client, credentials } from "@grpc/grpc-js";
import type { ClientDuplexStream } from "@grpc/grpc-js";
import { DeltaDiscoveryRequestSchema } from "@tulle/xds/gen/envoy/service/discovery/v3/discovery_pb.js";
import type { NodeSchema } from "@tulle/xds/gen/envoy/config/core/v3/base_pb.js";
import { readDeltaResponse } from "./delta-response.ts";
import type { DeltaResponse } from "./delta-response.ts";
import { TYPE, factsOf } from "./resource-facts.ts";
import type { Facts } from "./resource-facts.ts";
import { monotonicMs } from "./messages.ts";

const METHOD = "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources";

interface Received {
  bytes: number;
  response: DeltaResponse;
}

export interface ProxyEvents {
  /** A response has come: at what time, how long it was, what its resources say. */
  onResponse: (proxy: SimulatedProxy, at: number, bytes: number, facts: readonly Facts[]) => void;
  onEnd: (reason: string) => void;
}

type Request = MessageInitShape<typeof DeltaDiscoveryRequestSchema>;

export class SimulatedProxy {
  readonly #client: Client;
  readonly #stream: ClientDuplexStream<Request, Received>;
  readonly #events: ProxyEvents;
  /** Names held, by type. */
  readonly #held = new Map<string, Set<string>>();
  readonly #subscribed = new Map<string, Set<string>>();
  readonly #virtualHosts = new Set<string>();

  constructor(target: string, index: number, events: ProxyEvents) {
    this.#events = events;
    // Without a pool of its own, clients in one process would share one connection.
    this.#client = new Client(target, credentials.createInsecure(), {
      "grpc.use_local_subchannel_pool": 1,
      "grpc.max_receive_message_length": -1,
    });
    this.#stream = this.#client.makeBidiStreamRequest(
      METHOD,
      (request: Request) =>
        Buffer.from(toBinary(DeltaDiscoveryRequestSchema, create(DeltaDiscoveryRequestSchema, request))),
      (bytes: Buffer) => ({ bytes: bytes.length, response: readDeltaResponse(bytes) }),
    );
    this.#stream.on("data", (received: Received) => this.#receive(received));
    this.#stream.on("error", (error) => events.onEnd(error.message));
    this.#stream.on("end", () => events.onEnd("the control plane closed the stream"));
    this.#stream.write({ node: nodeOf(index), typeUrl: TYPE.cluster, resourceNamesSubscribe: ["*"] });
    this.#stream.write({ typeUrl: TYPE.listener, resourceNamesSubscribe: ["*"] });
  }

  /** Every service's cluster, endpoints and virtual host are here, and every name that was asked for was answered. */
  isComplete(services: number): boolean {
    const enough = [this.#size(TYPE.cluster), this.#size(TYPE.endpoints), this.#virtualHosts.size];
    const missing = [TYPE.endpoints, TYPE.route].some(
      (typeUrl) => this.#size(typeUrl) < (this.#subscribed.get(typeUrl)?.size ?? 0),
    );
    return enough.every((count) => count >= services) && !missing;
  }

  /** What it holds, for messages: `1003 Cluster, 1000 ClusterLoadAssignment, …`. */
  describe(): string {
    const counts = Object.values(TYPE).map((typeUrl) => `${this.#size(typeUrl)} ${typeUrl.split(".").at(-1)}`);
    return `${counts.join(", ")}; ${this.#virtualHosts.size} virtual hosts by name`;
  }

  close(): void {
    this.#stream.cancel();
    this.#client.close();
  }

  #receive({ bytes, response }: Received): void {
    const at = monotonicMs();
    const { typeUrl, nonce, resources, removed } = response;
    const held = this.#names(this.#held, typeUrl);
    const wanted = new Map<string, string[]>();
    const facts: Facts[] = [];
    for (const { name, version, value } of resources) {
      held.add(name);
      const fact = factsOf(typeUrl, name, version, value);
      facts.push(fact);
      for (const host of fact.virtualHosts) this.#virtualHosts.add(host);
      for (const reference of fact.subscribe) {
        const subscribed = this.#names(this.#subscribed, reference.typeUrl);
        if (subscribed.has(reference.name)) continue;
        subscribed.add(reference.name);
        const names = wanted.get(reference.typeUrl);
        if (names === undefined) wanted.set(reference.typeUrl, [reference.name]);
        else names.push(reference.name);
      }
    }
    for (const name of removed) held.delete(name);
    this.#stream.write({ typeUrl, responseNonce: nonce });
    for (const [typeUrl, names] of wanted) this.#stream.write({ typeUrl, resourceNamesSubscribe: names });
    this.#events.onResponse(this, at, bytes, facts);
  }

  #names(sets: Map<string, Set<string>>, typeUrl: string): Set<string> {
    let names = sets.get(typeUrl);
    if (names === undefined) sets.set(typeUrl, (names = new Set()));
    return names;
  }

  #size(typeUrl: string): number {
    return this.#held.get(typeUrl)?.size ?? 0;
  }
}

/** A sidecar that routes for its workload (an HTTP proxy port) and offers nothing itself, so that it registers nothing. */
function nodeOf(index: number): MessageInitShape<typeof NodeSchema> {
  const name = `client-${index}`;
  const metadata: JsonObject = {
    NAMESPACE: "default",
    SERVICE_ACCOUNT: "default",
    WORKLOAD_NAME: name,
    LABELS: { app: name, version: "v1" },
    INSTANCE_IPS: "127.0.0.1",
    TULLE: { http_proxy: { address: "127.0.0.1", port: 15080 } },
  };
  return {
    id: `sidecar~127.0.0.1~${name}.default~default.svc.cluster.local`,
    cluster: `${name}.default`,
    userAgentName: "tulle",
    metadata,
  };
}
