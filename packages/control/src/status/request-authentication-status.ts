/** What became of RequestAuthentications. */
import type { RequestAuthenticationRule } from "../model/request-authentication.ts";
import type { Snapshot } from "../model/snapshot.ts";
import { CAPABILITIES } from "../translate/data-plane.ts";
import { keyCluster } from "../translate/security/key-servers.ts";
import type { Finding } from "./object-status.ts";
import { finding } from "./object-status.ts";
import { reachOf } from "./policy-subjects.ts";

export function requestAuthenticationFindings(snapshot: Snapshot, rule: RequestAuthenticationRule): readonly Finding[] {
  const rules = rule.spec.jwtRules ?? [];
  if (rules.length === 0)
    return [finding("Ignored", ["spec", "jwtRules"], "there are none, so every token is let through")];
  const { who, findings } = reachOf(snapshot, rule.scope);
  if (findings.length > 0) return findings;
  const issuers = [...new Set(rules.map(({ issuer = "" }) => issuer))].join(", ");
  const found = [
    finding("InForce", [], `tokens of ${issuers} are verified in requests to ${who}; requests without token pass`),
  ];
  for (const [index, { jwks, jwksUri }] of rules.entries()) {
    const path = ["spec", "jwtRules", index];
    if (jwks === undefined && jwksUri === undefined) {
      found.push(
        finding("NotYetApplied", path, "finding the keys at the issuer: without jwksUri or jwks no token passes"),
      );
    } else if (jwksUri !== undefined && keyCluster(jwksUri, snapshot.serviceByHost) === undefined) {
      found.push(finding("Invalid", [...path, "jwksUri"], "is no URL of a server: no token passes"));
    }
  }
  if (!CAPABILITIES.tulle.security.has("tokens")) {
    found.push(
      finding("NotYetApplied", ["spec", "jwtRules"], "tokens: Envoy verifies them, Tulle's own proxy not yet"),
    );
  }
  return found;
}
