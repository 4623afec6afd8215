/** What became of RequestAuthentications. */
import type { Path } from "@tulle/api";
import type { RequestAuthenticationRule } from "../model/request-authentication.ts";
import type { Snapshot } from "../model/snapshot.ts";
import { CAPABILITIES } from "../translate/data-plane.ts";
import type { Issuers } from "../model/issuers.ts";
import { hasNoKeys } from "../model/issuers.ts";
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
  for (const [index, jwtRule] of rules.entries()) {
    const path = ["spec", "jwtRules", index];
    const { jwksUri } = jwtRule;
    if (hasNoKeys(jwtRule)) {
      found.push(issuerFinding(jwtRule.issuer ?? "", snapshot.issuers, [...path, "issuer"]));
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

/** Of a rule that leaves it to its issuer to say where the keys are. */
function issuerFinding(issuer: string, issuers: Issuers, path: Path): Finding {
  const said = issuers.get(issuer);
  if (said === undefined) {
    return finding("NotYetApplied", path, `${issuer} is being asked where its keys are; until then no token passes`);
  }
  const { jwksUri, problem } = said;
  if (jwksUri === undefined) {
    return finding("Invalid", path, `where the keys are is not known, so no token passes: ${problem}`);
  }
  const failing = problem === undefined ? "" : `; it does not say so again: ${problem}`;
  return finding("InForce", path, `the keys are at ${jwksUri}, as it says${failing}`);
}
