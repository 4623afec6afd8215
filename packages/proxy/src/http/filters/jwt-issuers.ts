/** Whose tokens a filter takes, with what it knows of them from one request to the next. */
import type { KeySet } from "../../jwt/key-set.ts";
import { DEFAULT_CLOCK_SKEW_S, type Jwt, timeFault } from "../../jwt/token.ts";
import type { JwtCachePlan, JwtProviderPlan } from "../../plan/filters/jwt-provider.ts";
import type { FilterContext } from "./filter.ts";
import type { JwtAuthnStats } from "./jwt-authn.ts";
import { RemoteKeys } from "./jwt-remote-keys.ts";

export class Issuer {
  readonly plan: JwtProviderPlan;
  /** Null: its keys are in its configuration. */
  readonly remote: RemoteKeys | null;
  /** Null: tokens are verified each time. */
  readonly cache: JwtCache | null;

  constructor(plan: JwtProviderPlan, context: FilterContext, stats: JwtAuthnStats) {
    this.plan = plan;
    const cache = plan.cache === null ? null : new JwtCache(plan.cache);
    this.cache = cache;
    // What a key has signed is in force no longer than the key.
    const onNewKeys = (): void => cache?.clear();
    this.remote = plan.remoteKeys === null ? null : new RemoteKeys(plan.remoteKeys, context, stats, onNewKeys);
  }

  /** Null: they must be fetched, or there are none. */
  keys(now: number): KeySet | null {
    return this.remote === null ? this.plan.localKeys : this.remote.current(now);
  }
}

/** Those of one filter. */
export class Issuers {
  readonly stats: JwtAuthnStats;
  private readonly all: readonly Issuer[];
  private readonly byPlan: ReadonlyMap<JwtProviderPlan, Issuer>;
  private readonly byIssuer = new Map<string, Issuer>();

  constructor(plans: readonly JwtProviderPlan[], context: FilterContext, stats: JwtAuthnStats) {
    this.stats = stats;
    this.all = plans.map((plan) => new Issuer(plan, context, stats));
    this.byPlan = new Map(this.all.map((issuer) => [issuer.plan, issuer]));
    for (const issuer of this.all) {
      if (!this.byIssuer.has(issuer.plan.issuer)) this.byIssuer.set(issuer.plan.issuer, issuer);
    }
  }

  of(plan: JwtProviderPlan): Issuer | null {
    return this.byPlan.get(plan) ?? null;
  }

  /** One that has no name takes the tokens of all that nobody else takes. */
  find(issuer: string): Issuer | null {
    return this.byIssuer.get(issuer) ?? this.byIssuer.get("") ?? null;
  }

  /** Where there is one only. */
  get single(): Issuer | null {
    return this.all.length === 1 ? this.all[0] : null;
  }

  start(onReady: () => void): void {
    let missing = 1;
    const arrived = (): void => {
      if (--missing === 0) onReady();
    };
    for (const { remote } of this.all) {
      if (remote === null) continue;
      missing++;
      remote.start(arrived);
    }
    arrived();
  }

  stop(): void {
    for (const { remote } of this.all) remote?.stop();
  }
}

/** Good tokens by their text; those that were used last stay. */
class JwtCache {
  private readonly plan: JwtCachePlan;
  /** The one that was used last is the last. */
  private readonly tokens = new Map<string, Jwt>();

  constructor(plan: JwtCachePlan) {
    this.plan = plan;
  }

  find(text: string, nowS: number): Jwt | null {
    const jwt = this.tokens.get(text);
    if (jwt === undefined) return null;
    this.tokens.delete(text);
    const expired = jwt.expires > 0 && timeFault({ ...jwt, notBefore: 0 }, nowS, DEFAULT_CLOCK_SKEW_S) !== null;
    if (expired) return null;
    this.tokens.set(text, jwt);
    return jwt;
  }

  add(text: string, jwt: Jwt): void {
    const { tokens, plan } = this;
    if (text.length > plan.maxTokenBytes) return;
    tokens.set(text, jwt);
    if (tokens.size <= plan.tokens) return;
    for (const oldest of tokens.keys()) {
      tokens.delete(oldest);
      return;
    }
  }

  clear(): void {
    this.tokens.clear();
  }
}
