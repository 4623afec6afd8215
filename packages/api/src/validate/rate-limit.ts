/** Rules for RateLimit that its schema cannot say. */
import { formatProblem } from "../format-commands.ts";
import type { ResourceObject } from "../kinds/registry.ts";
import type { Reporter } from "./reporter.ts";

type RateLimit = ResourceObject<"tulle.dev", "RateLimit">;

export function validateRateLimit({ spec }: RateLimit, { error, warning }: Reporter): void {
  if (spec.selector !== undefined && Object.keys(spec.selector.matchLabels ?? {}).length === 0) {
    warning(["spec", "selector"], "selects by no labels, so it applies to the whole namespace");
  }
  for (const [index, { tokens, burst, per }] of spec.rules.entries()) {
    const path = ["spec", "rules", index];
    if (burst !== undefined && burst < tokens) {
      error([...path, "burst"], `is less than the ${tokens} tokens of one interval`, "at least as many");
    }
    if (per !== undefined && per.header === undefined && per.clientAddress !== true) {
      warning([...path, "per"], "names nothing, so all requests share one bucket");
    }
  }
  for (const [name, value] of Object.entries(spec.respond?.headers ?? {})) {
    const problem = formatProblem(value);
    if (problem !== undefined) error(["spec", "respond", "headers", name], problem.message, problem.expected);
  }
}
