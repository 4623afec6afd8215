/** Rules for AuthorizationPolicy (istio/istio `pkg/config/validation`, ValidateAuthorizationPolicy). */
import type { Path } from "../diagnostic.ts";
import type {
  AuthorizationCondition,
  AuthorizationOperation,
  AuthorizationPolicySpec,
  AuthorizationRule,
  AuthorizationSource,
} from "../kinds/istio/security.ts";
import type { ResourceObject } from "../kinds/registry.ts";
import { headerName, ipOrCidr, portKey } from "../schema/formats.ts";
import type { Reporter } from "./reporter.ts";
import { validateTargets } from "./scope.ts";

type AuthorizationPolicy = ResourceObject<"security.istio.io", "AuthorizationPolicy">;

const DRY_RUN = "istio.io/dry-run";

export function validateAuthorizationPolicy({ spec, metadata }: AuthorizationPolicy, reporter: Reporter): void {
  const { error } = reporter;
  validateTargets(spec, reporter);
  validateAction(spec, reporter);
  for (const [index, rule] of (spec.rules ?? []).entries()) {
    validateRule(rule, spec.action ?? "ALLOW", ["spec", "rules", index], reporter);
  }
  const dryRun = metadata.annotations[DRY_RUN];
  if (dryRun === undefined) return;
  const path = ["metadata", "annotations", DRY_RUN];
  if (dryRun !== "true" && dryRun !== "false") error(path, `is ${JSON.stringify(dryRun)}`, '"true" or "false"');
  if (spec.action === "CUSTOM" || spec.action === "AUDIT") {
    error(path, `is set for action ${spec.action}`, "action ALLOW or DENY");
  }
}

function validateAction({ action = "ALLOW", rules, provider }: AuthorizationPolicySpec, { error }: Reporter): void {
  if (action === "CUSTOM" || action === "DENY") {
    if (rules === undefined) {
      error(
        ["spec", "rules"],
        `is missing, so ${action} never applies`,
        "rules; an empty one ({}) matches every request",
      );
    }
  }
  if (action === "CUSTOM") {
    if ((provider?.name ?? "") === "") error(["spec", "provider"], "is missing", "the name of an extension provider");
  } else if (provider !== undefined) {
    error(["spec", "provider"], `is set for action ${action}`, "action CUSTOM");
  }
}

/** Attributes that the external authorizer of CUSTOM is asked before they are known. */
const NOT_FOR_CUSTOM = [
  "namespaces",
  "notNamespaces",
  "principals",
  "notPrincipals",
  "requestPrincipals",
  "notRequestPrincipals",
  "serviceAccounts",
  "notServiceAccounts",
] as const;
/** Attributes of HTTP requests; all others of a source are known for TCP connections too. */
const HTTP_SOURCE: readonly string[] = ["requestPrincipals", "notRequestPrincipals"];

function validateRule(rule: AuthorizationRule, action: string, path: Path, reporter: Reporter): void {
  const { error, warning } = reporter;
  for (const list of ["from", "to"] as const) {
    if (rule[list]?.length === 0) error([...path, list], "is empty", `at least one item, or no ${list}`);
  }
  for (const [index, { source }] of (rule.from ?? []).entries()) {
    const at = [...path, "from", index, "source"];
    if (source === undefined || isEmpty(source)) error(at, "is empty", "at least one attribute");
    else validateSource(source, action, at, reporter);
  }
  for (const [index, { operation }] of (rule.to ?? []).entries()) {
    const at = [...path, "to", index, "operation"];
    if (operation === undefined || isEmpty(operation)) error(at, "is empty", "at least one attribute");
    else validateOperation(operation, at, reporter);
  }
  for (const [index, condition] of (rule.when ?? []).entries()) {
    validateCondition(condition, action, [...path, "when", index], reporter);
  }
  if (action === "DENY" && usesOnlyHttp(rule)) {
    const message =
      "denies all TCP traffic too, since there its HTTP attributes are missing; add the ports it is meant for";
    warning(path, message);
  }
}

function isEmpty(value: object): boolean {
  return Object.values(value).every((list: unknown) => !Array.isArray(list) || list.length === 0);
}

function usesOnlyHttp(rule: AuthorizationRule): boolean {
  const to = rule.to ?? [];
  const from = rule.from ?? [];
  if (to.length > 0) return to.every(({ operation }) => !operation?.ports && !operation?.notPorts);
  return (
    from.length > 0 && from.every(({ source }) => Object.keys(source ?? {}).every((key) => HTTP_SOURCE.includes(key)))
  );
}

