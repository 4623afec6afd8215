/** The incremental variant: named subscriptions come and go, responses carry what changed. (xds_protocol, "Incremental xDS") */
import type { DeltaDiscoveryRequest } from "../gen/envoy/service/discovery/v3/discovery_pb.js";
import type { ResourceView } from "../resource.ts";
import { TYPE } from "../type-url.ts";
import { PushStream } from "./push-stream.ts";
import { selectChanges } from "./select-changes.ts";
import type { Selection } from "./set-diff.ts";
import type { Subscription } from "./subscription.ts";
import { hasLegacyWildcard } from "./subscription.ts";

/** The parts of a request that matter here. */
export type DeltaRequest = Pick<
  DeltaDiscoveryRequest,
  "typeUrl" | "resourceNamesSubscribe" | "resourceNamesUnsubscribe" | "initialResourceVersions" | "responseNonce"
> & { readonly errorDetail?: { readonly code: number; readonly message: string } | undefined };

export class DeltaStream extends PushStream {
  protected override readonly variant = "delta";
  readonly #known = new Set<string>();

  receive(request: DeltaRequest): void {
    const subscription = this.subscription(request.typeUrl);
    const first = !this.#known.has(request.typeUrl);
    this.#known.add(request.typeUrl);
    // A stale nonce only means that its response is answered already; the subscriptions count all the same.
    if (request.responseNonce !== "") this.answered(subscription, request);
    if (first) {
      subscription.claimed = this.#claimed(request);
      if (request.resourceNamesSubscribe.length === 0 && hasLegacyWildcard(request.typeUrl)) {
        subscription.add(this.view, "*");
      }
    }
    for (const name of request.resourceNamesUnsubscribe) subscription.delete(name);
    for (const name of request.resourceNamesSubscribe) {
      subscription.add(this.view, name);
      if (request.typeUrl === TYPE.endpoints) this.endpointsSubscribed(name);
    }
    this.requested();
  }

  /**
   * What the client says it has. Endpoints that it will want again, for clusters on their way to it, count as held in
   * another version.
   */
  #claimed({ typeUrl, initialResourceVersions }: DeltaRequest): ReadonlyMap<string, string> | undefined {
    const claimed = new Map(Object.entries(initialResourceVersions));
    if (typeUrl === TYPE.endpoints) {
      for (const { name } of this.find(TYPE.cluster)?.inFlight?.selection.resources ?? []) {
        if (claimed.has(name)) claimed.set(name, "");
      }
    }
    return claimed.size === 0 ? undefined : claimed;
  }

  /**
   * Envoy warms a changed cluster with its endpoints, does not ask for them (it is subscribed), and keeps back the ACK
   * of the clusters until it is done: without them it would wait for the initial fetch timeout. This takes it that the
   * endpoints are called as their cluster is.
   */
  protected override clustersChanged(clusters: Selection, endpoints: Subscription): void {
    for (const { name } of clusters.resources) if (endpoints.names.has(name)) endpoints.due.add(name);
  }

  protected override select(
    subscription: Subscription,
    view: ResourceView,
    deferRemovals: boolean,
  ): Selection | undefined {
    let selection = selectChanges(subscription, view);
    if (deferRemovals && selection.removed.length > 0) {
      for (const name of selection.removed) subscription.removals.set(name, undefined);
      selection = withoutRemovals(selection);
    }
    // A wildcard is always answered: the client waits to hear that there is nothing.
    const empty = selection.resources.length === 0 && selection.removed.length === 0;
    return empty && !subscription.dueAll ? undefined : selection;
  }

  protected override selectRemovals(subscription: Subscription): Selection {
    return { resources: [], removed: [...subscription.removals.keys()] };
  }
}

const memo = new WeakMap<Selection, Selection>();

function withoutRemovals(selection: Selection): Selection {
  let kept = memo.get(selection);
  if (kept === undefined) memo.set(selection, (kept = { resources: selection.resources, removed: [] }));
  return kept;
}
