/** What the rules that are in force change about traffic. Pure. */
import type { MeshObject, ObjectItem } from "../api/types.ts";
import { referenceOf } from "../config/objects.ts";
import type { ObjectReference } from "../url/address.ts";
import { fieldsOf, listOf, routesOf, textOf } from "./rules.ts";
import type { Fields, HttpRoute } from "./rules.ts";

export type ChangeKind =
  | "shift"
  | "fault"
  | "mirror"
  | "timeout"
  | "retries"
  | "breaker"
  | "fallback"
  | "rate-limit"
  | "match";

export interface TrafficChange {
  readonly kind: ChangeKind;
  readonly host: string;
  readonly namespace: string;
  /** Which requests; "" is all. */
  readonly scope: string;
  readonly text: string;
  readonly object: ObjectReference;
  readonly field: string;
  readonly source: { readonly file: string; readonly line: number };
  /** ms; undefined: until somebody takes it away. */
  readonly until: number | undefined;
  /** Of a mirror: namespace and name of the service that gets the copies. */
  readonly copiesTo?: string;
}

export const CHANGE_NAMES: Readonly<Record<ChangeKind, string>> = {
  shift: "Shift",
  fault: "Fault",
  mirror: "Mirror",
  timeout: "Timeout",
  retries: "Retries",
  breaker: "Breaker",
  fallback: "Fallback",
  "rate-limit": "Rate limit",
  match: "Route by condition",
};

export function changesOf(items: readonly ObjectItem[]): readonly TrafficChange[] {
  return items.flatMap((item) => {
    const { object } = item;
    switch (object.kind) {
      case "VirtualService":
        return virtualServiceChanges(item);
      case "DestinationRule":
        return destinationRuleChanges(item);
      case "Fallback":
      case "RateLimit": {
        const spec = fieldsOf(object.spec);
        const hosts = [spec["host"], ...listOf(spec["hosts"])]
          .filter((host) => host !== undefined)
          .map((one) => textOf(one));
        const isFallback = object.kind === "Fallback";
        const rules = listOf(spec["rules"]).length;
        return [
          change(
            item,
            isFallback ? "fallback" : "rate-limit",
            hosts.join(", ") || "the whole namespace",
            "",
            `${rules} ${rules === 1 ? "rule" : "rules"}`,
            "spec",
          ),
        ];
      }
      default:
        return [];
    }
  });
}

function change(
  item: ObjectItem,
  kind: ChangeKind,
  host: string,
  scope: string,
  text: string,
  field: string,
): TrafficChange {
  const { object, source } = item;
  const until = temporaryUntil(object);
  return {
    kind,
    host,
    namespace: object.metadata.namespace,
    scope,
    text,
    object: referenceOf(item),
    field,
    source,
    until,
  };
}

function virtualServiceChanges(item: ObjectItem): readonly TrafficChange[] {
  const host = listOf(fieldsOf(item.object.spec)["hosts"])
    .map((one) => textOf(one))
    .join(", ");
  return routesOf(item.object).flatMap((route, index) => {
    const field = `spec.http[${index}]`;
    const scope = describeMatches(route);
    const found: TrafficChange[] = [];
    const add = (kind: ChangeKind, text: string, part: string): void =>
      void found.push(change(item, kind, host, scope, text, `${field}.${part}`));
    const addMirror = (percentage: unknown, destination: Fields, part: string): void => {
      const text = `${percentText(percentage)} to ${describeDestination(destination)}`;
      const copiesTo = serviceOf(textOf(destination["host"]), item.object.metadata.namespace);
      found.push({ ...change(item, "mirror", host, scope, text, `${field}.${part}`), copiesTo });
    };
    const destinations = route.route ?? [];
    if (destinations.length > 1) add("shift", describeWeights(route), "route");
    else if (scope !== "" && destinations.length === 1)
      add("match", `to ${describeDestination(fieldsOf(destinations[0]!.destination))}`, "match");
    if (route.fault !== undefined) add("fault", describeFault(route.fault), "fault");
    if (route.mirror !== undefined) addMirror(route.mirrorPercentage, route.mirror, "mirror");
    for (const [at, one] of (route.mirrors ?? []).entries())
      addMirror(one["percentage"], fieldsOf(one["destination"]), `mirrors[${at}]`);
    if (route.timeout !== undefined) add("timeout", route.timeout, "timeout");
    if (route.retries !== undefined) add("retries", describeRetries(route.retries), "retries");
    return found;
  });
}

/** `default/reviews` of what a rule in that namespace calls `reviews` or `reviews.default.svc.cluster.local`. */
function serviceOf(host: string, namespace: string): string {
  const [name, other = namespace] = host.split(".");
  return `${other}/${name}`;
}

