/** Rules for ServiceEntry, WorkloadEntry, WorkloadGroup (istio/istio `pkg/config/validation`). */
import { isIP } from "../address.ts";
import type { Path } from "../diagnostic.ts";
import type { ServiceEntrySpec } from "../kinds/istio/service-entry.ts";
import type { WorkloadEntrySpec } from "../kinds/istio/workload.ts";
import type { ResourceObject } from "../kinds/registry.ts";
import { isHttpProtocol, isTlsProtocol, parseProtocol } from "../protocol.ts";
import { isFqdn, isLabel } from "../schema/formats.ts";
import { isPartialWildcard, isUnixPath } from "./gateway.ts";
import { eachRepeated } from "./reporter.ts";
import type { Reporter } from "./reporter.ts";
import { validateExportTo, validateLabelsSelector } from "./scope.ts";

type ServiceEntry = ResourceObject<"networking.istio.io", "ServiceEntry">;
type WorkloadEntry = ResourceObject<"networking.istio.io", "WorkloadEntry">;
type WorkloadGroup = ResourceObject<"networking.istio.io", "WorkloadGroup">;

const PROTOCOLS = "HTTP, HTTPS, GRPC, HTTP2, MONGO, TCP, TLS";

export function validateServiceEntry({ spec, metadata }: ServiceEntry, reporter: Reporter): void {
  validateHosts(spec, reporter);
  validatePorts(spec, reporter);
  validateResolution(spec, reporter);
  for (const [index, endpoint] of (spec.endpoints ?? []).entries()) {
    const path = ["spec", "endpoints", index];
    validateWorkload(endpoint, path, spec.resolution !== "STATIC", reporter);
    const names = new Set((spec.ports ?? []).map((port) => port.name));
    for (const name of Object.keys(endpoint.ports ?? {})) {
      if (names.has(name)) continue;
      reporter.error([...path, "ports", name], "is no port of the entry", `one of ${[...names].join(", ")}`);
    }
    if (endpoint.address?.startsWith("unix://") === true && (spec.ports ?? []).length !== 1) {
      reporter.error(["spec", "ports"], `has ${spec.ports?.length ?? 0} ports`, "exactly 1 for a Unix socket endpoint");
    }
  }
  validateLabelsSelector(spec.workloadSelector, reporter);
  validateExportTo(spec.exportTo, metadata.namespace, reporter);
}

function validateHosts(spec: ServiceEntrySpec, { error, warning }: Reporter): void {
  for (const [index, host] of spec.hosts.entries()) {
    const path = ["spec", "hosts", index];
    if (host === "*") error(path, 'is "*"', "a host, or a wildcard for one domain such as *.example.com");
    else if (isPartialWildcard(host)) warning(path, `${JSON.stringify(host)} is a wildcard inside a label`);
  }
  eachRepeated(
    spec.hosts,
    (host) => host.toLowerCase(),
    (index, host) => error(["spec", "hosts", index], `"${host}" is listed twice`, "each host once"),
  );
}

function validatePorts(spec: ServiceEntrySpec, { error, warning }: Reporter): void {
  const ports = spec.ports ?? [];
  eachRepeated(
    ports,
    ({ name }) => name,
    (index, name) => error(["spec", "ports", index, "name"], `port "${name}" exists already`, "each name once"),
  );
  eachRepeated(
    ports,
    ({ number }) => number,
    (index, number) => error(["spec", "ports", index, "number"], `port ${number} exists already`, "each number once"),
  );
  const resolution = spec.resolution ?? "NONE";
  for (const [index, { name, protocol = "", targetPort }] of ports.entries()) {
    const path = ["spec", "ports", index];
    if (!isLabel(name)) error([...path, "name"], `is ${JSON.stringify(name)}`, "a DNS label");
    const parsed = protocol === "" ? "AUTO" : parseProtocol(protocol);
    if (parsed === undefined) {
      error([...path, "protocol"], `is ${JSON.stringify(protocol)}`, `one of ${PROTOCOLS}`);
      continue;
    }
    if (targetPort !== undefined && resolution === "NONE") {
      warning([...path, "targetPort"], "has no effect with resolution NONE");
    }
    // Plain TCP says nothing about the host it was meant for; by resolution NONE the address decides.
    if (spec.hosts.length > 1 && resolution !== "NONE" && !isHttpProtocol(parsed) && !isTlsProtocol(parsed)) {
      error(
        [...path, "protocol"],
        `is ${protocol === "" ? "not set" : protocol}`,
        "HTTP or TLS, as there are several hosts",
      );
    }
  }
}

