/**
 * Make-before-break across a round trip: a client that is sent a new cluster subscribes to its endpoints, and until it
 * has them it cannot use the cluster. So listeners, routes and virtual hosts, which may refer to that cluster, wait
 * until the subscription has come. Not for ever: a client may have its reasons not to subscribe.
 */
import type { Clock } from "../clock.ts";
import type { ResourceSet } from "../resource.ts";
import type { Selection } from "./set-diff.ts";
import type { Subscription } from "./subscription.ts";

/** A client subscribes right after it has applied the clusters; ours and Envoy take milliseconds. */
const PATIENCE_MS = 1_000;

export class EndpointGate {
  readonly #clock: Clock;
  readonly #onOpen: () => void;
  readonly #awaited = new Set<string>();
  #cancel: (() => void) | undefined = undefined;

  constructor(clock: Clock, onOpen: () => void) {
    this.#clock = clock;
    this.#onOpen = onOpen;
  }

  get closed(): boolean {
    return this.#awaited.size > 0;
  }

  /** `clusters` are on their way to a client that held `held`. */
  expect(
    clusters: Selection,
    held: ResourceSet,
    subscribed: Subscription | undefined,
    endpoints: ResourceSet | undefined,
  ): void {
    if (endpoints === undefined) return;
    for (const { name } of clusters.resources) {
      const isNew = !held.resources.has(name);
      if (isNew && endpoints.resources.has(name) && subscribed?.subscribes(name) !== true) this.#awaited.add(name);
    }
    if (!this.closed) return;
    this.#cancel?.();
    this.#cancel = this.#clock.after(PATIENCE_MS, () => {
      this.open();
      this.#onOpen();
    });
  }

  subscribed(name: string): void {
    if (this.#awaited.delete(name) && !this.closed) this.open();
  }

  open(): void {
    this.#awaited.clear();
    this.#cancel?.();
    this.#cancel = undefined;
  }
}
