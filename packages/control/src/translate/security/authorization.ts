/**
 * AuthorizationPolicies as Envoy's RBAC filters: what audits, then what denies, then what allows, each with all rules of all policies of that
 * action; before them what asks an external authorizer. (istio/istio `pilot/pkg/security/authz/builder/builder.go`)
 */
import { create } from "@bufbuild/protobuf";
import type { DescMessage, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import { FilterSchema } from "@tulle/xds/gen/envoy/config/listener/v3/listener_components_pb.js";
import type { Filter } from "@tulle/xds/gen/envoy/config/listener/v3/listener_components_pb.js";
import { RBAC_Action as RbacAction } from "@tulle/xds/gen/envoy/config/rbac/v3/rbac_pb.js";
import type { RBACSchema as RulesSchema } from "@tulle/xds/gen/envoy/config/rbac/v3/rbac_pb.js";
import { ExtAuthzSchema } from "@tulle/xds/gen/envoy/extensions/filters/http/ext_authz/v3/ext_authz_pb.js";
import { RBACSchema } from "@tulle/xds/gen/envoy/extensions/filters/http/rbac/v3/rbac_pb.js";
import { HttpFilterSchema } from "@tulle/xds/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import type { HttpFilter } from "@tulle/xds/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import { ExtAuthzSchema as NetworkExtAuthzSchema } from "@tulle/xds/gen/envoy/extensions/filters/network/ext_authz/v3/ext_authz_pb.js";
import { RBACSchema as NetworkRbacSchema } from "@tulle/xds/gen/envoy/extensions/filters/network/rbac/v3/rbac_pb.js";
import type { AuthorizationAction, AuthorizationRule } from "../../model/authorization.ts";
import type { Capabilities } from "../data-plane.ts";
import { packed } from "../packed.ts";
import { NEVER, translateRule } from "./authorization-rule.ts";
import type { PolicyInit } from "./authorization-rule.ts";
import type { Authorizer, Authorizers } from "./external-authorizers.ts";
import type { RuleContext } from "./rule-terms.ts";

const HTTP_RBAC = "envoy.filters.http.rbac";
const HTTP_EXT_AUTHZ = "envoy.filters.http.ext_authz";
const NETWORK_RBAC = "envoy.filters.network.rbac";
const NETWORK_EXT_AUTHZ = "envoy.filters.network.ext_authz";

const TCP_STAT_PREFIX = "tcp.";
/** Under these names metadata and counters tell what a dry run would have done. */
const DRY_RUN_PREFIX: Readonly<Record<number, string>> = {
  [RbacAction.ALLOW]: "istio_dry_run_allow_",
  [RbacAction.DENY]: "istio_dry_run_deny_",
};
const EXTERNAL_PREFIX = "istio_ext_authz_";
const EXTERNAL_POLICY = "istio-ext-authz";
const BAD_EXTERNAL = "-deny-due-to-bad-CUSTOM-action";

export interface AuthorizationInput {
  /** All of the workload, in order. */
  readonly policies: readonly AuthorizationRule[];
  /** The mesh's own first. */
  readonly trustDomains: readonly string[];
  readonly port: RuleContext["port"];
  readonly authorizers: Authorizers;
}

type RulesInit = MessageInitShape<typeof RulesSchema>;

const ACTIONS: readonly (readonly [AuthorizationAction, RbacAction])[] = [
  ["AUDIT", RbacAction.LOG],
  ["DENY", RbacAction.DENY],
  ["ALLOW", RbacAction.ALLOW],
];

export function authorizationHttpFilters(input: AuthorizationInput): readonly HttpFilter[] {
  return rbacsOf(input, false).map((fields) => httpFilter(HTTP_RBAC, RBACSchema, create(RBACSchema, fields)));
}

/** Whether policies are kept or not is asked of authorizers; a filter before says which requests it is about. */
export function externalHttpFilters(input: AuthorizationInput): readonly HttpFilter[] {
  return [...byProvider(input, false)].flatMap(([provider, policies]): HttpFilter[] => {
    const authorizer = input.authorizers(provider);
    if ("problem" in authorizer) {
      return [httpFilter(HTTP_RBAC, RBACSchema, create(RBACSchema, { rules: denial(policies) }))];
    }
    const selection = create(RBACSchema, { shadowRules: deny(policies), shadowRulesStatPrefix: EXTERNAL_PREFIX });
    const config = create(ExtAuthzSchema, { ...authorizer.http, filterEnabledMetadata: selected(HTTP_RBAC, provider) });
    return [httpFilter(HTTP_RBAC, RBACSchema, selection), httpFilter(HTTP_EXT_AUTHZ, ExtAuthzSchema, config)];
  });
}

/** What passes connections on if the policies let it. Where they cannot be asked, nobody gets anywhere. */
export function authorized(
  input: AuthorizationInput | undefined,
  { security }: Capabilities,
  pass: Filter,
  refuse: () => Filter,
): readonly Filter[] {
  const filters = input === undefined ? [] : authorizationNetworkFilters(input);
  return filters.length === 0 || security.has("network authorization") ? [...filters, pass] : [refuse()];
}

/** For connections that are not read as HTTP; external authorizers first. */
export function authorizationNetworkFilters(input: AuthorizationInput): readonly Filter[] {
  const external = [...byProvider(input, true)].flatMap(([provider, policies]): Filter[] => {
    const authorizer: Authorizer = input.authorizers(provider);
    if ("problem" in authorizer) return [networkRbac({ rules: denial(policies) })];
    // One that speaks HTTP has nothing to say of connections.
    if (authorizer.network === undefined) return [];
    const config = create(NetworkExtAuthzSchema, {
      ...authorizer.network,
      statPrefix: TCP_STAT_PREFIX,
      filterEnabledMetadata: selected(NETWORK_RBAC, provider),
    });
    return [
      networkRbac({ shadowRules: deny(policies), shadowRulesStatPrefix: EXTERNAL_PREFIX }),
      networkFilter(NETWORK_EXT_AUTHZ, NetworkExtAuthzSchema, config),
    ];
  });
  return [...external, ...rbacsOf(input, true).map(networkRbac)];
}

interface RbacFields {
  readonly rules?: RulesInit;
  readonly shadowRules?: RulesInit;
  readonly shadowRulesStatPrefix?: string;
}

function rbacsOf(input: AuthorizationInput, tcp: boolean): readonly RbacFields[] {
  return ACTIONS.flatMap(([action, rbacAction]): RbacFields[] => {
    const policies = input.policies.filter((policy) => policy.action === action);
    if (policies.length === 0) return [];
    const [enforced, tried] = [false, true].map((dryRun) => policies.filter((policy) => policy.dryRun === dryRun));
    const rules = (list: readonly AuthorizationRule[] = []): RulesInit => ({
      action: rbacAction,
      policies: Object.fromEntries(list.flatMap((policy) => rulesOf(policy, input, tcp, ""))),
    });
    return [
      {
        // Rules that are there and never match are another thing than no rules: what nothing allows is denied.
        ...(enforced?.length === 0 ? {} : { rules: rules(enforced) }),
        ...(tried?.length === 0
          ? {}
          : { shadowRules: rules(tried), shadowRulesStatPrefix: DRY_RUN_PREFIX[rbacAction] ?? "" }),
      },
    ];
  });
}

type Policies = Readonly<Record<string, PolicyInit>>;

function byProvider(input: AuthorizationInput, tcp: boolean): ReadonlyMap<string, Policies> {
  const found = Map.groupBy(
    input.policies.filter(({ action }) => action === "CUSTOM"),
    ({ spec }) => spec.provider?.name ?? "",
  );
  return new Map(
    [...found]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([provider, policies]) => [
        provider,
        Object.fromEntries(policies.flatMap((policy) => rulesOf(policy, input, tcp, externalPrefix(provider)))),
      ]),
  );
}

