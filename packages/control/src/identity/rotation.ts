/**
 * How a root is replaced without anybody noticing, in three steps. Pure: what the next step is, what it does to the authority, and
 * whom it would cut off.
 *
 *   distribute  a second root is made, and everybody is told to trust it, too
 *   sign        it signs: certificates from now on lead to it, and workloads get new ones at once
 *   retire      the first root is forgotten, when nobody holds a certificate of it any more
 */
import { fingerprintOf } from "./authority.ts";
import type { IssuedLeaf } from "./ledger.ts";
import type { OwnAuthority, OwnRoot } from "./own-authority.ts";

export const ROTATION_STEPS = ["distribute", "sign", "retire"] as const;
export type RotationStep = (typeof ROTATION_STEPS)[number];

/** Somebody who holds a certificate. */
export interface Holder extends Pick<IssuedLeaf, "identity" | "node" | "issuedAt" | "notAfter" | "root"> {
  /** It is connected. */
  readonly connected: boolean;
  /** It has said that it has the trust bundle as it is now. */
  readonly hasBundle: boolean;
}

export interface CutOff {
  readonly identity: string;
  readonly node: string;
  readonly why: string;
}

export function nextStep({ roots, signing }: OwnAuthority): RotationStep {
  if (roots.length === 1) return "distribute";
  return signing === roots.length - 1 ? "retire" : "sign";
}

/** The authority after `nextStep`. `makeRoot` is called for the first one only. */
export function afterStep(own: OwnAuthority, now: number, makeRoot: () => OwnRoot): OwnAuthority {
  const { roots, signing } = own;
  const step = nextStep(own);
  if (step === "distribute") return { roots: [roots[0], makeRoot()], signing, changedAt: now };
  if (step === "sign") return { roots, signing: roots.length - 1, changedAt: now };
  return { roots: [roots[signing]!], signing: 0, changedAt: now };
}

/** Who could not talk to everybody any more if the next step were taken now. */
export function wouldCutOff(own: OwnAuthority, holders: readonly Holder[]): readonly CutOff[] {
  const because = REASON[nextStep(own)];
  return holders.flatMap((holder) => {
    const why = because(holder, own);
    return why === undefined ? [] : [{ identity: holder.identity, node: holder.node, why }];
  });
}

const REASON: Readonly<Record<RotationStep, (holder: Holder, own: OwnAuthority) => string | undefined>> = {
  distribute: () => undefined,
  sign: ({ hasBundle, connected, issuedAt }, { changedAt }) => {
    if (hasBundle || issuedAt >= changedAt) return undefined;
    return connected
      ? "has not confirmed yet that it trusts the new root"
      : "is not connected, and has not heard of the new root: it would refuse peers with new certificates";
  },
  retire: ({ root, notAfter, connected }, { roots, signing }) => {
    if (root === fingerprintOf(roots[signing]!.root.certificate)) return undefined;
    const until = new Date(notAfter).toISOString();
    return `${connected ? "" : "is not connected, and "}holds a certificate of the old root until ${until}: its peers would refuse it`;
  },
};
