/** Which resources and removals a subscription is owed: what both variants of the protocol have in common. */
import type { EncodedResource, ResourceView } from "../resource.ts";
import type { Selection } from "./set-diff.ts";
import { diffSets, withPrefix } from "./set-diff.ts";
import type { Subscription } from "./subscription.ts";
import { isGlob } from "./subscription.ts";

/**
 * What changed between the set that the client holds and `view`, as far as it is subscribed, and what it has asked
 * for. Where the client gets all of a diff the result is the memoised diff itself, so that its bytes are shared.
 */
export function selectChanges(subscription: Subscription, view: ResourceView): Selection {
  const set = subscription.setIn(view);
  const diff = wholeDiff(subscription, view);
  const named = [...subscription.due, ...subscription.doubtful, ...subscription.changedOutside(view)];
  if (diff !== undefined && named.length === 0 && subscription.claimed === undefined) {
    if (getsAll(subscription, view, diff)) return diff;
  }

  const { claimed } = subscription;
  const resources = new Map<string, EncodedResource>();
  const removed = new Set<string>();
  const include = (resource: EncodedResource): void => {
    if (claimed?.get(resource.name) !== resource.version) resources.set(resource.name, resource);
  };
  const tell = (name: string): void => {
    const resource = subscription.find(view, name);
    if (resource !== undefined) {
      include(resource);
      return;
    }
    removed.add(name);
    // What was found by an alias goes by its own name, too: the client may know it by that.
    const before = subscription.outside.get(name);
    if (before !== undefined && subscription.find(view, before.name) === undefined) removed.add(before.name);
  };
  for (const resource of diff?.resources ?? []) if (subscription.subscribes(resource.name)) include(resource);
  for (const name of diff?.removed ?? []) if (subscription.subscribes(name)) tell(name);
  for (const name of named) {
    const members = isGlob(subscription.typeUrl, name) ? withPrefix(set, name.slice(0, -1)) : [];
    if (members.length > 0) for (const resource of members) include(resource);
    else tell(name);
  }
  // What the client holds and we do not know goes, also if it came by an alias.
  for (const name of claimed?.keys() ?? []) if (subscription.find(view, name) === undefined) removed.add(name);

  const all = diffSets(undefined, set);
  const isAll = removed.size === 0 && resources.size === all.resources.length;
  if (isAll && all.resources.every((resource) => resources.get(resource.name) === resource)) return all;
  return { resources: [...resources.values()], removed: [...removed] };
}

/** The step from what the client holds, not yet narrowed to its subscription. Undefined: only names are to be told. */
function wholeDiff(subscription: Subscription, view: ResourceView): Selection | undefined {
  const set = subscription.setIn(view);
  if (subscription.dueAll) return diffSets(undefined, set);
  return subscription.held === undefined ? undefined : diffSets(subscription.held, set);
}

function getsAll(subscription: Subscription, view: ResourceView, diff: Selection): boolean {
  // A name that leaves the set may still be resolved.
  if (diff.removed.length > 0 && subscription.names.size > 0 && view.resolve !== undefined) return false;
  if (subscription.wildcard) return true;
  return (
    diff.resources.every((resource) => subscription.subscribes(resource.name)) &&
    diff.removed.every((name) => subscription.subscribes(name))
  );
}
