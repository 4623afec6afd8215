/** What is probably not meant in a mesh's configuration, by the model that proxies are configured from. */
import { formatPath, MESH_GATEWAY, resolveShortName, servicePortProtocol } from "@tulle/api";
import type { Diagnostic, KubeObject, Labels, LoadedObject, Path } from "@tulle/api";
import { describeOrigin } from "../model/origin.ts";
import type { Snapshot } from "../model/snapshot.ts";
import type { StoredObject } from "../model/stored-object.ts";
import type { Finding } from "../status/object-status.ts";
import { Statuses } from "../status/statuses.ts";
import { envoyFilterMisuses, gatewayConflicts, protocolConflicts, sameWorkloads } from "./conflicts.ts";
import { unservedGateways } from "./unserved-gateways.ts";
import type { Code, Level } from "./messages.ts";
import { MESSAGES } from "./messages.ts";

export interface AnalysisMessage {
  readonly code: Code;
  readonly name: string;
  readonly level: Level;
  readonly kind: string;
  readonly namespace: string;
  readonly resource: string;
  /** `spec.http[0].route`; "" for the object as a whole. */
  readonly field: string;
  readonly file: string;
  /** From 1; 0 if the object came from no file. */
  readonly line: number;
  readonly column: number;
  /** What is wrong, and why we think so. */
  readonly message: string;
  readonly fix: string;
}

/** As an analyzer finds it; the path leads to a line. */
export interface Found {
  readonly code: Code;
  readonly loaded: LoadedObject;
  readonly path: Path;
  readonly message: string;
}

/**
 * @param diagnostics what parsing and validation said of the objects' files
 * @param gatewayProxies labels of those that are connected
 * @returns in order of file and line
 */
export function analyze(
  snapshot: Snapshot,
  diagnostics: readonly Diagnostic[],
  gatewayProxies: readonly Labels[] = [],
): readonly AnalysisMessage[] {
  const statuses = new Statuses(snapshot);
  const found = [
    ...snapshot.objects.flatMap((stored) => ofStatuses(snapshot, stored, statuses.findings(stored))),
    ...snapshot.objects.flatMap(({ loaded }) => [
      ...destinationPorts(snapshot, loaded),
      ...portNames(loaded),
      ...missingAddresses(loaded),
      ...envoyFilterMisuses(loaded),
    ]),
    ...emptySubsets(snapshot),
    ...gatewayConflicts(snapshot),
    ...unservedGateways(snapshot, gatewayProxies),
    ...sameWorkloads(snapshot),
    ...protocolConflicts(snapshot),
  ].filter(({ loaded }) => loaded.source.line > 0);
  const messages = [...diagnostics.flatMap(ofDiagnostic), ...found.map(messageOf)];
  const left = unique(messages).filter((message) => !isSuppressed(snapshot, message));
  return left.sort(
    (a, b) => (a.file < b.file ? -1 : a.file > b.file ? 1 : 0) || a.line - b.line || (a.code < b.code ? -1 : 1),
  );
}

/** (istio/istio `pkg/config/analysis/local`: codes, or `*`) */
const SUPPRESS = "galley.istio.io/analyze-suppress";

function isSuppressed({ objects }: Snapshot, { code, kind, namespace, resource }: AnalysisMessage): boolean {
  const stored = objects.find(({ loaded: { object } }) => {
    const { metadata } = object;
    return object.kind === kind && metadata.name === resource && metadata.namespace === namespace;
  });
  const codes = stored?.loaded.object.metadata.annotations?.[SUPPRESS]?.split(",").map((each) => each.trim()) ?? [];
  return codes.includes("*") || codes.includes(code);
}

function unique(messages: readonly AnalysisMessage[]): AnalysisMessage[] {
  return [
    ...new Map(messages.map((each) => [`${each.code} ${each.file} ${each.line} ${each.message}`, each])).values(),
  ];
}

function messageOf({ code, loaded, path, message }: Found): AnalysisMessage {
  const { kind, metadata } = loaded.object;
  const { name, level, fix } = MESSAGES[code];
  const place = path.length === 0 ? loaded.source : loaded.positionOf(path);
  return {
    code,
    name,
    level,
    kind,
    namespace: metadata.namespace,
    resource: metadata.name,
    field: formatPath(path),
    file: loaded.source.file,
    line: place.line,
    column: place.column,
    message,
    fix,
  };
}

