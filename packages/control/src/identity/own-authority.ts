/**
 * The authority that Tulle makes for itself: a root, on request an intermediate below it, and during a rotation two roots. All of
 * it is one file, so that whatever step a crash interrupts, what is there is one step or the other.
 *
 * A rotation has no state of its own: a second root that does not sign yet, then one that does, then the first one gone.
 */
import { createPrivateKey, X509Certificate } from "node:crypto";
import type { KeyObject } from "node:crypto";
import type { Authority, KeyPair } from "./authority.ts";
import { authorityOf, fingerprintOf, issueAuthority, isKeyOf } from "./authority.ts";

/** A root, and what signs for it. */
export interface OwnRoot {
  readonly root: KeyPair;
  /** Undefined: the root itself signs. */
  readonly intermediate: KeyPair | undefined;
}

/** Oldest first: one, or two during a rotation. */
export interface OwnAuthority {
  readonly roots: readonly [OwnRoot, ...OwnRoot[]];
  /** Index of the one that signs. */
  readonly signing: number;
  /** When the roots were last others, in milliseconds since the epoch: whoever has had a certificate since knows them. */
  readonly changedAt: number;
}

export interface MakeContext {
  readonly trustDomain: string;
  /** Whether the root signs leaves itself or through an intermediate. */
  readonly intermediate: boolean;
  readonly now: number;
  readonly random: (bytes: number) => Uint8Array;
  readonly newKeys: () => { readonly publicKey: KeyObject; readonly privateKey: KeyObject };
}

export function makeRoot({ trustDomain, intermediate, now, random, newKeys }: MakeContext): OwnRoot {
  const root = issueAuthority({ trustDomain, keys: newKeys(), now, random });
  const below = (): KeyPair => issueAuthority({ trustDomain, keys: newKeys(), parent: root, now, random });
  return { root, intermediate: intermediate ? below() : undefined };
}

export function newAuthority(context: MakeContext): OwnAuthority {
  return { roots: [makeRoot(context)], signing: 0, changedAt: context.now };
}

/**
 * `own` as the context wants it: its intermediate added, renewed at half its life, or left out. The same object if nothing is to be
 * done.
 */
export function withIntermediate(own: OwnAuthority, context: MakeContext): OwnAuthority {
  const current = own.roots[own.signing]!;
  const { trustDomain, now, random, newKeys } = context;
  let { intermediate } = current;
  if (!context.intermediate) intermediate = undefined;
  else if (intermediate === undefined || isPastHalfLife(intermediate.certificate, now)) {
    intermediate = issueAuthority({ trustDomain, keys: newKeys(), parent: current.root, now, random });
  }
  if (intermediate === current.intermediate) return own;
  const roots = own.roots.map((one) => (one === current ? { ...one, intermediate } : one));
  return { ...own, roots: roots as [OwnRoot, ...OwnRoot[]] };
}

function isPastHalfLife(certificate: string, now: number): boolean {
  const { validFromDate, validToDate } = new X509Certificate(certificate);
  return now >= (validFromDate.getTime() + validToDate.getTime()) / 2;
}

export function authorityOfOwn({ roots, signing }: OwnAuthority): Authority {
  const current = roots[signing]!;
  const others = roots.filter((one) => one !== current).map(({ root }) => root.certificate);
  return authorityOf(current.intermediate ?? current.root, [], [current.root.certificate, ...others]);
}

interface Saved {
  readonly version: 1;
  /** Fingerprint of the root that signs. */
  readonly signing: string;
  readonly changedAt: number;
  readonly roots: readonly { readonly root: SavedPair; readonly intermediate?: SavedPair }[];
}

interface SavedPair {
  readonly certificate: string;
  readonly key: string;
}

export function serializeOwn({ roots, signing, changedAt }: OwnAuthority): string {
  const pair = ({ certificate, privateKey }: KeyPair): SavedPair => ({
    certificate,
    key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
  });
  const saved: Saved = {
    version: 1,
    signing: fingerprintOf(roots[signing]!.root.certificate),
    changedAt,
    roots: roots.map(({ root, intermediate }) => ({
      root: pair(root),
      ...(intermediate === undefined ? {} : { intermediate: pair(intermediate) }),
    })),
  };
  return `${JSON.stringify(saved, undefined, 1)}\n`;
}

/** Throws an Error that says what is wrong with the text. */
export function parseOwn(text: string): OwnAuthority {
  const saved = parseSaved(text);
  const roots = saved.roots.map(({ root, intermediate }) => ({
    root: readPair(root, "a root"),
    intermediate: intermediate === undefined ? undefined : readPair(intermediate, "an intermediate"),
  }));
  const signing = roots.findIndex(({ root }) => fingerprintOf(root.certificate) === saved.signing);
  const [first, ...others] = roots;
  if (first === undefined || signing < 0) throw new Error("the root that signs is not in it");
  return { roots: [first, ...others], signing, changedAt: saved.changedAt };
}

function parseSaved(text: string): Saved {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new Error("it is not complete JSON", { cause: error });
  }
  const { version, signing, changedAt, roots } = (value ?? {}) as Partial<Saved>;
  if (version !== 1 || typeof signing !== "string" || typeof changedAt !== "number" || !Array.isArray(roots)) {
    throw new Error("it has another form than this version writes");
  }
  return { version, signing, changedAt, roots: roots as Saved["roots"] };
}

function readPair(pair: SavedPair | undefined, what: string): KeyPair {
  let certificate: X509Certificate;
  let privateKey: KeyObject;
  try {
    certificate = new X509Certificate(pair!.certificate);
    privateKey = createPrivateKey(pair!.key);
  } catch (error) {
    throw new Error(`${what} in it cannot be read`, { cause: error });
  }
  if (!isKeyOf(certificate, privateKey)) throw new Error(`the key of ${what} in it is not that of its certificate`);
  return { certificate: pair!.certificate, privateKey };
}
