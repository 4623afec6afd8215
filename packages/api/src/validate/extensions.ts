/** Rules for WasmPlugin, TrafficExtension, EnvoyFilter and ProxyConfig. */
import type { Path } from "../diagnostic.ts";
import type { EnvoyConfigObjectPatch } from "../kinds/istio/envoy-filter.ts";
import type { WasmPluginSpec } from "../kinds/istio/extensions.ts";
import type { ResourceObject } from "../kinds/registry.ts";
import { eachRepeated } from "./reporter.ts";
import type { Reporter } from "./reporter.ts";
import { validateLabelsSelector, validateTargets, validateWorkloadSelector } from "./scope.ts";

type WasmPlugin = ResourceObject<"extensions.istio.io", "WasmPlugin">;
type TrafficExtension = ResourceObject<"extensions.istio.io", "TrafficExtension">;
type EnvoyFilter = ResourceObject<"networking.istio.io", "EnvoyFilter">;
type ProxyConfig = ResourceObject<"networking.istio.io", "ProxyConfig">;

export function validateWasmPlugin({ spec }: WasmPlugin, reporter: Reporter): void {
  validateTargets(spec, reporter);
  validateModule(spec, ["spec"], reporter);
}

export function validateTrafficExtension({ spec }: TrafficExtension, reporter: Reporter): void {
  validateTargets(spec, reporter);
  if (spec.wasm !== undefined) validateModule(spec.wasm, ["spec", "wasm"], reporter);
}

type Module = Pick<WasmPluginSpec, "url" | "sha256" | "vmConfig">;

function validateModule({ url, sha256 = "", vmConfig }: Module, path: Path, { error }: Reporter): void {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(url)?.[1]?.toLowerCase();
  if (scheme !== undefined && !["oci", "file", "http", "https"].includes(scheme)) {
    error([...path, "url"], `has the scheme ${scheme}`, "oci, file, http or https (none means oci)");
  } else if (/[\s#]/.test(url)) {
    error([...path, "url"], `is ${JSON.stringify(url)}`, "a URL or the name of an image");
  }
  const digest = /@sha256:([0-9a-f]{64})$/.exec(url)?.[1];
  if (digest !== undefined && sha256 !== "" && digest !== sha256) {
    error([...path, "sha256"], "differs from the digest in url", digest);
  }
  const variables = vmConfig?.env ?? [];
  const at = [...path, "vmConfig", "env"];
  for (const [index, { valueFrom = "INLINE", value = "" }] of variables.entries()) {
    if (valueFrom === "HOST" && value !== "") error([...at, index, "value"], "is set with valueFrom HOST", "no value");
  }
  eachRepeated(
    variables,
    ({ name }) => name,
    (index, name) => error([...at, index, "name"], `${name} is listed twice`, "each name once"),
  );
}

export function validateProxyConfig({ spec }: ProxyConfig, reporter: Reporter): void {
  validateWorkloadSelector(spec.selector, reporter);
}

export function validateEnvoyFilter({ spec }: EnvoyFilter, reporter: Reporter): void {
  validateLabelsSelector(spec.workloadSelector, reporter);
  for (const [index, patch] of (spec.configPatches ?? []).entries()) {
    validatePatch(patch, ["spec", "configPatches", index], spec.priority !== undefined, reporter);
  }
}

/** Object kinds whose `match` describes them; the wrong description would never match. */
const MATCHED_BY: Readonly<Record<string, readonly string[]>> = {
  LISTENER: ["listener"],
  FILTER_CHAIN: ["listener"],
  NETWORK_FILTER: ["listener"],
  HTTP_FILTER: ["listener", "waypoint"],
  LISTENER_FILTER: ["listener"],
  ROUTE_CONFIGURATION: ["routeConfiguration"],
  VIRTUAL_HOST: ["routeConfiguration"],
  HTTP_ROUTE: ["routeConfiguration", "waypoint"],
  CLUSTER: ["cluster", "waypoint"],
};
const RELATIVE = ["INSERT_BEFORE", "INSERT_AFTER", "REPLACE", "MERGE", "REMOVE"];

function validatePatch(
  { applyTo, match, patch }: EnvoyConfigObjectPatch,
  path: Path,
  ordered: boolean,
  reporter: Reporter,
): void {
  const { error, warning } = reporter;
  if (applyTo === undefined)
    error([...path, "applyTo"], "is missing", "the kind of object to patch, such as HTTP_FILTER");
  const operation = patch?.operation;
  if (patch === undefined || operation === undefined) {
    error([...path, "patch"], "has no operation", "an operation such as MERGE");
    return;
  }
  if (operation !== "REMOVE" && patch.value === undefined) {
    error([...path, "patch", "value"], "is missing", `a value, as operation is ${operation}`);
  }
  const allowed = MATCHED_BY[applyTo ?? ""];
  for (const kind of ["listener", "routeConfiguration", "cluster", "waypoint"] as const) {
    if (match?.[kind] === undefined || allowed === undefined || allowed.includes(kind)) continue;
    error([...path, "match", kind], `never matches applyTo ${applyTo!}`, allowed.join(" or "));
  }
  const forWaypoint = match?.context === "WAYPOINT";
  if (match !== undefined && forWaypoint !== (match.waypoint !== undefined)) {
    const expected = forWaypoint ? "a waypoint match" : "context WAYPOINT";
    error([...path, "match", forWaypoint ? "context" : "waypoint"], "stands without the other of the two", expected);
  }
  const at = [...path, "patch", "operation"];
  if (operation === "REPLACE" && applyTo !== "HTTP_FILTER" && applyTo !== "NETWORK_FILTER") {
    error(at, `is REPLACE for ${applyTo ?? "nothing"}`, "applyTo HTTP_FILTER or NETWORK_FILTER");
  }
  if ((operation === "ADD" || operation === "REMOVE") && applyTo === "ROUTE_CONFIGURATION") {
    error(at, `is ${operation}, which has no effect on ${applyTo}`, "MERGE");
  }
  if (!ordered && RELATIVE.includes(operation) && operation !== "MERGE") {
    warning(at, `is ${operation}, relative to what others insert; set priority to fix the order`);
  }
}
