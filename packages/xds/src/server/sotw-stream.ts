/** The state-of-the-world variant: each request lists all names, clusters and listeners are sent in full. */
import type { DiscoveryRequest } from "../gen/envoy/service/discovery/v3/discovery_pb.js";
import type { EncodedResource, ResourceView } from "../resource.ts";
import { TYPE } from "../type-url.ts";
import { PushStream } from "./push-stream.ts";
import { selectChanges } from "./select-changes.ts";
import type { Selection } from "./set-diff.ts";
import { diffSets } from "./set-diff.ts";
import type { Subscription } from "./subscription.ts";
import { hasLegacyWildcard } from "./subscription.ts";

/** The parts of a request that matter here. */
export type SotwRequest = Pick<DiscoveryRequest, "typeUrl" | "resourceNames" | "responseNonce"> & {
  readonly errorDetail?: { readonly code: number; readonly message: string } | undefined;
};

export class SotwStream extends PushStream {
  protected override readonly variant = "sotw";
  readonly #known = new Set<string>();

  receive(request: SotwRequest): void {
    const subscription = this.subscription(request.typeUrl);
    const first = !this.#known.has(request.typeUrl);
    this.#known.add(request.typeUrl);
    const { responseNonce } = request;
    const stale = subscription.nonce !== undefined && responseNonce !== "" && responseNonce !== subscription.nonce;
    if (stale) return;
    const answers = this.answered(subscription, request);
    const names = this.#subscribe(subscription, request.resourceNames, first);
    // Envoy asks again, with nothing new, when a changed cluster has to warm: it wants its endpoints once more.
    const mayAsk = !answers && request.errorDetail === undefined && subscription.inFlight === undefined;
    const asks = names === "grew" || (names === "same" && mayAsk);
    if (asks && !isSentInFull(subscription)) for (const name of subscription.explicit()) subscription.due.add(name);
    this.requested();
  }

  /** Takes over the list of names, and says how it differs from the one before. */
  #subscribe(subscription: Subscription, listed: readonly string[], first: boolean): "grew" | "shrank" | "same" {
    const legacy = hasLegacyWildcard(subscription.typeUrl);
    if (listed.length === 0 && legacy && (first || (subscription.wildcard && subscription.names.size === 0))) {
      if (first) subscription.add(this.view, "*");
      return "same";
    }
    const names = new Set(listed);
    let change: "grew" | "shrank" | "same" = "same";
    for (const name of [...subscription.explicit(), ...(subscription.wildcard ? ["*"] : [])]) {
      if (names.has(name)) continue;
      subscription.delete(name);
      change = "shrank";
    }
    for (const name of names) {
      if (subscription.has(name)) continue;
      subscription.add(this.view, name);
      change = "grew";
      if (subscription.typeUrl === TYPE.endpoints) this.endpointsSubscribed(name);
    }
    return change;
  }

  protected override clustersChanged(): void {
    // The client asks again.
  }

  protected override select(
    subscription: Subscription,
    view: ResourceView,
    deferRemovals: boolean,
  ): Selection | undefined {
    const changes = selectChanges(subscription, view);
    if (!isSentInFull(subscription)) {
      // Of these types absence means nothing, so only what changed is sent, and removals cannot be.
      return changes.resources.length === 0 && !subscription.dueAll ? undefined : changes;
    }
    if (!subscription.asked && changes.resources.length === 0 && changes.removed.length === 0) return undefined;
    if (deferRemovals) {
      for (const name of changes.removed) {
        const resource = subscription.held?.resources.get(name);
        if (resource !== undefined) subscription.removals.set(name, resource);
      }
      if (!subscription.asked && changes.resources.length === 0) return undefined;
    } else {
      subscription.removals.clear();
    }
    return inFull(subscription, view, subscription.removals);
  }

  protected override selectRemovals(subscription: Subscription, view: ResourceView): Selection {
    return inFull(subscription, view, new Map());
  }
}

/** Whether absence from a response means removal. (xds_protocol, "Deleting Resources") */
function isSentInFull(subscription: Subscription): boolean {
  return hasLegacyWildcard(subscription.typeUrl);
}

/** All that is subscribed to, and what is to stay for now although it has gone. */
function inFull(
  subscription: Subscription,
  view: ResourceView,
  retained: ReadonlyMap<string, EncodedResource | undefined>,
): Selection {
  const all = diffSets(undefined, subscription.setIn(view));
  if (subscription.wildcard && subscription.names.size === 0 && retained.size === 0) return all;
  const resources = new Map<string, EncodedResource>();
  for (const [name, resource] of retained) if (resource !== undefined) resources.set(name, resource);
  for (const resource of subscription.wildcard ? all.resources : []) resources.set(resource.name, resource);
  for (const name of subscription.names) {
    const resource = subscription.find(view, name);
    if (resource !== undefined) resources.set(resource.name, resource);
  }
  return { resources: [...resources.values()], removed: [] };
}
