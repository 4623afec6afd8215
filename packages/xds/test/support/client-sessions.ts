/** Client sessions with a server in memory: what they send is collected, what they get is encoded by hand. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import type { DeltaRequestInit } from "../../src/client/delta-session.ts";
import { DeltaSession } from "../../src/client/delta-session.ts";
import type { SotwRequestInit } from "../../src/client/sotw-session.ts";
import { SotwSession } from "../../src/client/sotw-session.ts";
import { TypeSubscription } from "../../src/client/type-subscription.ts";
import type { RejectedResource, ResourceUpdate } from "../../src/client/types.ts";
import {
  DeltaDiscoveryResponseSchema,
  DiscoveryResponseSchema,
  ResourceSchema,
} from "../../src/gen/envoy/service/discovery/v3/discovery_pb.js";
import { AnySchema } from "@bufbuild/protobuf/wkt";
import type { EncodedResource } from "../../src/resource.ts";
import { ManualClock } from "./manual-clock.ts";

/** Remembers updates; refuses what it is told to. */
export class RecordingWatcher {
  readonly updates: ResourceUpdate[] = [];
  readonly timedOut: (readonly string[])[] = [];
  reject: (update: ResourceUpdate) => readonly RejectedResource[] | void = () => {};

  onUpdate(update: ResourceUpdate): readonly RejectedResource[] | void {
    this.updates.push(update);
    return this.reject(update);
  }

  onInitialFetchTimeout(names: readonly string[]): void {
    this.timedOut.push(names);
  }

  /** `+a +b -c` of the last update. */
  get last(): string {
    const update = this.updates.at(-1);
    if (update === undefined) return "";
    return [...[...update.updated.keys()].map((name) => `+${name}`), ...update.removed.map((name) => `-${name}`)].join(
      " ",
    );
  }
}

export class DeltaClient {
  readonly subscriptions = new Map<string, TypeSubscription>();
  readonly watcher = new RecordingWatcher();
  readonly clock = new ManualClock();
  requests: DeltaRequestInit[] = [];
  session = this.connect();

  connect(): DeltaSession {
    this.requests = [];
    return (this.session = new DeltaSession({
      subscriptions: this.subscriptions,
      clock: this.clock,
      send: (request) => this.requests.push(request),
      decode: (bytes) => fromBinary(DeltaDiscoveryResponseSchema, bytes),
      onResponse: () => {},
    }));
  }

  subscription(typeUrl: string, ...names: string[]): TypeSubscription {
    let subscription = this.subscriptions.get(typeUrl);
    if (subscription === undefined) {
      this.subscriptions.set(typeUrl, (subscription = new TypeSubscription(typeUrl, this.watcher)));
    }
    subscription.add(names);
    this.session.request(subscription);
    return subscription;
  }

  respond(
    typeUrl: string,
    resources: readonly EncodedResource[],
    more: MessageInitShape<typeof DeltaDiscoveryResponseSchema> = {},
  ): void {
    const response = create(DeltaDiscoveryResponseSchema, {
      typeUrl,
      nonce: "n",
      systemVersionInfo: "v",
      resources: resources.map(({ name, version, any, aliases }) => ({
        name,
        version,
        aliases: [...(aliases ?? [])],
        resource: fromBinary(AnySchema, any),
      })),
      ...more,
    });
    this.session.receive(toBinary(DeltaDiscoveryResponseSchema, response));
  }
}

export class SotwClient {
  readonly subscriptions = new Map<string, TypeSubscription>();
  readonly watcher = new RecordingWatcher();
  readonly clock = new ManualClock();
  requests: SotwRequestInit[] = [];
  session = this.connect();

  connect(): SotwSession {
    this.requests = [];
    return (this.session = new SotwSession({
      subscriptions: this.subscriptions,
      clock: this.clock,
      send: (request) => this.requests.push(request),
      decode: (bytes) => fromBinary(DiscoveryResponseSchema, bytes),
      decodeWrapper: (bytes) => fromBinary(ResourceSchema, bytes),
      onResponse: () => {},
    }));
  }

  subscription(typeUrl: string, ...names: string[]): TypeSubscription {
    let subscription = this.subscriptions.get(typeUrl);
    if (subscription === undefined) {
      this.subscriptions.set(typeUrl, (subscription = new TypeSubscription(typeUrl, this.watcher)));
    }
    subscription.add(names);
    this.session.request(subscription);
    return subscription;
  }

  respond(typeUrl: string, versionInfo: string, resources: readonly EncodedResource[]): void {
    const anys = resources.map(({ any }) => fromBinary(AnySchema, any));
    const response = create(DiscoveryResponseSchema, {
      typeUrl,
      nonce: `n-${versionInfo}`,
      versionInfo,
      resources: anys,
    });
    this.session.receive(toBinary(DiscoveryResponseSchema, response));
  }
}