function validateResolution(spec: ServiceEntrySpec, { error, warning }: Reporter): void {
  const { resolution = "NONE", endpoints = [], addresses = [], hosts } = spec;
  const isDns = resolution === "DNS" || resolution === "DNS_ROUND_ROBIN";
  if (resolution !== "NONE" && resolution !== "STATIC") {
    for (const [index, address] of addresses.entries()) {
      if (!address.includes("/")) continue;
      error(["spec", "addresses", index], `is the block ${address}`, `an address, as resolution is ${resolution}`);
    }
  }
  if (resolution === "NONE" && endpoints.length > 0) {
    error(["spec", "endpoints"], "is set with resolution NONE", "resolution STATIC or DNS");
  }
  if (resolution === "DYNAMIC_DNS" && endpoints.length > 0) {
    error(["spec", "endpoints"], "is set with resolution DYNAMIC_DNS", "no endpoints");
  }
  if (isDns && endpoints.length === 0) {
    for (const [index, host] of hosts.entries()) {
      if (isFqdn(host)) continue;
      const expected = `a name without wildcard, or endpoints, as resolution is ${resolution}`;
      error(["spec", "hosts", index], `is ${JSON.stringify(host)}`, expected);
    }
  }
  if (resolution === "DNS_ROUND_ROBIN" && endpoints.length > 1) {
    error(["spec", "endpoints"], `has ${endpoints.length} items`, "at most 1 with resolution DNS_ROUND_ROBIN");
  }
  if (spec.workloadSelector !== undefined && resolution !== "STATIC") {
    warning(["spec", "workloadSelector"], `has no effect with resolution ${resolution}`);
  }
}

export function validateWorkloadEntry({ spec }: WorkloadEntry, reporter: Reporter): void {
  validateWorkload(spec, ["spec"], true, reporter);
}

function validateWorkload(entry: WorkloadEntrySpec, path: Path, allowsNames: boolean, reporter: Reporter): void {
  const { error, warning } = reporter;
  const { address = "", network = "" } = entry;
  if (address === "") {
    if (network === "") error([...path, "address"], "is missing", "an address, or a network");
    else warning([...path, "address"], `is missing; only the gateway of network "${network}" leads there`);
  } else if (address.startsWith("unix://")) {
    if (!isUnixPath(address)) {
      error([...path, "address"], `is ${JSON.stringify(address)}`, "unix:///path or unix://@name");
    }
    if (Object.keys(entry.ports ?? {}).length > 0) error([...path, "ports"], "is set for a Unix socket", "no ports");
  } else if (!isIP(address) && !(allowsNames && isFqdn(address))) {
    const expected = allowsNames ? "an IP address or a DNS name" : "an IP address, as resolution is STATIC";
    error([...path, "address"], `is ${JSON.stringify(address)}`, expected);
  }
  for (const name of Object.keys(entry.ports ?? {})) {
    if (!isLabel(name)) error([...path, "ports", name], `${JSON.stringify(name)} is no port name`, "a DNS label");
  }
}

export function validateWorkloadGroup({ spec }: WorkloadGroup, { error, warning }: Reporter): void {
  if (spec.template.address !== undefined) {
    error(["spec", "template", "address"], "is set in a template", "no address: each workload brings its own");
  }
  if (spec.template.labels !== undefined) {
    warning(
      ["spec", "template", "labels"],
      "is set in a template; labels of the workloads belong in spec.metadata.labels",
    );
  }
  const grpcPort = spec.probe?.grpc !== undefined && spec.probe.grpc.port === undefined;
  if (grpcPort) error(["spec", "probe", "grpc", "port"], "is missing", "an integer from 1 to 65535");
}