function destinationRuleChanges(item: ObjectItem): readonly TrafficChange[] {
  const spec = fieldsOf(item.object.spec);
  const host = textOf(spec["host"], "");
  const found: TrafficChange[] = [];
  const look = (policy: Fields, scope: string, field: string): void => {
    const outlier = fieldsOf(policy["outlierDetection"]);
    const http = fieldsOf(fieldsOf(policy["connectionPool"])["http"]);
    const tcp = fieldsOf(fieldsOf(policy["connectionPool"])["tcp"]);
    const parts = [
      outlier["consecutive5xxErrors"] === undefined
        ? ""
        : `out after ${textOf(outlier["consecutive5xxErrors"])} errors for ${textOf(outlier["baseEjectionTime"], "30s")}`,
      http["http1MaxPendingRequests"] === undefined ? "" : `${textOf(http["http1MaxPendingRequests"])} waiting at most`,
      http["http2MaxRequests"] === undefined ? "" : `${textOf(http["http2MaxRequests"])} requests at most`,
      tcp["maxConnections"] === undefined ? "" : `${textOf(tcp["maxConnections"])} connections at most`,
    ].filter((part) => part !== "");
    if (parts.length > 0) found.push(change(item, "breaker", host, scope, parts.join(", "), field));
  };
  look(fieldsOf(spec["trafficPolicy"]), "", "spec.trafficPolicy");
  for (const [index, subset] of listOf(spec["subsets"]).entries()) {
    const { name, trafficPolicy } = fieldsOf(subset);
    look(fieldsOf(trafficPolicy), `subset ${textOf(name)}`, `spec.subsets[${index}].trafficPolicy`);
  }
  return found;
}

function describeMatches({ match }: HttpRoute): string {
  return (match ?? [])
    .map((one) => describeMatch(fieldsOf(one)))
    .filter((text) => text !== "")
    .join(" or ");
}

function describeMatch(match: Fields): string {
  const parts: string[] = [];
  for (const name of ["uri", "method", "scheme", "authority"]) {
    if (match[name] !== undefined) parts.push(`${name} ${describeString(fieldsOf(match[name]))}`);
  }
  for (const [name, condition] of Object.entries(fieldsOf(match["headers"])))
    parts.push(`${name} ${describeString(fieldsOf(condition))}`);
  for (const [name, value] of Object.entries(fieldsOf(match["sourceLabels"])))
    parts.push(`from ${name}=${textOf(value)}`);
  if (match["port"] !== undefined) parts.push(`port ${textOf(match["port"])}`);
  return parts.join(" and ");
}

function describeString(condition: Fields): string {
  if (condition["exact"] !== undefined) return `= ${textOf(condition["exact"])}`;
  if (condition["prefix"] !== undefined) return `begins with ${textOf(condition["prefix"])}`;
  if (condition["regex"] !== undefined) return `matches ${textOf(condition["regex"])}`;
  return "is there";
}

function describeWeights({ route }: HttpRoute): string {
  return (route ?? [])
    .map(({ destination, weight }) => `${weight ?? 0} % ${describeDestination(destination as unknown as Fields)}`)
    .join(", ");
}

function describeDestination(destination: Fields): string {
  const { host, subset } = destination;
  return subset === undefined ? textOf(host) : `${textOf(host)} ${textOf(subset)}`;
}

function describeFault({ delay, abort }: Fields): string {
  const parts: string[] = [];
  if (delay !== undefined) {
    const { fixedDelay, percentage } = fieldsOf(delay);
    parts.push(`delay ${textOf(fixedDelay)} for ${percentText(percentage)}`);
  }
  if (abort !== undefined) {
    const { httpStatus, grpcStatus, percentage } = fieldsOf(abort);
    parts.push(`answer ${textOf(httpStatus ?? grpcStatus)} for ${percentText(percentage)}`);
  }
  return parts.join(", ");
}

function describeRetries({ attempts, perTryTimeout, retryOn }: Fields): string {
  if (attempts === 0) return "none";
  return [
    `${textOf(attempts ?? 2)} attempts`,
    perTryTimeout === undefined ? "" : `${textOf(perTryTimeout)} each`,
    retryOn === undefined ? "" : `on ${textOf(retryOn)}`,
  ]
    .filter((part) => part !== "")
    .join(", ");
}

function percentText(percentage: unknown): string {
  const { value } = fieldsOf(percentage);
  return value === undefined ? "100 %" : `${textOf(value)} %`;
}

const UNTIL = "tulle.dev/temporary-until";

/** As the control plane writes it: `20261129T151500Z`. */
export function temporaryUntil({ metadata }: MeshObject): number | undefined {
  const text = metadata.labels?.[UNTIL];
  const match = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(text ?? "");
  if (match === null) return undefined;
  const [year, month, day, hours, minutes, seconds] = match.slice(1).map(Number);
  return Date.UTC(year!, month! - 1, day!, hours, minutes, seconds);
}
