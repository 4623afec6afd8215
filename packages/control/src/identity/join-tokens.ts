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

interface StoredToken extends JoinToken {
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
      this.#tokens = new Map(tokens.map((token) => [token.id, checked(token)]));
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
    this.#tokens.set(id, { ...token, hash: hash("sha256", secret, "base64url") });
    await this.#save();
    return { ...token, token: `tulle-${id}-${secret}` };
  }

  list(): readonly JoinToken[] {
    return [...this.#tokens.values()].map(({ hash: _, ...token }) => token);
  }

  /** Undefined if there is none of that id. */
  async revoke(id: string): Promise<JoinToken | undefined> {
    const token = this.#tokens.get(id);
    if (token === undefined) return undefined;
    if (token.revokedAt === undefined) {
      this.#tokens.set(id, { ...token, revokedAt: this.#clock.now() });
      await this.#save();
    }
    return this.list().find((one) => one.id === id);
  }

  isRevoked(id: string): boolean {
    return this.#tokens.get(id)?.revokedAt !== undefined;
  }

  /** Throws TokenRefusal. */
  verify(text: string): JoinToken {
    const [, id, secret] = FORM.exec(text) ?? [];
    if (id === undefined) throw new TokenRefusal("the token is none of tulle token create");
    const token = this.#tokens.get(id);
    const given = Buffer.from(hash("sha256", secret!, "base64url"));
    // An id that is not known and a secret that is wrong are one answer.
    if (token === undefined || !timingSafeEqual(given, Buffer.from(token.hash))) {
      throw new TokenRefusal("the token is not known here");
    }
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
    for (const { id, expiresAt } of this.#tokens.values()) if (expiresAt < oldest) this.#tokens.delete(id);
    const before = this.#writing.catch(() => undefined); // whoever made that change heard of it
    this.#writing = before.then(async () => {
      await mkdir(dirname(this.#path), { recursive: true });
      await writeAtomically(this.#path, `${JSON.stringify([...this.#tokens.values()], undefined, 1)}\n`, 0o600);
    });
    await this.#writing;
  }
}

function checked(token: StoredToken): StoredToken {
  const { id, hash: digest, namespace, serviceAccount, createdAt, expiresAt, revokedAt } = token;
  const texts = [id, digest, namespace, serviceAccount].every((text) => typeof text === "string");
  const times = typeof createdAt === "number" && typeof expiresAt === "number";
  if (!texts || !times || (revokedAt !== undefined && typeof revokedAt !== "number") || digest.length !== 43) {
    throw new TypeError("a token in it has another form than this version writes");
  }
  return token;
}
