import type { AuthorizationRule } from "../model/authorization.ts";
import { authorizationsFor } from "../model/authorization.ts";
import type { MeshSettings } from "../model/mesh-settings.ts";
import type { PolicySubject } from "../model/policy-scope.ts";
import type { MeshService } from "../model/service.ts";
import { rememberLast, shareList } from "../model/sharing.ts";
import type { Snapshot } from "../model/snapshot.ts";
import type { Capabilities } from "../translate/data-plane.ts";
import type { AuthorizationInput } from "../translate/security/authorization.ts";
import { authorizers } from "../translate/security/external-authorizers.ts";

/** What is the same for all ports of a workload; undefined if it has no policies. */
export type Authorization = Omit<AuthorizationInput, "port"> | undefined;

/** The same while no policy of the workload changes, nor anything that those say something of. */
export function authorizationOf(
  capabilities: Capabilities,
): (snapshot: Snapshot, subject: PolicySubject) => Authorization {
  let before: readonly AuthorizationRule[] | undefined;
  const find = rememberLast((rules: readonly AuthorizationRule[], rootNamespace: string, subject: PolicySubject) => {
    before = shareList(before, authorizationsFor(rules, rootNamespace, subject));
    return before;
  });
  const make = rememberLast(
    (
      policies: readonly AuthorizationRule[],
      mesh: MeshSettings,
      services: ReadonlyMap<string, MeshService> | undefined,
    ): Authorization => ({
      policies,
      trustDomains: mesh.trustDomains,
      authorizers: authorizers(mesh, services ?? new Map(), capabilities),
    }),
  );
  return ({ authorizations, options, mesh, serviceByHost }, subject) => {
    const policies = find(authorizations, options.rootNamespace, subject);
    if (policies.length === 0) return undefined;
    // Only authorizers are services.
    return make(policies, mesh, policies.some(({ action }) => action === "CUSTOM") ? serviceByHost : undefined);
  };
}

/** Policies know the workload's port; connections come to where its proxy is bound. */
export function inboundPort({
  port,
  bindPort,
}: {
  readonly port: number;
  readonly bindPort: number;
}): AuthorizationInput["port"] {
  return (named) => (named === port ? [bindPort] : named === bindPort ? [] : [named]);
}

/** A gateway's port may be called as its Gateway does, or by where the workload listens. */
export function gatewayPort(number: number, bindPort: number): AuthorizationInput["port"] {
  return (named) => (named === number && number !== bindPort ? [bindPort, number] : [named]);
}
