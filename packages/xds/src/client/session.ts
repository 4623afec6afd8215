/** One stream to the server, seen from the client: what both variants of the protocol have in common. */
import type { Clock } from "../clock.ts";
import { NACK_CODE, nackMessage } from "./nack.ts";
import type { TypeSubscription } from "./type-subscription.ts";
import type { ReceivedResource, RejectedResource } from "./types.ts";

export interface ErrorDetail {
  readonly code: number;
  readonly message: string;
}

/** The answer to a response. */
export interface Verdict {
  readonly nonce: string;
  /** Present: NACK. */
  readonly error: ErrorDetail | undefined;
}

/** Messages in, messages out; made anew for every stream. */
export interface Session {
  /** Sends what the server does not know yet of the subscription, if anything. */
  request(subscription: TypeSubscription): void;
  /** Sends how the workload is: no error means healthy. */
  reportHealth(error: ErrorDetail | undefined): void;
  /** Handles an encoded response. Throws if it is none. */
  receive(bytes: Uint8Array): void;
}

/** The subscriptions of a client, in the order of first subscription. */
export type Subscriptions = ReadonlyMap<string, TypeSubscription>;

/** A response in terms of neither variant. */
export interface Batch {
  readonly version: string;
  readonly resources: readonly ReceivedResource[];
  readonly removed: readonly string[];
}

/**
 * Hands a response to the watcher and enters what came of it. Returns the error to refuse the response with, if the
 * watcher, or the response itself, gives reason to.
 */
export function deliver(subscription: TypeSubscription, batch: Batch, clock: Clock): ErrorDetail | undefined {
  const { typeUrl, stats } = subscription;
  if (subscription.wanted.size === 0) return undefined; // on its way when the type was unsubscribed from
  const updated = new Map<string, ReceivedResource>();
  const rejected = new Map<string, RejectedResource>();
  const reject = (name: string, message: string): void => {
    rejected.set(name, { name, message });
  };
  for (const resource of batch.resources) {
    const { name } = resource;
    if (!subscription.wants(name, resource.aliases)) continue;
    if (resource.typeUrl !== typeUrl) reject(name, `its type is ${resource.typeUrl || "missing"}, not ${typeUrl}`);
    else if (updated.has(name)) reject(name, "duplicate resource name in one response");
    updated.set(name, resource);
  }
  for (const name of rejected.keys()) updated.delete(name);
  const removed = batch.removed.filter((name) => subscription.wants(name) || subscription.held.has(name));

  try {
    const refused = subscription.watcher.onUpdate({ typeUrl, version: batch.version, updated, removed });
    for (const { name, message } of refused ?? []) reject(name, message);
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    for (const name of updated.keys()) reject(name, message);
    if (updated.size === 0) reject("", message);
  }

  subscription.awaited.delete("*");
  for (const { name, aliases } of batch.resources) subscription.answered(name, aliases);
  for (const name of removed) {
    subscription.answered(name);
    subscription.held.delete(name);
  }
  for (const { name, version } of updated.values()) {
    // The watcher may have unsubscribed meanwhile.
    if (!rejected.has(name) && subscription.wants(name)) subscription.held.set(name, version);
  }
  stats.updateAttempt += 1;
  if (rejected.size > 0) {
    stats.updateRejected += 1;
    return { code: NACK_CODE, message: nackMessage(typeUrl, [...rejected.values()]) };
  }
  stats.updateSuccess += 1;
  stats.versionText = batch.version;
  stats.updateTime = clock.now();
  return undefined;
}
