/** What became of every object of a snapshot. */
import { groupOf, isKind, validate } from "@tulle/api";
import type { Diagnostic, GatewayServer, LoadedObject, Path } from "@tulle/api";
import { boundHosts, kindOfServer, readsRequests } from "../model/gateway.ts";
import type { GatewayRule } from "../model/gateway.ts";
import { SERVICE_NAME_LABEL } from "../model/endpoint-slices.ts";
import { servicesOf } from "../model/service.ts";
import type { Snapshot } from "../model/snapshot.ts";
import type { StoredObject } from "../model/stored-object.ts";
import { authorizationFindings } from "./authorization-status.ts";
import { destinationRuleFindings } from "./destination-rule-status.ts";
import { envoyFilterFindings } from "./envoy-filter-status.ts";
import { fallbackFindings } from "./fallback-status.ts";
import { meshConfigFindings } from "./mesh-config-status.ts";
import { isApplied, notYetApplied } from "./not-yet-applied.ts";
import type { Finding, ObjectStatus } from "./object-status.ts";
import { finding, toDiagnostic, toStatus } from "./object-status.ts";
import { peerAuthenticationFindings } from "./peer-authentication-status.ts";
import { credentialNames } from "../translate/security/gateway-tls.ts";
import { credentialFault, secretFindings } from "./secret-status.ts";
import { rateLimitFindings } from "./rate-limit-status.ts";
import { requestAuthenticationFindings } from "./request-authentication-status.ts";
import { serviceFindings } from "./service-status.ts";
import { sidecarFindings } from "./sidecar-status.ts";
import { workloadEntryFindings, workloadGroupFindings } from "./workload-status.ts";
import { telemetryFindings } from "./telemetry-status.ts";
import { virtualServiceFindings } from "./virtual-service-status.ts";

export class Statuses {
  readonly #snapshot: Snapshot;

  constructor(snapshot: Snapshot) {
    this.#snapshot = snapshot;
  }

  /** At least one. */
  of(stored: StoredObject): readonly ObjectStatus[] {
    return [...this.findings(stored), ...withoutEffect(stored)].map(toStatus);
  }

  /**
   * What a user should hear about an object besides that it is in force, and besides what its validation said.
   *
   * @param written the same object as its user wrote it: positions are those in there
   */
  warnings(stored: StoredObject, written: LoadedObject): readonly Diagnostic[] {
    return this.findings(stored)
      .filter(({ type }) => type !== "InForce")
      .map((found) => toDiagnostic(written, found));
  }

  /** The same with the way to each line. */
  findings(stored: StoredObject): readonly Finding[] {
    const { object } = stored.loaded;
    const missing = notYetApplied(groupOf(object.apiVersion), object.kind, object);
    const found = this.#selected(stored);
    if (found.length === 0 && missing.length === 0)
      return [finding("Ignored", [], "it says nothing that could be applied")];
    return [...found, ...missing];
  }

