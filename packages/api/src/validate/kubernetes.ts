/** Rules for Kubernetes kinds, as far as a mesh depends on them (Kubernetes `pkg/apis/core/validation`). */
import { isIPv4, isIPv6 } from "../address.ts";
import type { ResourceObject } from "../kinds/registry.ts";
import { matchesSelector } from "../selector.ts";
import { isDnsLabel, isFqdn } from "../schema/formats.ts";
import { eachRepeated } from "./reporter.ts";
import type { Reporter } from "./reporter.ts";

type Service = ResourceObject<"", "Service">;
type EndpointSlice = ResourceObject<"discovery.k8s.io", "EndpointSlice">;
type Workload = ResourceObject<"apps", "Deployment" | "DaemonSet" | "StatefulSet">;
type Ingress = ResourceObject<"networking.k8s.io", "Ingress">;

export function validateService({ spec, metadata }: Service, { error }: Reporter): void {
  if (!isDnsLabel(metadata.name)) {
    error(["metadata", "name"], `is ${JSON.stringify(metadata.name)}`, "a DNS label (no dots) as a service's name");
  }
  const ports = spec.ports ?? [];
  const isExternal = spec.type === "ExternalName";
  if (isExternal && !isFqdn(spec.externalName ?? "")) {
    error(
      ["spec", "externalName"],
      `is ${JSON.stringify(spec.externalName ?? "")}`,
      "a DNS name, as type is ExternalName",
    );
  }
  if (!isExternal && ports.length === 0 && spec.clusterIP !== "None") {
    error(["spec", "ports"], "is missing", "at least one port (or clusterIP: None)");
  }
  for (const [index, port] of ports.entries()) {
    const path = ["spec", "ports", index];
    if (ports.length > 1 && (port.name ?? "") === "") {
      error([...path, "name"], "is missing", "a name, as there are several ports");
    }
    const { targetPort } = port;
    const inRange = typeof targetPort !== "number" || (targetPort >= 1 && targetPort <= 65535);
    if (!inRange) error([...path, "targetPort"], `is ${targetPort}`, "a port from 1 to 65535 or a port's name");
  }
  eachRepeated(
    ports,
    ({ name }) => name,
    (index, name) => error(["spec", "ports", index, "name"], `port "${name}" exists already`, "each name once"),
  );
  eachRepeated(
    ports,
    ({ port, protocol = "TCP" }) => `${protocol}/${port}`,
    (index, port) => error(["spec", "ports", index, "port"], `${port} exists already`, "each port once for a protocol"),
  );
}

export function validateEndpointSlice({ addressType, endpoints = [] }: EndpointSlice, { error }: Reporter): void {
  const accepts = { IPv4: isIPv4, IPv6: isIPv6, FQDN: isFqdn }[addressType];
  const expected = addressType === "FQDN" ? "a DNS name" : `an ${addressType} address`;
  for (const [index, { addresses }] of endpoints.entries()) {
    for (const [position, address] of addresses.entries()) {
      if (accepts(address)) continue;
      const path = ["endpoints", index, "addresses", position];
      error(path, `is ${JSON.stringify(address)}`, `${expected}, as addressType is ${addressType}`);
    }
  }
}

export function validateWorkload({ spec }: Workload, { error }: Reporter): void {
  const { selector, template } = spec;
  if (selector === undefined) {
    error(["spec", "selector"], "is missing", "a selector that matches the template's labels");
  } else if (!matchesSelector(selector, template.metadata?.labels ?? {})) {
    error(["spec", "template", "metadata", "labels"], "are not what spec.selector selects", "the selector's labels");
  }
}

export function validateIngress({ spec }: Ingress, { error }: Reporter): void {
  if (spec.defaultBackend === undefined && (spec.rules ?? []).length === 0) {
    error(["spec"], "routes nothing", "rules or a defaultBackend");
  }
  for (const [index, rule] of (spec.rules ?? []).entries()) {
    const { host = "" } = rule;
    const name = host.startsWith("*.") ? host.slice(2) : host;
    if (host !== "" && !isFqdn(name)) {
      error(
        ["spec", "rules", index, "host"],
        `is ${JSON.stringify(host)}`,
        "a DNS name, optionally with '*.' in front",
      );
    }
    for (const [position, { path, pathType }] of (rule.http?.paths ?? []).entries()) {
      if (pathType === "ImplementationSpecific" || path !== undefined) continue;
      error(
        ["spec", "rules", index, "http", "paths", position, "path"],
        "is missing",
        `a path, as pathType is ${pathType}`,
      );
    }
  }
}
