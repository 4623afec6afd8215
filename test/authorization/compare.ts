/** Pairs of policies and requests, decided by the specification and by us. */
import { isDeepStrictEqual } from "node:util";
import { engineOf, translate } from "./our-decision.ts";
import { Random, randomPolicies, randomRequest, TRUST_DOMAINS } from "./random.ts";
import type { Request } from "./request.ts";
import { decide } from "./specification.ts";
import type { Mesh, Policy } from "./specification.ts";

interface Difference {
  readonly mesh: Mesh;
  readonly policies: readonly Policy[];
  readonly request: Request;
  /** By the specification. */
  readonly expected: boolean;
}

export interface Comparison {
  readonly pairs: number;
  readonly allowed: number;
  readonly differences: readonly Difference[];
}

const REQUESTS_PER_SET = 40;

export function compare(pairs: number, seed: number): Comparison {
  const random = new Random(seed);
  const differences: Difference[] = [];
  let done = 0;
  let allowed = 0;
  while (done < pairs && differences.length < 5) {
    const mesh = { trustDomains: random.one(TRUST_DOMAINS) };
    const policies = randomPolicies(random);
    const decided = engineOf(translate(policies, mesh));
    for (let count = 0; count < REQUESTS_PER_SET && done < pairs; count++, done++) {
      const request = randomRequest(random);
      const expected = decide(policies, request, mesh);
      if (expected) allowed++;
      if (decided(request) !== expected) differences.push(smaller({ mesh, policies, request, expected }));
    }
  }
  return { pairs: done, allowed, differences };
}

/** Fewer policies and rules that still differ: what can be read. */
function smaller(found: Difference): Difference {
  const { mesh, request } = found;
  let current = found;
  const differs = (policies: readonly Policy[]): boolean =>
    engineOf(translate(policies, mesh))(request) !== decide(policies, request, mesh);
  for (;;) {
    const next = reductions(current.policies).find(differs);
    if (next === undefined || isDeepStrictEqual(next, current.policies)) return current;
    current = { mesh, request, policies: next, expected: decide(next, request, mesh) };
  }
}

function reductions(policies: readonly Policy[]): readonly (readonly Policy[])[] {
  const without = <T>(list: readonly T[], index: number): T[] => list.filter((_, i) => i !== index);
  return [
    ...policies.map((_, index) => without(policies, index)),
    ...policies.flatMap((policy, index) => {
      const rules = policy.spec.rules ?? [];
      const put = (changed: typeof rules): readonly Policy[] =>
        policies.map((one, i) => (i === index ? { ...policy, spec: { ...policy.spec, rules: changed } } : one));
      return rules.flatMap((rule, at) => [
        ...(rules.length > 1 ? [put(without(rules, at))] : []),
        ...(["from", "to", "when"] as const).flatMap((part) => {
          if (rule[part] === undefined) return [];
          const { [part]: _part, ...rest } = rule;
          return [put(rules.map((one, i) => (i === at ? rest : one)))];
        }),
      ]);
    }),
  ];
}