function validateSource(source: AuthorizationSource, action: string, path: Path, { error }: Reporter): void {
  for (const field of ["ipBlocks", "notIpBlocks", "remoteIpBlocks", "notRemoteIpBlocks"] as const) {
    for (const [index, block] of (source[field] ?? []).entries()) {
      if (!ipOrCidr.accepts(block)) error([...path, field, index], `is ${JSON.stringify(block)}`, ipOrCidr.expected);
    }
  }
  for (const field of ["serviceAccounts", "notServiceAccounts"] as const) {
    for (const [index, account] of (source[field] ?? []).entries()) {
      if (/^[^/*]+(?:\/[^/*]+)?$/.test(account)) continue;
      error([...path, field, index], `is ${JSON.stringify(account)}`, "namespace/account or account, without wildcard");
    }
  }
  if ((source.serviceAccounts ?? source.notServiceAccounts) !== undefined) {
    for (const field of ["principals", "notPrincipals", "namespaces", "notNamespaces"] as const) {
      if (source[field] === undefined) continue;
      error([...path, field], "is set together with serviceAccounts", "only one of the two");
    }
  }
  if (action !== "CUSTOM") return;
  for (const field of NOT_FOR_CUSTOM) {
    if ((source[field] ?? []).length > 0)
      error([...path, field], "is not supported with action CUSTOM", "another attribute");
  }
}

function validateOperation(operation: AuthorizationOperation, path: Path, { error }: Reporter): void {
  for (const field of ["ports", "notPorts"] as const) {
    for (const [index, port] of (operation[field] ?? []).entries()) {
      if (!portKey.accepts(port)) error([...path, field, index], `is ${JSON.stringify(port)}`, portKey.expected);
    }
  }
  for (const field of ["paths", "notPaths"] as const) {
    for (const [index, pattern] of (operation[field] ?? []).entries()) {
      const reason = pathTemplateError(pattern);
      if (reason === undefined) continue;
      const message = `is ${JSON.stringify(pattern)} (${reason})`;
      error([...path, field, index], message, "a path, prefix*, *suffix, or a template of {*} and one {**} at its end");
    }
  }
}

/** Characters of a path that Envoy takes as they are; with any other its process ends. (`uri_template_internal.cc` IsValidLiteral) */
const LITERAL = /^[-\w.~!$&'()+,;:@=%]*$/;
const MAX_TEMPLATE = 256;

/** Why a path pattern with template operators is not valid; undefined if it is, or has none. */
function pathTemplateError(pattern: string): string | undefined {
  if (!/[{}]/.test(pattern)) return undefined;
  if (!pattern.includes("{*}") && !pattern.includes("{**}")) return "braces that are no {*} or {**}";
  if (!pattern.startsWith("/")) return "it does not begin with /";
  // A slash at the end is no empty segment.
  const segments = pattern.slice(1).replace(/\/$/, "").split("/");
  let closed = false;
  for (const segment of segments) {
    if (segment === "{*}" || segment === "{**}") {
      if (closed) return "an operator after {**}";
      closed = segment === "{**}";
    } else if (segment.includes("{*}") || segment.includes("{**}")) {
      return "an operator that is not a whole segment";
    } else if (/[{}]/.test(segment)) {
      return "braces that are no {*} or {**}";
    } else if (segment.includes("*")) {
      return "* beside template operators";
    } else if (segment === "") {
      return "an empty segment beside template operators";
    } else if (!LITERAL.test(segment)) {
      return "characters that have to be percent-encoded beside template operators";
    }
  }
  const length = pattern.replaceAll("{*}", "*").replaceAll("{**}", "**").length;
  return length > MAX_TEMPLATE ? `longer than ${MAX_TEMPLATE} characters` : undefined;
}

const KEYS: readonly string[] = [
  "source.ip",
  "remote.ip",
  "source.namespace",
  "source.serviceAccount",
  "source.trustDomain",
  "source.principal",
  "request.auth.principal",
  "request.auth.audiences",
  "request.auth.presenter",
  "destination.ip",
  "destination.port",
  "connection.sni",
];
const MAP_KEYS = /^(?:request\.headers|request\.auth\.claims|experimental\.envoy\.filters\.[^[\]]+)((?:\[[^[\]]+\])+)$/;

function validateCondition(condition: AuthorizationCondition, action: string, path: Path, { error }: Reporter): void {
  const { key, values = [], notValues = [] } = condition;
  if (values.length === 0 && notValues.length === 0) error(path, "tests nothing", "values or notValues");
  if (!KEYS.includes(key) && !MAP_KEYS.test(key)) {
    const expected = `one of ${KEYS.join(", ")}, request.headers[name], request.auth.claims[name]`;
    error([...path, "key"], `is ${JSON.stringify(key)}`, expected);
    return;
  }
  const header = /^request\.headers\[:?(.*)\]$/s.exec(key)?.[1];
  if (header !== undefined && !headerName.accepts(header)) {
    error([...path, "key"], `is ${JSON.stringify(key)}`, `request.headers[name] with ${headerName.expected}`);
  }
  if (action === "CUSTOM" && (/^source\.(?:namespace|principal)$/.test(key) || key.startsWith("request.auth."))) {
    error([...path, "key"], `${key} is not supported with action CUSTOM`, "another attribute");
  }
  const format = key.endsWith(".ip") ? ipOrCidr : key === "destination.port" ? portKey : undefined;
  if (format === undefined) return;
  for (const [field, list] of [["values", values] as const, ["notValues", notValues] as const]) {
    for (const [index, value] of list.entries()) {
      if (!format.accepts(value)) error([...path, field, index], `is ${JSON.stringify(value)}`, format.expected);
    }
  }
}