/** Third parties' kinds are nobody's mistake. */
function ofDiagnostic(diagnostic: Diagnostic): readonly AnalysisMessage[] {
  const { file, line, column, kind, namespace, name: resource, field, message, expected } = diagnostic;
  if (diagnostic.code === "third-party") return [];
  const code = codeOfDiagnostic(diagnostic);
  const { name, level, fix } = MESSAGES[code];
  const text = expected === undefined ? message : `${message}, expected ${expected}`;
  return [{ code, name, level, kind, namespace, resource, field, file, line, column, message: text, fix }];
}

function codeOfDiagnostic({ code, severity, kind, field }: Diagnostic): Code {
  if (severity === "error") return "IST0106";
  if (code === "deprecated") return "IST0002";
  if (code === "no-effect" && kind === "VirtualService") return /\.match\[\d+\]$/.test(field) ? "IST0131" : "IST0130";
  return "IST0133";
}

/** What became of an object, as far as it is not what its author can have meant. */
function ofStatuses(snapshot: Snapshot, { loaded }: StoredObject, findings: readonly Finding[]): readonly Found[] {
  return findings.flatMap(({ type, path, message, by }): Found[] => {
    if (type === "InForce" || type === "NotYetApplied") return [];
    const code = codeOfFinding(snapshot, loaded, type, path);
    if (code === undefined) return [];
    const shadow =
      by === undefined ? "" : ` (${describeOrigin(by)}${by.file === undefined ? "" : ` in ${by.file}:${by.line}`})`;
    return [{ code, loaded, path, message: `${message}${shadow}` }];
  });
}

/** Undefined: it is nobody's mistake. */
function codeOfFinding(
  snapshot: Snapshot,
  { object }: LoadedObject,
  type: Finding["type"],
  path: Path,
): Code | undefined {
  const at = formatPath(path);
  switch (object.kind) {
    case "VirtualService":
      if (type === "Shadowed") return "IST0109";
      if (/\.(delegate|host|port|subset)$/.test(at)) return "IST0101";
      if (at.startsWith("spec.gateways")) return isMissingGateway(snapshot, object, path) ? "IST0101" : "IST0132";
      if (at.startsWith("spec.hosts")) return namesGateways(object) ? "IST0132" : "IST0101";
      return at.includes("@request.auth.claims") ? "IST0149" : "IST0167";
    case "DestinationRule":
      return type === "Ignored" && at === "spec.host" ? "IST0174" : "IST0167";
    case "Gateway":
      // An ingress without routes is one that waits for them.
      if (type === "Ignored") return undefined;
      return isMissingSecret(snapshot, object, path) ? "IST0101" : "IST0161";
    case "Sidecar":
      if (type !== "Shadowed") return "IST0167";
      return "workloadSelector" in (specOf(object) ?? {}) ? "IST0110" : "IST0111";
    case "Telemetry":
      if (type === "Shadowed") return "IST0160";
      // Istio's webhook refuses it. (`pkg/config/validation/validation.go` validateTelemetryFilter)
      if (type === "Invalid" && at.endsWith(".filter.expression")) return "IST0106";
      return at.includes(".providers") ? "IST0101" : "IST0167";
    case "Service":
      // Services without workloads are those that have not been started.
      return type === "Shadowed" ? "IST0167" : undefined;
    default:
      // Without workloads nothing is known of labels.
      if (at.startsWith("spec.selector")) return snapshot.workloads.length === 0 ? undefined : "IST0127";
      return POLICIES.has(object.kind) ? "IST0167" : undefined;
  }
}

const POLICIES: ReadonlySet<string> = new Set([
  "AuthorizationPolicy",
  "RequestAuthentication",
  "PeerAuthentication",
  "Fallback",
  "RateLimit",
  "ServiceEntry",
]);

function specOf(object: KubeObject): Readonly<Record<string, unknown>> | undefined {
  const { spec } = object as { readonly spec?: unknown };
  return typeof spec === "object" && spec !== null ? (spec as Record<string, unknown>) : undefined;
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? (value as readonly unknown[]) : [];
}

function namesGateways(object: KubeObject): boolean {
  const gateways = listOf(specOf(object)?.["gateways"]);
  return gateways.length > 0 && !gateways.includes(MESH_GATEWAY);
}