  #selected(stored: StoredObject): readonly Finding[] {
    const snapshot = this.#snapshot;
    const { object, kindInfo } = stored.loaded;
    if (isKind(object, "networking.istio.io", "VirtualService")) {
      const rule = snapshot.virtualServices.find(({ loaded }) => loaded === stored.loaded);
      return rule === undefined ? [] : virtualServiceFindings(snapshot, rule);
    }
    if (isKind(object, "networking.istio.io", "DestinationRule")) {
      const rule = snapshot.destinationRules.find(({ loaded }) => loaded === stored.loaded);
      return rule === undefined ? [] : destinationRuleFindings(snapshot, rule);
    }
    if (isKind(object, "networking.istio.io", "Gateway")) {
      const key = `${object.metadata.namespace}/${object.metadata.name}`;
      const rule = snapshot.gateways.find((gateway) => gateway.key === key);
      return rule === undefined ? [] : gatewayFindings(snapshot, rule);
    }
    if (isKind(object, "networking.istio.io", "Sidecar")) {
      const rule = snapshot.sidecarRules.find(({ loaded }) => loaded === stored.loaded);
      return rule === undefined ? [] : sidecarFindings(snapshot, rule);
    }
    if (isKind(object, "networking.istio.io", "WorkloadEntry")) return workloadEntryFindings(snapshot, object);
    if (isKind(object, "networking.istio.io", "WorkloadGroup")) return workloadGroupFindings(snapshot, object);
    if (isKind(object, "tulle.dev", "Fallback")) {
      const rule = snapshot.fallbacks.find(({ loaded }) => loaded === stored.loaded);
      return rule === undefined ? [] : fallbackFindings(snapshot, rule);
    }
    if (isKind(object, "tulle.dev", "RateLimit")) {
      const rule = snapshot.rateLimits.find(({ loaded }) => loaded === stored.loaded);
      return rule === undefined ? [] : rateLimitFindings(snapshot, rule);
    }
    if (isKind(object, "networking.istio.io", "EnvoyFilter")) {
      const rule = snapshot.envoyFilters.find(({ loaded }) => loaded === stored.loaded);
      return rule === undefined ? [] : envoyFilterFindings(snapshot, rule);
    }
    if (isKind(object, "security.istio.io", "PeerAuthentication")) {
      const rule = snapshot.peerRules.find(({ loaded }) => loaded === stored.loaded);
      return rule === undefined ? [] : peerAuthenticationFindings(snapshot, rule);
    }
    if (isKind(object, "security.istio.io", "RequestAuthentication")) {
      const rule = snapshot.requestAuthentications.find(({ loaded }) => loaded === stored.loaded);
      return rule === undefined ? [] : requestAuthenticationFindings(snapshot, rule);
    }
    if (isKind(object, "security.istio.io", "AuthorizationPolicy")) {
      const rule = snapshot.authorizations.find(({ loaded }) => loaded === stored.loaded);
      return rule === undefined ? [] : authorizationFindings(snapshot, rule);
    }
    if (isKind(object, "telemetry.istio.io", "Telemetry")) {
      const rule = snapshot.telemetries.find(({ loaded }) => loaded === stored.loaded);
      return rule === undefined ? [] : telemetryFindings(snapshot, rule);
    }
    if (isKind(object, "", "ConfigMap")) {
      const found = meshConfigFindings(snapshot, object);
      if (found !== undefined) return found;
    }
    const host = servicesOf(stored, snapshot.options.domain)[0]?.host;
    if (host !== undefined) {
      const own = [...snapshot.services, ...snapshot.shadowedServices.keys()].filter(
        ({ origin }) =>
          origin.kind === object.kind &&
          origin.name === object.metadata.name &&
          origin.namespace === object.metadata.namespace,
      );
      return serviceFindings(snapshot, own);
    }
    return this.#others(stored, kindInfo.isMeshConfig && !isApplied(kindInfo.group, kindInfo.kind));
  }

  #others({ loaded: { object } }: StoredObject, isMeshConfig: boolean): readonly Finding[] {
    if (isMeshConfig) return [finding("NotYetApplied", [], `objects of kind ${object.kind}`)];
    const { namespace, name, labels } = object.metadata;
    const isSlice = isKind(object, "discovery.k8s.io", "EndpointSlice");
    if (isSlice || isKind(object, "", "Endpoints")) {
      const service = isSlice ? (labels[SERVICE_NAME_LABEL] ?? "") : name;
      const known = this.#snapshot.services.some((one) => one.name === service && one.namespace === namespace);
      return known
        ? [finding("InForce", [], `lists endpoints of ${service}`)]
        : [
            finding(
              "Ignored",
              [],
              service === "" ? `it has no label ${SERVICE_NAME_LABEL}` : `there is no Service ${service}`,
            ),
          ];
    }
    if (isKind(object, "", "Secret")) {
      const credential = this.#snapshot.credentials.get(`${namespace}/${name}`);
      if (credential !== undefined) return secretFindings(credential);
    }
    if (isKind(object, "", "Pod")) return [finding("InForce", [], "endpoints that refer to it have its labels")];
    return [finding("Ignored", [], `the mesh needs nothing from a ${object.kind} here`)];
  }
}

/** Fields that change nothing where they stand: unreachable routes, a second place that sets the authority. */
function withoutEffect({ loaded: { object } }: StoredObject): readonly Finding[] {
  const found: Finding[] = [];
  validate(object, ({ code, path, message }) => {
    if (code === "no-effect") found.push(finding("Ignored", path, message));
  });
  return found;
}

function gatewayFindings(snapshot: Snapshot, { key, spec, origin }: GatewayRule): readonly Finding[] {
  return spec.servers.flatMap((server, index): readonly Finding[] => {
    const path = ["spec", "servers", index] as const;
    const kind = kindOfServer(server);
    if (kind === "auto passthrough") {
      const { number: port } = server.port;
      return [
        finding("InForce", path, `port ${port} passes connections of the mesh on, to the service that each asks for`),
      ];
    }
    const field = readsRequests(server) ? "http" : kind === "passthrough" ? "tls" : "tcp";
    const bound = snapshot.virtualServices.filter(
      (rule) =>
        rule.gateways.includes(key) &&
        (field === "http" ? rule.hasHttp : (rule.spec[field] ?? []).length > 0) &&
        boundHosts(server.hosts, origin.namespace, rule).length > 0,
    );
    const unserved =
      field === "http"
        ? `no VirtualService is bound to it: port ${server.port.number} answers 404`
        : `no VirtualService with ${field} routes is bound to it: port ${server.port.number} takes none of its connections`;
    const message =
      bound.length === 0
        ? unserved
        : `port ${server.port.number} serves ${bound.length === 1 ? "1 VirtualService" : `${bound.length} VirtualServices`}`;
    return [finding("InForce", path, message), ...secretsOf(snapshot, server, path)];
  });
}

/** Secrets that a server names and that are not there, or hold nothing that could be served; a gateway takes those of its own namespace. */
function secretsOf(snapshot: Snapshot, { tls = {} }: GatewayServer, path: Path): readonly Finding[] {
  const all = [...snapshot.credentials.values()];
  return credentialNames(tls).flatMap((wanted) => {
    const named = all.filter(({ name }) => name === wanted);
    const told = (what: string): Finding[] => [finding("Invalid", [...path, "tls"], what)];
    if (named.length === 0) return told(`there is no Secret ${wanted}: until there is one, connections fail`);
    const faults = named.map(credentialFault);
    if (faults.includes("")) return [];
    return told(`Secret ${named[0]!.namespace}/${wanted}: ${faults[0]!}, so connections fail`);
  });
}
