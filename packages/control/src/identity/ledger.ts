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

export class Ledger {
  readonly #file: StateFile<Saved>;
  readonly #clock: Clock;
  /** All that have not expired, by serial number, in the order of their issue. */
  readonly #leaves = new Map<string, IssuedLeaf>();
  #cancelWrite: (() => void) | undefined;

  constructor(stateDir: string, clock: Clock, log: Log) {
    this.#file = new StateFile(join(stateDir, "ca", "issued.json"), isSaved, log);
    this.#clock = clock;
  }

  async load(): Promise<void> {
    for (const leaf of (await this.#file.load())?.leaves ?? []) this.#leaves.set(leaf.serial, leaf);
  }

  add(leaf: IssuedLeaf): void {
    this.#leaves.set(leaf.serial, leaf);
    this.#cancelWrite ??= this.#clock.after(WRITE_INTERVAL_MS, () => this.#write());
  }

  find(serial: string): IssuedLeaf | undefined {
    return this.#leaves.get(serial);
  }

  /** The newest of each holder that has not expired. One that did not say who it is counts with each certificate. */
  current(): readonly IssuedLeaf[] {
    const now = this.#clock.now();
    const newest = new Map<string, IssuedLeaf>();
    for (const leaf of this.#leaves.values()) {
      if (leaf.notAfter > now) newest.set(leaf.node === "" ? leaf.serial : `${leaf.identity} ${leaf.node}`, leaf);
    }
    return [...newest.values()];
  }

  /** Resolves when what is known is on disk. */
  async flush(): Promise<void> {
    if (this.#cancelWrite !== undefined) this.#write();
    await this.#file.flush();
  }

  #write(): void {
    this.#cancelWrite?.();
    this.#cancelWrite = undefined;
    const now = this.#clock.now();
    for (const { serial, notAfter } of this.#leaves.values()) if (notAfter <= now) this.#leaves.delete(serial);
    this.#file.save({ leaves: [...this.#leaves.values()] });
  }
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
