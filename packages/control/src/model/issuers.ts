/** Issuers of tokens that a rule names no keys of: where they say that their keys are. (OpenID Connect Discovery 1.0, §4) */
import type { JwtRule } from "@tulle/api";
import { parseDuration } from "@tulle/api";

export interface IssuerKeys {
  /** Undefined: not known, so that no token of the issuer passes. */
  readonly jwksUri: string | undefined;
  /** Why the last attempt to find out has failed; undefined: it has not. */
  readonly problem: string | undefined;
}

/** By issuer, as rules write it. One that is not there has not been asked yet. */
export type Issuers = ReadonlyMap<string, IssuerKeys>;

export const NO_ISSUERS: Issuers = new Map();

/** How long an answer may take unless a rule says otherwise. (istio/istio `policy_applier.go`, convertToEnvoyJwtConfig) */
const ISSUER_TIMEOUT_MS = 5_000;

export function hasNoKeys({ jwks, jwksUri }: JwtRule): boolean {
  return jwks === undefined && jwksUri === undefined;
}

/** Whom to ask, and how long to wait for each: for as long as the most patient of its rules. */
export function issuersToAsk(rules: readonly JwtRule[]): ReadonlyMap<string, number> {
  const found = new Map<string, number>();
  for (const rule of rules) {
    const { issuer = "", timeout } = rule;
    if (!hasNoKeys(rule)) continue;
    const ms = (timeout === undefined ? undefined : parseDuration(timeout)) ?? ISSUER_TIMEOUT_MS;
    found.set(issuer, Math.max(found.get(issuer) ?? 0, ms));
  }
  return found;
}

/** The rules with what their issuers have said. */
export function withFoundKeys(rules: readonly JwtRule[], issuers: Issuers): readonly JwtRule[] {
  return rules.map((rule) => {
    const jwksUri = hasNoKeys(rule) ? issuers.get(rule.issuer ?? "")?.jwksUri : undefined;
    return jwksUri === undefined ? rule : { ...rule, jwksUri };
  });
}
