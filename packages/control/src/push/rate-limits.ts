import { rememberLast, shareList } from "../model/sharing.ts";
import type { RateLimitRule } from "../model/rate-limit.ts";
import { rateLimitsFor } from "../model/rate-limit.ts";
import type { Snapshot } from "../model/snapshot.ts";
import type { ProxyNode } from "../source/registration/node.ts";

/** By what a workload's proxy limits the requests that it receives; the same list while it has the same rules. */
export function rateLimitsOf(
  node: Pick<ProxyNode, "namespace" | "labels">,
): (snapshot: Pick<Snapshot, "rateLimits" | "options">) => readonly RateLimitRule[] {
  let before: readonly RateLimitRule[] | undefined;
  const find = rememberLast((rules: readonly RateLimitRule[], rootNamespace: string) => {
    before = shareList(before, rateLimitsFor(rules, rootNamespace, node));
    return before;
  });
  return ({ rateLimits, options }) => find(rateLimits, options.rootNamespace);
}
