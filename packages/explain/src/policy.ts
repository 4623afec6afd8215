/** Why a rule of an AuthorizationPolicy is not about a request: the first of its terms that does not hold, by the data plane's own matchers. */
import type { Path } from "@tulle/api";
import { Place, compilePermissions, compilePrincipals, result, walk } from "@tulle/proxy/matchers";
import type { Condition, RbacSubject } from "@tulle/proxy/matchers";
import type { Permission, Policy, Principal } from "@tulle/xds/gen/envoy/config/rbac/v3/rbac_pb.js";
import type { OriginLink } from "./answer.ts";
import { describeFound, quoted } from "./conditions.ts";
import { listAt, valueAt } from "./origins.ts";
import type { Question } from "./question.ts";

/** Undefined: every term holds. */
export function ruleFailure(
  question: Question,
  { permissions, principals }: Policy,
  subject: RbacSubject,
  path: string,
  name: string,
): { readonly text: string; readonly origin?: OriginLink } | undefined {
  const holds = (condition: Condition): boolean => walk(condition(result(1), result(0)), subject, path) === 1;
  const place = new Place("", []);
  const failed =
    failedPermission(permissions, (each) => holds(compilePermissions([each], place))) ??
    failedPrincipal(principals, (each) => holds(compilePrincipals([each], place)));
  if (failed === undefined) return undefined;
  const link = fieldLink(question, name, failed.fields);
  return { text: `${failed.text}; ${foundFor(failed.found, subject)}`, ...(link && { origin: link }) };
}

/** What of a rule that is about the request makes it so: each value that holds, with its line. */
export function ruleTerms(
  question: Pick<Question, "origins">,
  { permissions }: Policy,
  subject: RbacSubject,
  path: string,
  name: string,
): readonly { readonly text: string; readonly origin: OriginLink }[] {
  const place = new Place("", []);
  const holds = (one: Permission): boolean =>
    walk(compilePermissions([one], place)(result(1), result(0)), subject, path) === 1;
  const index = permissions.findIndex(holds);
  const { rule } = permissions[index] ?? {};
  const parts = rule?.case === "andRules" ? rule.value.rules : [];
  return parts.flatMap((part) => {
    const values = part.rule.case === "orRules" ? part.rule.value.rules : [part];
    const value = values.findIndex(holds);
    const shown = values[value];
    if (shown === undefined || shown.rule.case === "any") return [];
    const negated = shown.rule.case === "notRule";
    const { found, fields } = describePermission(innermost(shown));
    const named = negated ? notFields(fields) : fields;
    const origin = termLink(question, name, index, named, value);
    return origin === undefined
      ? []
      : [{ text: `${foundFor(found, subject)}, which it ${negated ? "does not exclude" : "is about"}`, origin }];
  });
}

function notFields(fields: readonly Path[]): readonly Path[] {
  return fields.map(([field = "", ...rest]) => {
    const text = String(field);
    return [`not${text[0]!.toUpperCase()}${text.slice(1)}`, ...rest];
  });
}

/** Undefined: it is not written there. */
function termLink(
  { origins }: Pick<Question, "origins">,
  name: string,
  to: number,
  fields: readonly Path[],
  value: number,
): OriginLink | undefined {
  const match = /ns\[([^\]]*)\]-policy\[([^\]]*)\]-rule\[(\d+)\]/.exec(name);
  if (match === null) return undefined;
  const origin = { kind: "AuthorizationPolicy", namespace: match[1]!, name: match[2]! };
  const object = origins.find(origin)?.loaded.object;
  for (const field of fields) {
    const path: Path = ["spec", "rules", Number(match[3]), "to", to, "operation", ...field];
    const values = listAt(object, path);
    if (values.length > 0) return origins.link(origin, [...path, Math.min(value, values.length - 1)]);
  }
  return undefined;
}

interface Failed {
  readonly text: string;
  /** What to tell of the request. */
  readonly found: string;
  readonly fields: readonly Path[];
}

/** Alternatives are whole rules; of each the first part that does not hold, and of several that of the first. */
function failedPermission(all: readonly Permission[], holds: (one: Permission) => boolean): Failed | undefined {
  if (all.some(holds)) return undefined;
  const [first] = all;
  if (first === undefined) return { text: "it never holds", found: "", fields: [] };
  const { rule } = first;
  if (rule.case === "andRules") {
    const part = rule.value.rules.find((each) => !holds(each));
    return part && failedPermission([part], holds);
  }
  if (rule.case === "orRules") {
    const [one] = rule.value.rules;
    const found = one && failedPermission([one], holds);
    return found && { ...found, text: rule.value.rules.length > 1 ? `${found.text}, or others` : found.text };
  }
  if (rule.case === "notRule") {
    const named = describePermission(innermost(rule.value));
    const [field = "paths"] = named.fields.map((each) => String(each[0]));
    return {
      ...named,
      text: `it excludes ${named.text}`,
      fields: [[`not${field[0]!.toUpperCase()}${field.slice(1)}`]],
    };
  }
  return describePermission(first);
}