function isMissingGateway({ gateways }: Snapshot, object: KubeObject, path: Path): boolean {
  const name = listOf(specOf(object)?.["gateways"])[Number(path[2])];
  if (typeof name !== "string") return false;
  const key = name.includes("/") ? name : `${object.metadata.namespace}/${name}`;
  return !gateways.some((gateway) => gateway.key === key);
}

function isMissingSecret({ credentials }: Snapshot, object: KubeObject, path: Path): boolean {
  const server = listOf(specOf(object)?.["servers"])[Number(path[2])] as
    | { readonly tls?: { readonly credentialName?: string } }
    | undefined;
  const wanted = server?.tls?.credentialName;
  return ![...credentials.values()].some(({ name }) => name === wanted);
}

/** The port that a request came to is taken where a service has several: it may be another service's. */
function destinationPorts(
  { virtualServices, serviceByHost, options }: Snapshot,
  loaded: LoadedObject,
): readonly Found[] {
  const rule = virtualServices.find((each) => each.loaded === loaded);
  return (rule?.spec.http ?? []).flatMap(({ route = [] }, i) =>
    route.flatMap(({ destination: { host, port } }, j): Found[] => {
      const full = resolveShortName(host, rule!.origin.namespace, options.domain).toLowerCase();
      const ports = serviceByHost.get(full)?.ports ?? [];
      // Of a host's own port there is no doubt.
      if (port !== undefined || ports.length < 2 || rule!.hosts.includes(full)) return [];
      const numbers = ports.map(({ number }) => number).join(", ");
      const path = ["spec", "http", i, "route", j, "destination"];
      return [
        { code: "IST0112", loaded, path, message: `${full} has ports ${numbers}, and it is not said which is meant` },
      ];
    }),
  );
}

function portNames(loaded: LoadedObject): readonly Found[] {
  if (loaded.object.kind !== "Service") return [];
  return listOf(specOf(loaded.object)?.["ports"]).flatMap((port, index): Found[] => {
    const declared = port as Parameters<typeof servicePortProtocol>[0];
    if (servicePortProtocol(declared) !== "AUTO") return [];
    const { name = "" } = declared;
    const shown = name === "" ? "has no name" : `is called ${name}`;
    const path = ["spec", "ports", index, ...(name === "" ? [] : ["name"])];
    return [
      {
        code: "IST0118",
        loaded,
        path,
        message: `the port ${shown}, so its protocol is found out connection by connection`,
      },
    ];
  });
}

function missingAddresses(loaded: LoadedObject): readonly Found[] {
  if (loaded.object.kind !== "ServiceEntry") return [];
  const spec = specOf(loaded.object) ?? {};
  if (listOf(spec["addresses"]).length > 0 || spec["resolution"] === "DNS" || spec["resolution"] === "DNS_ROUND_ROBIN")
    return [];
  return listOf(spec["ports"]).flatMap((port, index): Found[] => {
    const { protocol = "" } = port as { readonly protocol?: string };
    if (protocol !== "" && protocol.toUpperCase() !== "TCP") return [];
    const path = ["spec", "ports", index];
    return [
      {
        code: "IST0134",
        loaded,
        path,
        message: "connections of TCP are told apart by their addresses, of which there are none",
      },
    ];
  });
}

/** Only where workloads of the service are known: before the first is started nothing can be said. */
function emptySubsets({ destinationRules, endpoints, serviceByHost }: Snapshot): readonly Found[] {
  return destinationRules.flatMap(({ host, spec, loaded }) => {
    const known = endpoints.get(serviceByHost.get(host)?.host ?? "");
    const all = [...(known?.byPort.values() ?? [])].flat();
    if (all.length === 0) return [];
    return (spec.subsets ?? []).flatMap(({ name, labels = {} }, index): Found[] => {
      const selected = all.some((endpoint) =>
        Object.entries(labels).every(([key, value]) => endpoint.labels[key] === value),
      );
      if (selected) return [];
      const wanted = Object.entries(labels).map(([key, value]) => `${key}=${value}`);
      const message = `none of the workloads of ${host} has ${wanted.join(", ")}: requests to subset ${name} get 503 UH`;
      return [{ code: "IST0173", loaded, path: ["spec", "subsets", index, "labels"], message }];
    });
  });
}
