/** Secrets that a proxy gets: those that its rules name, of its own namespace. */
import { matchesLabels } from "@tulle/api";
import { SecretSchema } from "@tulle/xds/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.js";
import { encodeResource, resourceSet, TYPE } from "@tulle/xds";
import type { ResourceSet } from "@tulle/xds";
import type { DestinationRuleRule } from "../model/destination-rule.ts";
import type { GatewayRule } from "../model/gateway.ts";
import { gatewaysOf } from "../model/gateway.ts";
import type { Credentials } from "../model/secret.ts";
import { rememberLast, shareList } from "../model/sharing.ts";
import type { Snapshot } from "../model/snapshot.ts";
import type { ProxyNode } from "../source/registration/node.ts";
import { credentialSecrets } from "../translate/security/credentials.ts";
import { credentialNames } from "../translate/security/gateway-tls.ts";

type Asker = Pick<ProxyNode, "type" | "namespace" | "labels">;

export function secretsOf(): (node: Asker, snapshot: Snapshot) => ResourceSet {
  let names: readonly string[] = [];
  let before: ResourceSet | undefined;
  const named = rememberLast((node: Asker, gateways: readonly GatewayRule[], rules: readonly DestinationRuleRule[]) => {
    names = shareList(names, namesFor(node, gateways, rules));
    return names;
  });
  const encode = rememberLast((wanted: readonly string[], namespace: string, credentials: Credentials) => {
    const secrets = wanted.flatMap((name) => credentialSecrets(name, namespace, credentials));
    const resources = secrets.map((secret) => encodeResource(secret.name, SecretSchema, secret));
    before = resourceSet(TYPE.secret, resources, before);
    return before;
  });
  return (node, { gateways, destinationRules, credentials }) =>
    encode(named(node, gateways, destinationRules), node.namespace, credentials);
}

/** Whether there is a rule for a proxy that names a Secret. */
export function namesSecrets(node: Asker, { gateways, destinationRules }: Snapshot): boolean {
  return namesFor(node, gateways, destinationRules).length > 0;
}

function namesFor(
  node: Asker,
  gateways: readonly GatewayRule[],
  rules: readonly DestinationRuleRule[],
): readonly string[] {
  const ofServers = node.type === "router" ? gatewaysOf(gateways, node.labels) : [];
  const found = [
    ...ofServers.flatMap(({ spec }) =>
      spec.servers.flatMap(({ tls }) => (tls === undefined ? [] : credentialNames(tls))),
    ),
    ...rules.filter((rule) => isFor(rule, node)).flatMap(credentialsOfRule),
  ];
  return [...new Set(found)].sort();
}

/** Workloads get only what a rule for them alone names. */
function isFor({ selector, origin }: DestinationRuleRule, { type, namespace, labels }: Asker): boolean {
  if (type === "router") return true;
  return selector !== undefined && origin.namespace === namespace && matchesLabels(selector, labels);
}

function credentialsOfRule({ spec }: DestinationRuleRule): readonly string[] {
  const policies = [spec.trafficPolicy, ...(spec.subsets ?? []).map(({ trafficPolicy }) => trafficPolicy)];
  return policies
    .flatMap((policy) => [policy?.tls, ...(policy?.portLevelSettings ?? []).map(({ tls }) => tls)])
    .flatMap((tls) => ((tls?.credentialName ?? "") === "" ? [] : [tls!.credentialName!]));
}