function innermost(permission: Permission): Permission {
  const { rule } = permission;
  if (rule.case === "notRule") return innermost(rule.value);
  if (rule.case === "andRules" || rule.case === "orRules") {
    const [first] = rule.value.rules;
    return first === undefined ? permission : innermost(first);
  }
  return permission;
}

function describePermission({ rule }: Permission): Failed {
  switch (rule.case) {
    case "header": {
      const field = rule.value.name === ":method" ? "methods" : rule.value.name === ":authority" ? "hosts" : "when";
      return {
        text: `it is about other ${field === "when" ? `values of header ${rule.value.name}` : field}`,
        found: rule.value.name,
        fields: [[field]],
      };
    }
    case "urlPath":
    case "uriTemplate":
      return { text: "it is about other paths", found: ":path", fields: [["paths"]] };
    case "destinationPort":
      return { text: `it is about port ${rule.value}`, found: "port", fields: [["ports"]] };
    case "any":
      return { text: "it never holds", found: "", fields: [] };
    default:
      return { text: "one of its conditions does not hold", found: "", fields: [["when"]] };
  }
}

function failedPrincipal(all: readonly Principal[], holds: (one: Principal) => boolean): Failed | undefined {
  if (all.some(holds)) return undefined;
  const [first] = all;
  if (first === undefined) return { text: "it never holds", found: "", fields: [] };
  const { identifier } = first;
  if (identifier.case === "andIds") {
    const part = identifier.value.ids.find((each) => !holds(each));
    return part && failedPrincipal([part], holds);
  }
  if (identifier.case === "orIds") {
    const [one] = identifier.value.ids;
    return one && failedPrincipal([one], holds);
  }
  if (identifier.case === "notId")
    return {
      text: "it excludes this client",
      found: "principal",
      fields: [["notPrincipals"], ["notNamespaces"], ["notIpBlocks"], ["notServiceAccounts"]],
    };
  switch (identifier.case) {
    case "authenticated":
      return {
        text: "it is about other clients",
        found: "principal",
        fields: [["principals"], ["namespaces"], ["serviceAccounts"]],
      };
    case "directRemoteIp":
    case "sourceIp":
      return { text: "it is about other addresses", found: "address", fields: [["ipBlocks"]] };
    case "remoteIp":
      return { text: "it is about other addresses of clients", found: "address", fields: [["remoteIpBlocks"]] };
    case "metadata":
      return { text: "it is about other claims of tokens", found: "claims", fields: [["requestPrincipals"], ["when"]] };
    case "header":
      return {
        text: `it is about other values of header ${identifier.value.name}`,
        found: identifier.value.name,
        fields: [["when"]],
      };
    default:
      return { text: "one of its conditions does not hold", found: "", fields: [["when"]] };
  }
}

function foundFor(found: string, { request, connection }: RbacSubject): string {
  switch (found) {
    case "":
      return "nothing meets it";
    case "port":
      return `the request came to port ${connection?.localPort ?? 0}`;
    case "principal": {
      const tls = connection?.tls ?? null;
      if (tls === null) return "the client has shown no certificate: the connection is plaintext";
      return `the client is ${quoted(tls.peer?.names[0]?.value ?? "without certificate")}`;
    }
    case "address":
      return `the client's address is ${connection?.remoteAddress ?? "unknown"}`;
    case "claims":
      return "the request has no such token";
    default:
      return describeFound(found, request);
  }
}

/** `ns[default]-policy[p]-rule[0]`: the field in that rule that is written. */
function fieldLink({ origins }: Question, name: string, fields: readonly Path[]): OriginLink | undefined {
  const match = /ns\[([^\]]*)\]-policy\[([^\]]*)\]-rule\[(\d+)\]/.exec(name);
  if (match === null) return undefined;
  const origin = { kind: "AuthorizationPolicy", namespace: match[1]!, name: match[2]! };
  const rule: Path = ["spec", "rules", Number(match[3])];
  const object = origins.find(origin)?.loaded.object;
  const places: Path[] = [
    ...listAt(object, [...rule, "to"]).map((_, index): Path => [...rule, "to", index, "operation"]),
    ...listAt(object, [...rule, "from"]).map((_, index): Path => [...rule, "from", index, "source"]),
    rule,
  ];
  for (const place of places) {
    for (const field of fields) {
      const path = [...place, ...field];
      const value = valueAt(object, path);
      if (value === undefined) continue;
      return origins.link(origin, Array.isArray(value) && typeof value[0] === "string" ? [...path, 0] : path);
    }
  }
  return origins.link(origin, valueAt(object, rule) === undefined ? ["spec"] : rule);
}
