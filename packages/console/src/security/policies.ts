/** Istio's security rules in a sentence each. Pure. */
import type { MeshObject } from "../api/types.ts";
import { fieldsOf, listOf, textOf } from "../traffic/rules.ts";
import type { Fields } from "../traffic/rules.ts";

export function describePolicy(object: MeshObject): readonly string[] {
  const spec = fieldsOf(object.spec);
  const target = describeTarget(object, spec);
  switch (object.kind) {
    case "PeerAuthentication": {
      const mode = textOf(fieldsOf(spec["mtls"])["mode"], "UNSET");
      const ports = Object.entries(fieldsOf(spec["portLevelMtls"])).map(
        ([port, settings]) => `port ${port} of ${target}: ${describeMode(textOf(fieldsOf(settings)["mode"], "UNSET"))}`,
      );
      return [`${target}: ${describeMode(mode)}`, ...ports];
    }
    case "AuthorizationPolicy": {
      const action = textOf(spec["action"], "ALLOW");
      const rules = listOf(spec["rules"]);
      if (rules.length === 0)
        return [action === "ALLOW" ? `${target}: nobody may` : `${target}: ${action.toLowerCase()} for nobody`];
      return rules.map((rule) => `${target}: ${action.toLowerCase()} ${describeRule(fieldsOf(rule))}`);
    }
    default:
      return listOf(spec["jwtRules"]).map(
        (rule) => `${target}: tokens of ${textOf(fieldsOf(rule)["issuer"], "?")} are checked`,
      );
  }
}

function describeMode(mode: string): string {
  switch (mode) {
    case "STRICT":
      return "mutual TLS only";
    case "PERMISSIVE":
      return "mutual TLS and plaintext";
    case "DISABLE":
      return "plaintext";
    default:
      return "as above it";
  }
}

function describeTarget({ metadata }: MeshObject, spec: Fields): string {
  const labels = Object.entries(fieldsOf(fieldsOf(spec["selector"])["matchLabels"]));
  if (labels.length > 0) return labels.map(([name, value]) => `${name}=${textOf(value)}`).join(", ");
  const reference = fieldsOf(spec["targetRef"] ?? listOf(spec["targetRefs"])[0]);
  if (reference["name"] !== undefined) return `${textOf(reference["kind"])} ${textOf(reference["name"])}`;
  return `everything in ${metadata.namespace}`;
}

function describeRule({ from, to, when }: Fields): string {
  const sources = listOf(from).map((one) => describeFields(fieldsOf(fieldsOf(one)["source"])));
  const operations = listOf(to).map((one) => describeFields(fieldsOf(fieldsOf(one)["operation"])));
  const conditions = listOf(when).map((one) => {
    const { key, values, notValues } = fieldsOf(one);
    return values === undefined
      ? `${textOf(key)} not ${listOf(notValues).join(" or ")}`
      : `${textOf(key)} ${listOf(values).join(" or ")}`;
  });
  const parts = [
    sources.length === 0 ? "everybody" : `whoever has ${sources.join(" or ")}`,
    operations.length === 0 ? "" : `for ${operations.join(" or ")}`,
    conditions.length === 0 ? "" : `when ${conditions.join(" and ")}`,
  ];
  return parts.filter((part) => part !== "").join(" ");
}

function describeFields(fields: Fields): string {
  return Object.entries(fields)
    .map(
      ([name, values]) =>
        `${name} ${listOf(values)
          .map((one) => textOf(one))
          .join(" or ")}`,
    )
    .join(" and ");
}
