/**
 * Which certificates are out: of whom, until when, under which root, and by which token their holder once joined. Says during a
 * rotation who would be cut off, and refuses renewals to those who joined with a token that was revoked since.
 */
import type { Clock, Log } from "@tulle/xds";
import { join } from "node:path";
import { StateFile } from "../state-file.ts";

export interface IssuedLeaf {
  /** SPIFFE id. */
  readonly identity: string;
  /** The node that asked, by its xDS id; "" if it did not say (Istio's agents). */
  readonly node: string;
  readonly serial: string;
  /** Milliseconds since the epoch. */
  readonly issuedAt: number;
  readonly notAfter: number;
  /** Fingerprint of the root that it leads to. */
  readonly root: string;
  /** Id of the token that the holder joined with, kept through renewals; undefined for the local socket. */
  readonly token: string | undefined;
}

interface Saved {
  readonly leaves: readonly IssuedLeaf[];
}

/** Written at most so often: with thousands of workloads it is no small file. */
const WRITE_INTERVAL_MS = 1000;
/** So long may a connection live on after the certificate that it was opened with. */
const REMEMBERED_MS = 7 * 86_400_000;

export class Ledger {
  readonly #file: StateFile<Saved>;
  readonly #clock: Clock;
  /** By serial number, in the order of their issue. */
  readonly #leaves = new Map<string, IssuedLeaf>();
  /** The last of each holder. */
  readonly #newest = new Map<string, IssuedLeaf>();
  #cancelWrite: (() => void) | undefined;

  constructor(stateDir: string, clock: Clock, log: Log) {
    this.#file = new StateFile(join(stateDir, "ca", "issued.json"), isSaved, log);
    this.#clock = clock;
  }

  async load(): Promise<void> {
    for (const leaf of (await this.#file.load())?.leaves ?? []) this.#note(leaf);
  }

  add(leaf: IssuedLeaf): void {
    this.#note(leaf);
    this.#cancelWrite ??= this.#clock.after(WRITE_INTERVAL_MS, () => this.#write());
  }

  find(serial: string): IssuedLeaf | undefined {
    return this.#leaves.get(serial);
  }

  /** When the newest certificate ends of whoever holds this one; undefined if that is not known. */
  renewedUntil(serial: string): number | undefined {
    const held = this.#leaves.get(serial);
    return held === undefined ? undefined : this.#newest.get(holderOf(held))?.notAfter;
  }

  /** The newest of each holder that has not expired. */
  current(): readonly IssuedLeaf[] {
    const now = this.#clock.now();
    return [...this.#newest.values()].filter(({ notAfter }) => notAfter > now);
  }

  /** Resolves when what is known is on disk. */
  async flush(): Promise<void> {
    if (this.#cancelWrite !== undefined) this.#write();
    await this.#file.flush();
  }

  #note(leaf: IssuedLeaf): void {
    this.#leaves.set(leaf.serial, leaf);
    this.#newest.set(holderOf(leaf), leaf);
  }

  /** One that has expired is still known for as long as its holder has a newer one: its connection may live. */
  #forget(leaf: IssuedLeaf, now: number): void {
    const newest = this.#newest.get(holderOf(leaf));
    const renewed = newest !== undefined && newest.notAfter > now && now - leaf.notAfter < REMEMBERED_MS;
    if (leaf.notAfter > now || renewed) return;
    this.#leaves.delete(leaf.serial);
    if (newest === leaf) this.#newest.delete(holderOf(leaf));
  }

  #write(): void {
    this.#cancelWrite?.();
    this.#cancelWrite = undefined;
    const now = this.#clock.now();
    for (const leaf of this.#leaves.values()) this.#forget(leaf, now);
    this.#file.save({ leaves: [...this.#leaves.values()] });
  }
}

/** One that did not say who it is counts with each certificate. */
function holderOf({ identity, node, serial }: IssuedLeaf): string {
  return node === "" ? serial : `${identity} ${node}`;
}

function isSaved(value: unknown): value is Saved {
  const { leaves } = value as { leaves?: unknown };
  return Array.isArray(leaves) && leaves.every(isLeaf);
}

function isLeaf(value: unknown): value is IssuedLeaf {
  if (typeof value !== "object" || value === null) return false;
  const { identity, node, serial, issuedAt, notAfter, root, token } = value as Partial<
    Record<keyof IssuedLeaf, unknown>
  >;
  return (
    [identity, node, serial, root].every((text) => typeof text === "string") &&
    typeof issuedAt === "number" &&
    typeof notAfter === "number" &&
    (token === undefined || typeof token === "string")
  );
}
