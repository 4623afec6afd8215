/** Rules for PeerAuthentication and RequestAuthentication (istio/istio `pkg/config/validation`). */
import type { ResourceObject } from "../kinds/registry.ts";
import { keySetFault } from "./key-set.ts";
import type { Reporter } from "./reporter.ts";
import { validateTargets, validateWorkloadSelector } from "./scope.ts";

type PeerAuthentication = ResourceObject<"security.istio.io", "PeerAuthentication">;
type RequestAuthentication = ResourceObject<"security.istio.io", "RequestAuthentication">;

export function validatePeerAuthentication({ spec }: PeerAuthentication, reporter: Reporter): void {
  validateWorkloadSelector(spec.selector, reporter);
  if (spec.portLevelMtls === undefined) return;
  const path = ["spec", "portLevelMtls"];
  if (Object.keys(spec.portLevelMtls).length === 0) reporter.error(path, "is empty", "at least one port");
  else if (Object.keys(spec.selector?.matchLabels ?? {}).length === 0) {
    reporter.error(path, "is set without selector", "a selector with matchLabels");
  }
}

export function validateRequestAuthentication({ spec }: RequestAuthentication, reporter: Reporter): void {
  validateTargets(spec, reporter);
  for (const [index, rule] of (spec.jwtRules ?? []).entries()) {
    const path = ["spec", "jwtRules", index];
    if ((rule.issuer ?? "") === "") reporter.error([...path, "issuer"], "is missing", "the issuer of the tokens");
    const fault = rule.jwks === undefined ? undefined : keySetFault(rule.jwks);
    if (fault !== undefined)
      reporter.error([...path, "jwks"], fault, 'JSON of the form {"keys": […]}, with public keys');
  }
}
