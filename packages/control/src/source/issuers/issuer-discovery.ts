/** Asks issuers where their keys are, and goes on asking. (istio/istio `pilot/pkg/model/jwks_resolver.go`) */
import { join } from "node:path";
import type { Clock, Log } from "@tulle/xds";
import type { IssuerKeys, Issuers } from "../../model/issuers.ts";
import { NO_ISSUERS } from "../../model/issuers.ts";
import { StateFile } from "../../state-file.ts";

export interface IssuerDiscoveryOptions {
  readonly stateDir: string;
  /** The body of what is at a URL. Rejects with the reason, also when the signal says that it has taken too long. */
  readonly get: (url: string, signal: AbortSignal) => Promise<string>;
  /** Something else is known than before. */
  readonly onChange: () => void;
  readonly clock: Clock;
  readonly log: Log;
}

/** (OpenID Connect Discovery 1.0, §4) */
const DOCUMENT = "/.well-known/openid-configuration";
/** (istio/istio `pilot/pkg/features`, PILOT_JWT_PUB_KEY_REFRESH_INTERVAL) */
const REFRESH_MS = 20 * 60_000;
/** After a failure; it doubles with each, and istiod's first attempts are a second apart, too. */
const RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 5 * 60_000;
/** What an issuer has said is good for so long without its saying it again. (JwtPubKeyEvictionDuration) */
const LASTS_MS = 7 * 24 * 3_600_000;

interface Issuer {
  timeoutMs: number;
  jwksUri: string | undefined;
  /** When it said so. */
  saidAt: number;
  problem: string | undefined;
  failures: number;
  /** Undefined: it is being asked. */
  cancel: (() => void) | undefined;
}

/** Issuer → where its keys are, and since when that is known. */
type Saved = Readonly<Record<string, { readonly jwksUri: string; readonly saidAt: number }>>;

export class IssuerDiscovery {
  readonly #options: IssuerDiscoveryOptions;
  readonly #file: StateFile<Saved>;
  readonly #issuers = new Map<string, Issuer>();
  #saved: Saved = {};
  #found: Issuers = NO_ISSUERS;
  #counts = { success: 0, failure: 0 };
  #closed = false;

  constructor(options: IssuerDiscoveryOptions) {
    this.#options = options;
    this.#file = new StateFile(join(options.stateDir, "issuers.json"), isSaved, options.log);
  }

  /** What was known before a restart is known again at once: nobody's tokens are refused meanwhile. */
  async load(): Promise<void> {
    this.#saved = (await this.#file.load()) ?? {};
  }

  /** A new map whenever anything in it is new. */
  get found(): Issuers {
    return this.#found;
  }

  /** Exactly these are asked from now on. @param wanted issuer → milliseconds to wait for its answer */
  want(wanted: ReadonlyMap<string, number>): void {
    const before = this.#found;
    for (const [name, { cancel }] of this.#issuers) {
      if (wanted.has(name)) continue;
      cancel?.();
      this.#issuers.delete(name);
    }
    for (const [name, timeoutMs] of wanted) {
      const known = this.#issuers.get(name);
      if (known === undefined) this.#begin(name, timeoutMs);
      else known.timeoutMs = timeoutMs;
    }
    this.#tell(before);
  }

  #begin(name: string, timeoutMs: number): void {
    const saved = this.#saved[name];
    const saidAt = saved?.saidAt ?? 0;
    const isGood = this.#options.clock.now() - saidAt < LASTS_MS;
    const issuer: Issuer = {
      timeoutMs,
      jwksUri: isGood ? saved?.jwksUri : undefined,
      saidAt,
      problem: undefined,
      failures: 0,
      cancel: undefined,
    };
    this.#issuers.set(name, issuer);
    void this.#ask(name, issuer);
  }

  async #ask(name: string, issuer: Issuer): Promise<void> {
    issuer.cancel = undefined;
    const { clock, log, get } = this.#options;
    const late = new AbortController();
    const cancelLate = clock.after(issuer.timeoutMs, () => late.abort());
    let said: string | undefined;
    let problem: string | undefined;
    try {
      said = keysIn(await get(documentOf(name), late.signal));
    } catch (error) {
      problem = error instanceof Error ? error.message : String(error);
    }
    cancelLate();
    if (this.#closed || this.#issuers.get(name) !== issuer) return;
    this.#counts[said === undefined ? "failure" : "success"]++;
    if (said === undefined) {
      issuer.failures++;
      if (clock.now() - issuer.saidAt >= LASTS_MS) issuer.jwksUri = undefined;
      log("warn", "an issuer of tokens does not say where its keys are", { issuer: name, problem });
    } else {
      issuer.failures = 0;
      issuer.saidAt = clock.now();
      issuer.jwksUri = said;
    }
    issuer.problem = problem;
    const wait = issuer.failures === 0 ? REFRESH_MS : Math.min(RETRY_MS * 2 ** (issuer.failures - 1), LONGEST_RETRY_MS);
    issuer.cancel = clock.after(wait, () => void this.#ask(name, issuer));
    if (said !== undefined) this.#save();
    this.#tell(this.#found);
  }

  #tell(before: Issuers): void {
    const found = new Map(
      [...this.#issuers]
        .filter(([, { jwksUri, problem }]) => jwksUri !== undefined || problem !== undefined)
        .map(([name, { jwksUri, problem }]): [string, IssuerKeys] => [name, { jwksUri, problem }]),
    );
    if (isSame(before, found)) return;
    this.#found = found;
    this.#options.onChange();
  }

  #save(): void {
    this.#saved = Object.fromEntries(
      [...this.#issuers].flatMap(([name, { jwksUri, saidAt }]) =>
        jwksUri === undefined ? [] : [[name, { jwksUri, saidAt }]],
      ),
    );
    this.#file.save(this.#saved);
  }

  /** Prometheus text, by istiod's names. */
  renderMetrics(): string {
    const { success, failure } = this.#counts;
    return [
      ["pilot_jwks_resolver_network_fetch_success_total", success],
      ["pilot_jwks_resolver_network_fetch_fail_total", failure],
    ]
      .map(([name, value]) => `# TYPE ${name} counter\n${name} ${value}\n`)
      .join("");
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const { cancel } of this.#issuers.values()) cancel?.();
    await this.#file.flush();
  }
}

function documentOf(issuer: string): string {
  return issuer.replace(/\/$/, "") + DOCUMENT;
}

/** Throws with the reason. */
function keysIn(text: string): string {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    throw new Error("what it says of itself is no JSON");
  }
  const uri =
    typeof document === "object" && document !== null ? (document as { jwks_uri?: unknown }).jwks_uri : undefined;
  if (typeof uri !== "string" || !URL.canParse(uri) || !/^https?:$/.test(new URL(uri).protocol)) {
    throw new Error("what it says of itself has no jwks_uri that is a URL of a web server");
  }
  return uri;
}

function isSame(a: Issuers, b: Issuers): boolean {
  if (a.size !== b.size) return false;
  for (const [name, { jwksUri, problem }] of b) {
    const other = a.get(name);
    if (other === undefined || other.jwksUri !== jwksUri || other.problem !== problem) return false;
  }
  return true;
}

function isSaved(value: unknown): value is Saved {
  return Object.values(value as object).every((each: unknown) => {
    const { jwksUri, saidAt } = (each ?? {}) as { jwksUri?: unknown; saidAt?: unknown };
    return typeof jwksUri === "string" && typeof saidAt === "number";
  });
}
