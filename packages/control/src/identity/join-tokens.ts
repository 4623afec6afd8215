/**
 * Tokens by which a workload that nobody knows yet gets its first certificate. Each is for one identity, expires, and can be
 * revoked. Of a token only a hash is kept: who reads the file cannot join.
 */
import { timingSafeEqual } from "node:crypto";
import type { Clock } from "@tulle/xds";
import { mkdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { writeAtomically } from "../write-atomically.ts";

const { hash } = process.getBuiltinModule("node:crypto");

export interface JoinToken {
  readonly id: string;
  readonly namespace: string;
  readonly serviceAccount: string;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  readonly expiresAt: number;
  readonly revokedAt?: number;
}

interface StoredToken {
  readonly token: JoinToken;
  /** SHA-256 of the secret, base64url. The secret is 256 bits of chance: there is nothing to stretch. */
  readonly hash: string;
}

/** `tulle-` and id and secret, by which scanners for leaked secrets can know it. */
const FORM = /^tulle-([0-9a-f]{12})-([A-Za-z0-9_-]{43})$/;
const SECRET_BYTES = 32;
const ID_BYTES = 6;
/** What is over is shown for a while, then forgotten. */
const REMEMBERED_MS = 30 * 86_400_000;

/** Why a token is not accepted. */
export class TokenRefusal extends Error {
  override readonly name = "TokenRefusal";
}

export class JoinTokens {
  readonly #path: string;
  readonly #clock: Clock;
  readonly #random: (bytes: number) => Uint8Array;
  #tokens = new Map<string, StoredToken>();
  #writing: Promise<void> = Promise.resolve();

  constructor(stateDir: string, clock: Clock, random: (bytes: number) => Uint8Array) {
    this.#path = join(stateDir, "tokens.json");
    this.#clock = clock;
    this.#random = random;
  }

  /** Rejects if the file is there and cannot be used: a revocation must not be forgotten. */
  async load(): Promise<void> {
    let text: string;
    try {
      text = await readFile(this.#path, "utf8");
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "ENOENT") return;
      throw error;
    }
    try {
      const tokens = JSON.parse(text) as readonly StoredToken[];
      this.#tokens = new Map(tokens.map((stored) => [stored.token.id, checked(stored)]));
    } catch (error) {
      throw new Error(`${this.#path} cannot be used; move it away, then no token is valid any more`, { cause: error });
    }
  }

  /** The token itself is told here and never again. */
  async create(
    identity: { namespace: string; serviceAccount: string },
    lifetimeMs: number,
  ): Promise<JoinToken & { token: string }> {
    const id = Buffer.from(this.#random(ID_BYTES)).toString("hex");
    const secret = Buffer.from(this.#random(SECRET_BYTES)).toString("base64url");
    const now = this.#clock.now();
    const { namespace, serviceAccount } = identity;
    const token = { id, namespace, serviceAccount, createdAt: now, expiresAt: now + lifetimeMs };
    this.#tokens.set(id, { token, hash: hash("sha256", secret, "base64url") });
    await this.#save();
    return { ...token, token: `tulle-${id}-${secret}` };
  }

  list(): readonly JoinToken[] {
    return [...this.#tokens.values()].map(({ token }) => token);
  }

  /** Undefined if there is none of that id. */
  async revoke(id: string): Promise<JoinToken | undefined> {
    const stored = this.#tokens.get(id);
    if (stored === undefined || stored.token.revokedAt !== undefined) return stored?.token;
    const token = { ...stored.token, revokedAt: this.#clock.now() };
    this.#tokens.set(id, { ...stored, token });
    await this.#save();
    return token;
  }

  isRevoked(id: string): boolean {
    return this.#tokens.get(id)?.token.revokedAt !== undefined;
  }

  /** Throws TokenRefusal. */
  verify(text: string): JoinToken {
    const [, id, secret] = FORM.exec(text) ?? [];
    if (id === undefined) throw new TokenRefusal("the token is none of tulle token create");
    const stored = this.#tokens.get(id);
    const given = Buffer.from(hash("sha256", secret!, "base64url"));
    // An id that is not known and a secret that is wrong are one answer.
    if (stored === undefined || !timingSafeEqual(given, Buffer.from(stored.hash))) {
      throw new TokenRefusal("the token is not known here");
    }
    const { token } = stored;
    if (token.revokedAt !== undefined) {
      throw new TokenRefusal(`token ${id} was revoked on ${new Date(token.revokedAt).toISOString()}`);
    }
    if (token.expiresAt <= this.#clock.now()) {
      throw new TokenRefusal(`token ${id} expired on ${new Date(token.expiresAt).toISOString()}`);
    }
    return token;
  }

  /** One write at a time, each of all that is known when it begins. */
  async #save(): Promise<void> {
    const oldest = this.#clock.now() - REMEMBERED_MS;
    for (const [id, { token }] of this.#tokens) if (token.expiresAt < oldest) this.#tokens.delete(id);
    const before = this.#writing.catch(() => undefined); // whoever made that change heard of it
    this.#writing = before.then(async () => {
      await mkdir(dirname(this.#path), { recursive: true });
      await writeAtomically(this.#path, `${JSON.stringify([...this.#tokens.values()], undefined, 1)}\n`, 0o600);
    });
    await this.#writing;
  }
}

function checked(stored: StoredToken): StoredToken {
  const { hash: digest, token } = stored;
  const { id, namespace, serviceAccount, createdAt, expiresAt, revokedAt } = token;
  const texts = [id, digest, namespace, serviceAccount].every((text) => typeof text === "string");
  const times = typeof createdAt === "number" && typeof expiresAt === "number";
  if (!texts || !times || (revokedAt !== undefined && typeof revokedAt !== "number") || digest.length !== 43) {
    throw new TypeError("a token in it has another form than this version writes");
  }
  return stored;
}
