import type { Path } from "@tulle/api";
import { checkExpression } from "../model/access-log-filter.ts";
import type { Snapshot } from "../model/snapshot.ts";
import type { TelemetryRule } from "../model/telemetry.ts";
import { isPrometheus } from "../model/telemetry-metrics.ts";
import { findProvider, logsRequests, namespaceWide } from "../model/telemetry.ts";
import { findCollector } from "../model/tracing.ts";
import type { Finding } from "./object-status.ts";
import { finding } from "./object-status.ts";

export function telemetryFindings(snapshot: Snapshot, rule: TelemetryRule): readonly Finding[] {
  const { namespace } = rule.origin;
  if (rule.selector === undefined) {
    const winner = namespaceWide(snapshot.telemetries, namespace);
    if (winner !== undefined && winner !== rule) {
      const message = `an older Telemetry is for all of namespace ${namespace}; only one is used`;
      return [finding("Shadowed", [], message, winner.origin)];
    }
  }
  const { accessLogging = [], metrics = [], tracing = [] } = rule.spec;
  const parts = [
    ...(accessLogging.length > 0 ? ["access logs"] : []),
    ...(metrics.length > 0 ? ["metrics"] : []),
    ...(tracing.length > 0 ? ["traces"] : []),
  ];
  if (parts.length === 0) return [];
  const whole = namespace === snapshot.options.rootNamespace ? "the whole mesh" : `namespace ${namespace}`;
  const who =
    rule.selector === undefined
      ? whole
      : `workloads of namespace ${namespace} with ${Object.entries(rule.selector)
          .map(([key, value]) => `${key}=${value}`)
          .join(", ")}`;
  return [
    finding("InForce", [], `${parts.join(" and ")} of ${who}`),
    ...providerFindings(snapshot, rule),
    ...tracingFindings(snapshot, rule),
    ...filterFindings(rule),
    ...metricFindings(snapshot, rule),
  ];
}

/** Of each item the first provider counts. */
function tracingFindings({ mesh, serviceByHost }: Snapshot, { spec }: TelemetryRule): readonly Finding[] {
  return (spec.tracing ?? []).flatMap(({ providers = [] }, i): readonly Finding[] => {
    const [first] = providers;
    if (first === undefined) return [];
    const found = findCollector(mesh, first.name, serviceByHost);
    if (!("problem" in found)) return [];
    const path: Path = ["spec", "tracing", i, "providers", 0, "name"];
    return [finding(found.notYet ? "NotYetApplied" : "Invalid", path, `${found.problem}: there are no traces`)];
  });
}

/** Providers that are none of Prometheus', and labels that cannot be made. */
function metricFindings({ mesh }: Snapshot, { spec }: TelemetryRule): readonly Finding[] {
  return (spec.metrics ?? []).flatMap(({ providers = [], overrides = [] }, i): readonly Finding[] => [
    ...providers.flatMap(({ name }, j): readonly Finding[] => {
      const path: Path = ["spec", "metrics", i, "providers", j, "name"];
      if (findProvider(mesh, name) === undefined)
        return [finding("Invalid", path, `MeshConfig has no extension provider ${name}`)];
      return isPrometheus(mesh, name)
        ? []
        : [finding("NotYetApplied", path, `${name} is no prometheus; other metrics`)];
    }),
    ...overrides.flatMap(({ tagOverrides = {} }, j) =>
      Object.entries(tagOverrides).flatMap(([tag, { operation = "UPSERT", value = "" }]): readonly Finding[] => {
        if (operation === "REMOVE") return [];
        const path: Path = ["spec", "metrics", i, "overrides", j, "tagOverrides", tag, "value"];
        const { error, missing } = checkExpression(value, true);
        if (error !== null) return [finding("Invalid", path, `is no CEL expression: ${error}; the label is not there`)];
        return missing === null
          ? []
          : [finding("NotYetApplied", path, `${missing}, without which the label is not there`)];
      }),
    ),
  ]);
}

function filterFindings({ spec }: TelemetryRule): readonly Finding[] {
  return (spec.accessLogging ?? []).flatMap(({ filter }, i): readonly Finding[] => {
    const error = filter?.expression === undefined ? null : checkExpression(filter.expression).error;
    if (error === null) return [];
    const path: Path = ["spec", "accessLogging", i, "filter", "expression"];
    return [finding("Invalid", path, `is no CEL expression: ${error}; every request is logged`)];
  });
}

function providerFindings({ mesh }: Snapshot, { spec }: TelemetryRule): readonly Finding[] {
  return (spec.accessLogging ?? []).flatMap(({ providers = [] }, i) =>
    providers.flatMap(({ name }, j): readonly Finding[] => {
      const path: Path = ["spec", "accessLogging", i, "providers", j, "name"];
      const provider = findProvider(mesh, name);
      if (provider === undefined) return [finding("Invalid", path, `MeshConfig has no extension provider ${name}`)];
      return logsRequests(provider)
        ? []
        : [
            finding(
              "Ignored",
              path,
              `${name} collects no access logs; envoyFileAccessLog, envoyHttpAls, envoyTcpAls and envoyOtelAls do`,
            ),
          ];
    }),
  );
}
