/** Rules for Fallback that its schema cannot say. */
import type { Path } from "../diagnostic.ts";
import { parseDuration } from "../duration.ts";
import { FALLBACK_FAILURES, fallbackConditions, statusRange } from "../fallback-conditions.ts";
import { formatProblem } from "../format-commands.ts";
import type { ResourceObject } from "../kinds/registry.ts";
import type { FallbackResponse, FallbackRuleSpec } from "../kinds/tulle/fallback.ts";
import { closest } from "../schema/closest.ts";
import type { Reporter } from "./reporter.ts";
import { eachRepeated } from "./reporter.ts";
import { validateExportTo } from "./scope.ts";

type Fallback = ResourceObject<"tulle.dev", "Fallback">;

const CONDITIONS: readonly string[] = [...FALLBACK_FAILURES, "4xx", "5xx"];

export function validateFallback({ spec, metadata }: Fallback, reporter: Reporter): void {
  validateExportTo(spec.exportTo, metadata.namespace, reporter);
  for (const [index, rule] of spec.rules.entries()) validateRule(rule, ["spec", "rules", index], reporter);
  for (const [index, rule] of spec.rules.entries()) {
    const before = spec.rules.slice(0, index).findIndex((other) => other.respond !== undefined && covers(other, rule));
    if (before >= 0) {
      reporter.noEffect(["spec", "rules", index], `rule ${before} answers everything that this one is for`);
    }
  }
}

function validateRule({ on = [], respond, lastGood }: FallbackRuleSpec, path: Path, reporter: Reporter): void {
  const { error, warning } = reporter;
  for (const [index, item] of on.entries()) {
    if (CONDITIONS.includes(String(item)) || statusRange(item) !== undefined) continue;
    const near = closest(String(item), CONDITIONS);
    const message = `"${item}" is no failure${near === undefined ? "" : `; did you mean "${near}"?`}`;
    error([...path, "on", index], message, `${FALLBACK_FAILURES.join(", ")}, 4xx, 5xx or a status from 400 to 599`);
  }
  eachRepeated(
    on,
    (item) => String(item),
    (index, item) => warning([...path, "on", index], `"${item}" is there already`),
  );
  if (respond !== undefined) validateResponse(respond, [...path, "respond"], reporter);
  if (lastGood === undefined) return;
  const { maxAge, maxResponseBytes = 0, maxBytes } = lastGood;
  if (maxBytes !== undefined && maxResponseBytes > maxBytes) {
    error([...path, "lastGood", "maxResponseBytes"], "is more than all responses may have together (maxBytes)");
  }
  if ((parseDuration(maxAge) ?? 0) > DAY_MS) warning([...path, "lastGood", "maxAge"], "answers may be days old");
}

const DAY_MS = 24 * 60 * 60 * 1000;

function validateResponse({ headers = {}, body }: FallbackResponse, path: Path, reporter: Reporter): void {
  for (const [name, value] of Object.entries(headers)) {
    checkFormat(value, [...path, "headers", name], reporter);
    if (["content-length", "transfer-encoding", "connection", "host"].includes(name.toLowerCase())) {
      reporter.error([...path, "headers", name], "is the proxy's to set", "another header");
    }
  }
  if (body?.string !== undefined) checkFormat(body.string, [...path, "body", "string"], reporter);
  if (body?.bytes !== undefined && !/^[A-Za-z0-9+/]*={0,2}$/.test(body.bytes)) {
    reporter.error([...path, "body", "bytes"], "is not base64", "base64 without line ends");
  }
  if (body?.json === undefined) return;
  if (typeof body.json !== "object" || body.json === null || Array.isArray(body.json)) {
    reporter.error([...path, "body", "json"], "is no object", "an object; other JSON can be written as a string");
    return;
  }
  checkJson(body.json, [...path, "body", "json"], reporter);
}

function checkJson(value: unknown, path: Path, reporter: Reporter): void {
  if (typeof value === "string") checkFormat(value, path, reporter);
  else if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) checkJson(item, [...path, index], reporter);
  } else if (typeof value === "object" && value !== null) {
    for (const [key, item] of Object.entries(value)) checkJson(item, [...path, key], reporter);
  }
}

function checkFormat(text: string, path: Path, reporter: Reporter): void {
  const problem = formatProblem(text);
  if (problem !== undefined) reporter.error(path, problem.message, problem.expected);
}

function covers(before: FallbackRuleSpec, rule: FallbackRuleSpec): boolean {
  const [a, b] = [fallbackConditions(before.on), fallbackConditions(rule.on)];
  return (
    b.failures.every((failure) => a.failures.includes(failure)) &&
    b.statuses.every(([first, last]) => a.statuses.some(([from, to]) => from <= first && last <= to))
  );
}
