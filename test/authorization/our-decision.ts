/** What the control plane makes of policies, and what the proxy's engine decides by it, without sockets. */
import type { HttpFilter } from "@tulle/xds/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import type { RBAC } from "@tulle/xds/gen/envoy/extensions/filters/http/rbac/v3/rbac_pb.js";
import type { AuthorizationRule } from "../../packages/control/src/model/authorization.ts";
import { authorizationHttpFilters } from "../../packages/control/src/translate/security/authorization.ts";
import type { Certificate } from "../../packages/proxy/src/codec/x509/certificate.ts";
import { rbac } from "../../packages/proxy/src/plan/filters/rbac.ts";
import type { RbacPlan } from "../../packages/proxy/src/plan/filters/rbac.ts";
import { walk } from "../../packages/proxy/src/plan/filters/rbac-rules.ts";
import type { RbacSubject } from "../../packages/proxy/src/plan/filters/rbac-rules.ts";
import { Place, throwProblems } from "../../packages/proxy/src/plan/problems.ts";
import type { Problem } from "../../packages/proxy/src/plan/problems.ts";
import type { ConnectionView, RequestView, TlsInfo } from "../../packages/proxy/src/plan/request-views.ts";
import { unpackExtension } from "../../packages/proxy/src/plan/schemas.ts";
import type { Request } from "./request.ts";
import type { Mesh, Policy } from "./specification.ts";

/** Envoy's filters for the policies, in order. */
export function translate(
  policies: readonly Policy[],
  { trustDomains }: Mesh,
  port: (named: number) => readonly number[] = (named) => [named],
): readonly HttpFilter[] {
  return authorizationHttpFilters({
    policies: policies.map(asRule),
    trustDomains,
    port,
    authorizers: () => ({ problem: "nobody is asked here" }),
  });
}

export function asRule({ namespace, spec }: Policy, index: number): AuthorizationRule {
  return {
    origin: { kind: "AuthorizationPolicy", namespace, name: `p${index}` },
    createdAt: index,
    scope: { namespace, selector: undefined, targets: [] },
    action: spec.action ?? "ALLOW",
    spec,
    dryRun: false,
    loaded: undefined as never,
  };
}

/** What the filters hold. */
export function messagesOf(filters: readonly HttpFilter[]): readonly RBAC[] {
  return filters.map(({ configType }) => {
    if (configType.case !== "typedConfig") throw new Error("a filter without configuration");
    return unpackExtension(configType.value).message as RBAC;
  });
}

/** Whether a request comes through all filters. */
export function engineOf(filters: readonly HttpFilter[]): (request: Request) => boolean {
  const plans = messagesOf(filters).map(compile);
  return (request) => {
    const subject = subjectOf(request);
    return plans.every(
      ({ rules }) => rules === null || rules.outcomes[walk(rules.start, subject, request.path)]!.allowed,
    );
  };
}

function compile(message: RBAC): RbacPlan {
  const problems: Problem[] = [];
  const extension = { message } as unknown as Parameters<typeof rbac.compile>[0];
  const plan = rbac.compile(extension, undefined as never, new Place("", problems)) as RbacPlan;
  throwProblems(problems);
  return plan;
}

function subjectOf(request: Request): RbacSubject {
  return {
    request: requestView(request),
    connection: connectionView(request),
    dynamicMetadata:
      request.token === undefined ? null : { "envoy.filters.http.jwt_authn": { payload: { ...request.token } } },
  } as RbacSubject;
}

/** As the proxy shows requests to its filters. */
function requestView({ method, path, host, headers, forwardedFor }: Request): RequestView {
  const all: Readonly<Record<string, readonly string[]>> = { ...headers, ":authority": [host], ":method": [method] };
  return {
    method,
    path,
    authority: host,
    scheme: "http",
    forwardedFor,
    dynamicMetadata: null,
    header: (name) => all[name]?.join(","),
    someHeader: (name, test) => all[name]?.some(test),
  };
}

function connectionView({ sourceIp, destinationIp, destinationPort, tls }: Request): ConnectionView {
  const peer = { remoteAddress: sourceIp, remotePort: 40_000, remoteName: `${sourceIp}:40000` };
  const local = {
    localAddress: destinationIp,
    localPort: destinationPort,
    localName: `${destinationIp}:${destinationPort}`,
  };
  return {
    id: 0,
    ...peer,
    directRemoteAddress: sourceIp,
    directRemotePort: peer.remotePort,
    directRemoteName: peer.remoteName,
    ...local,
    directLocalAddress: local.localAddress,
    directLocalPort: local.localPort,
    directLocalName: local.localName,
    originalDestination: null,
    transportFailure: "",
    ja3: "",
    ja4: "",
    serverName: tls?.sni ?? "",
    tls: tls === undefined ? null : tlsInfo(tls),
  };
}

function tlsInfo({ sni, identity }: NonNullable<Request["tls"]>): TlsInfo {
  const peer: Certificate | null = identity === "" ? null : certificate(identity);
  return {
    version: "TLSv1.3",
    cipher: "",
    group: "",
    sessionId: "",
    reused: false,
    handshakeMs: 0,
    serverName: sni,
    alpn: "",
    toMesh: false,
    peer,
    peerIssuer: null,
    peerChain: peer === null ? [] : [peer],
    peerVerified: peer !== null,
    local: null,
    forwarded: "",
    peerWorkload: null,
  };
}

function certificate(identity: string): Certificate {
  const nothing = new Uint8Array(0);
  return {
    der: nothing,
    serial: "1",
    subject: "",
    issuer: "",
    validFrom: 0,
    validTo: 0,
    publicKeyInfo: nothing,
    names: [{ kind: "uri", value: identity, oid: "" }],
  };
}