function rulesOf(
  { origin: { namespace, name }, spec, action }: AuthorizationRule,
  { trustDomains, port }: AuthorizationInput,
  tcp: boolean,
  namePrefix: string,
): [name: string, policy: PolicyInit][] {
  const rules = spec.rules ?? [];
  const called = (index: number): string => `${namePrefix}ns[${namespace}]-policy[${name}]-rule[${index}]`;
  if (rules.length === 0) return [[called(0), NEVER]];
  return rules.flatMap((rule, index): [string, PolicyInit][] => {
    const policy = translateRule(rule, { namespace, tcp, port, trustDomains, strict: action === "ALLOW" });
    return policy === undefined ? [] : [[called(index), policy]];
  });
}

function externalPrefix(provider: string): string {
  return `${EXTERNAL_POLICY}-${provider}-`;
}

function deny(policies: Policies): RulesInit {
  return { action: RbacAction.DENY, policies: { ...policies } };
}

/** Where nobody can be asked, nobody is let in. */
function denial(policies: Policies): RulesInit {
  return deny(Object.fromEntries(Object.entries(policies).map(([name, policy]) => [name + BAD_EXTERNAL, policy])));
}

/** Requests of which the filter before says that a policy with this provider is about them. */
function selected(filter: string, provider: string) {
  return {
    filter,
    path: [{ segment: { case: "key" as const, value: `${EXTERNAL_PREFIX}shadow_effective_policy_id` } }],
    value: {
      matchPattern: {
        case: "stringMatch" as const,
        value: { matchPattern: { case: "prefix" as const, value: `${externalPrefix(provider)}ns[` } },
      },
    },
  };
}

function httpFilter<Desc extends DescMessage>(name: string, schema: Desc, config: MessageShape<Desc>): HttpFilter {
  return create(HttpFilterSchema, { name, configType: { case: "typedConfig", value: packed(schema, config) } });
}

function networkRbac(fields: RbacFields): Filter {
  const config = create(NetworkRbacSchema, { statPrefix: TCP_STAT_PREFIX, ...fields });
  return networkFilter(NETWORK_RBAC, NetworkRbacSchema, config);
}

function networkFilter<Desc extends DescMessage>(name: string, schema: Desc, config: MessageShape<Desc>): Filter {
  return create(FilterSchema, { name, configType: { case: "typedConfig", value: packed(schema, config) } });
}
