import { formatDiagnostic, parseYaml } from "../../src/index.ts";
import type { LoadedObject } from "../../src/index.ts";

/** Every diagnostic of a text, as a user reads it. The file is called `f.yaml`. */
export function diagnose(text: string): string[] {
  return parseYaml(text, "f.yaml").diagnostics.map(formatDiagnostic);
}

/** The objects of a text that must have nothing wrong, not even a warning. */
export function load(text: string): readonly LoadedObject[] {
  const { objects, diagnostics } = parseYaml(text, "f.yaml");
  if (diagnostics.length > 0) throw new Error(diagnostics.map(formatDiagnostic).join("\n"));
  return objects;
}

interface Header {
  readonly apiVersion: string;
  readonly kind: string;
}

const HEADERS: Readonly<Record<string, Header>> = {
  VirtualService: { apiVersion: "networking.istio.io/v1", kind: "VirtualService" },
  DestinationRule: { apiVersion: "networking.istio.io/v1", kind: "DestinationRule" },
  Gateway: { apiVersion: "networking.istio.io/v1", kind: "Gateway" },
  ServiceEntry: { apiVersion: "networking.istio.io/v1", kind: "ServiceEntry" },
  WorkloadEntry: { apiVersion: "networking.istio.io/v1", kind: "WorkloadEntry" },
  WorkloadGroup: { apiVersion: "networking.istio.io/v1", kind: "WorkloadGroup" },
  Sidecar: { apiVersion: "networking.istio.io/v1", kind: "Sidecar" },
  EnvoyFilter: { apiVersion: "networking.istio.io/v1alpha3", kind: "EnvoyFilter" },
  ProxyConfig: { apiVersion: "networking.istio.io/v1beta1", kind: "ProxyConfig" },
  PeerAuthentication: { apiVersion: "security.istio.io/v1", kind: "PeerAuthentication" },
  RequestAuthentication: { apiVersion: "security.istio.io/v1", kind: "RequestAuthentication" },
  AuthorizationPolicy: { apiVersion: "security.istio.io/v1", kind: "AuthorizationPolicy" },
  Fallback: { apiVersion: "tulle.dev/v1alpha1", kind: "Fallback" },
  RateLimit: { apiVersion: "tulle.dev/v1alpha1", kind: "RateLimit" },
  Telemetry: { apiVersion: "telemetry.istio.io/v1", kind: "Telemetry" },
  WasmPlugin: { apiVersion: "extensions.istio.io/v1alpha1", kind: "WasmPlugin" },
  TrafficExtension: { apiVersion: "extensions.istio.io/v1alpha1", kind: "TrafficExtension" },
  K8sGateway: { apiVersion: "gateway.networking.k8s.io/v1", kind: "Gateway" },
  HTTPRoute: { apiVersion: "gateway.networking.k8s.io/v1", kind: "HTTPRoute" },
  GRPCRoute: { apiVersion: "gateway.networking.k8s.io/v1", kind: "GRPCRoute" },
  TCPRoute: { apiVersion: "gateway.networking.k8s.io/v1", kind: "TCPRoute" },
  BackendTLSPolicy: { apiVersion: "gateway.networking.k8s.io/v1", kind: "BackendTLSPolicy" },
  Service: { apiVersion: "v1", kind: "Service" },
  Deployment: { apiVersion: "apps/v1", kind: "Deployment" },
  Ingress: { apiVersion: "networking.k8s.io/v1", kind: "Ingress" },
};

/**
 * What is wrong with a spec, without position and object name: `spec.hosts[0]: is …`. The spec is YAML, indented by
 * two spaces or written in flow style.
 */
export function faultsOf(kind: string, spec: string): string[] {
  const header = HEADERS[kind];
  if (header === undefined) throw new Error(`no header for ${kind}`);
  const text = `apiVersion: ${header.apiVersion}\nkind: ${header.kind}\nmetadata: {name: x, namespace: shop}\nspec:\n${spec}`;
  return diagnose(text).map((line) =>
    line.replace(/^f\.yaml:\d+:\d+: /, "").replace(/(?<=^|warning: )\w+ (?:shop\/)?x: /, ""),
  );
}
