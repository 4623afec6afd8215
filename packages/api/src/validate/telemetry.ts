/** Rules for Telemetry (istio/istio `pkg/config/validation`, ValidateTelemetry). */
import type { ResourceObject } from "../kinds/registry.ts";
import type { Reporter } from "./reporter.ts";
import { validateTargets } from "./scope.ts";

type Telemetry = ResourceObject<"telemetry.istio.io", "Telemetry">;

export function validateTelemetry({ spec }: Telemetry, reporter: Reporter): void {
  const { error, noEffect } = reporter;
  validateTargets(spec, reporter);
  const tracing = spec.tracing ?? [];
  if (tracing.length > 1) noEffect(["spec", "tracing", 1], "is ignored: only the first item of tracing counts");
  for (const [index, { providers = [] }] of tracing.entries()) {
    if (providers.length < 2) continue;
    noEffect(["spec", "tracing", index, "providers", 1], "is ignored: only the first provider counts");
  }
  for (const [index, { overrides = [] }] of (spec.metrics ?? []).entries()) {
    for (const [position, { tagOverrides = {} }] of overrides.entries()) {
      for (const [tag, { operation = "UPSERT", value = "" }] of Object.entries(tagOverrides)) {
        const path = ["spec", "metrics", index, "overrides", position, "tagOverrides", tag, "value"];
        if (operation === "UPSERT" && value === "")
          error(path, "is missing", "a CEL expression, as operation is UPSERT");
        if (operation === "REMOVE" && value !== "") error(path, "is set with operation REMOVE", "no value");
      }
    }
  }
}
