import type { JwtRule } from "@tulle/api";
import { hasNoKeys, NO_ISSUERS, withFoundKeys } from "../model/issuers.ts";
import type { PolicySubject } from "../model/policy-scope.ts";
import { jwtRulesFor } from "../model/request-authentication.ts";
import type { RequestAuthenticationRule } from "../model/request-authentication.ts";
import type { MeshService } from "../model/service.ts";
import { rememberLast, shareList } from "../model/sharing.ts";
import type { Snapshot } from "../model/snapshot.ts";
import { foreignKeyServers, keyCluster } from "../translate/security/key-servers.ts";
import type { KeyServer } from "../translate/security/key-servers.ts";
import type { TokenInput } from "../translate/security/tokens.ts";

/** What a workload's proxy verifies, and whom it asks for keys. */
export interface Tokens {
  readonly filter: TokenInput;
  readonly keyServers: readonly KeyServer[];
}

/** Undefined: it verifies nothing. The same while no policy of the workload changes, nor a service that has keys. */
export function tokensOf(atGateway: boolean): (snapshot: Snapshot, subject: PolicySubject) => Tokens | undefined {
  let before: readonly JwtRule[] | undefined;
  const find = rememberLast(
    (rules: readonly RequestAuthenticationRule[], rootNamespace: string, subject: PolicySubject) => {
      before = shareList(before, jwtRulesFor(rules, rootNamespace, subject));
      return before;
    },
  );
  const fill = rememberLast(withFoundKeys);
  const make = rememberLast(
    (rules: readonly JwtRule[], services: ReadonlyMap<string, MeshService> | undefined): Tokens => ({
      filter: {
        rules,
        keysFrom: (uri) => (services === undefined ? undefined : keyCluster(uri, services)),
        clearRouteCache: atGateway,
      },
      keyServers: services === undefined ? [] : foreignKeyServers(rules, services),
    }),
  );
  return ({ requestAuthentications, options, serviceByHost, issuers }, subject) => {
    const written = find(requestAuthentications, options.rootNamespace, subject);
    const rules = fill(written, written.some(hasNoKeys) ? issuers : NO_ISSUERS);
    if (rules.length === 0) return undefined;
    return make(rules, rules.some(({ jwksUri }) => jwksUri !== undefined) ? serviceByHost : undefined);
  };
}
