/** What happens to a request's headers before it is routed: Envoy `ConnectionManagerUtility::mutateRequestHeaders`, in its order. */
import type { RequestHead } from "../codec/messages.ts";
import {
  CONNECTION,
  HeaderClass,
  KEEP_ALIVE,
  PROXY_CONNECTION,
  REFERER,
  TE,
  TRANSFER_ENCODING,
  UPGRADE,
  USER_AGENT,
  VIA,
  X_ENVOY_DOWNSTREAM_SERVICE_CLUSTER,
  X_ENVOY_DOWNSTREAM_SERVICE_NODE,
  X_ENVOY_EXTERNAL_ADDRESS,
  X_ENVOY_INTERNAL,
  X_FORWARDED_FOR,
  X_FORWARDED_PORT,
  X_FORWARDED_PROTO,
  X_REQUEST_ID,
} from "../codec/header-names.ts";
import type { HeaderBlock } from "../codec/header-block.ts";
import { authorityOfUrl } from "../codec/http1/request-target.ts";
import { canonicalAddress } from "../ip-address.ts";
import type { AddressTest } from "../plan/cidr.ts";
import type { ConnectionView } from "../plan/request-views.ts";
import type { HttpConnectionManagerPlan } from "../plan/listener-plan.ts";
import { DETECTED_TRUSTED, NOT_DETECTED, detectAddress, nthFromRight } from "./address-detection.ts";
import { forwardClientCertificate } from "./client-certificate.ts";
import { learnPeer } from "./peer-metadata.ts";
import { NOT_TRACEABLE, setTraceReason } from "./trace-decision.ts";

/** Where what is random or local comes from. */
export interface RequestHeaderSources {
  /** A UUID, version 4. */
  requestId(): string;
  /** The node's own address: what x-forwarded-for gets for a peer on loopback. */
  readonly localAddress: string;
}

/** 0, or the status to turn the request away with: it does not say where it comes from. */
export function mutateRequestHeaders(
  request: RequestHead,
  plan: HttpConnectionManagerPlan,
  connection: ConnectionView,
  sources: RequestHeaderSources,
): number {
  const { headers } = request;
  const detected = plan.addressDetectors === null ? NOT_DETECTED : detectAddress(request, plan.addressDetectors);
  if (detected > DETECTED_TRUSTED) return detected;
  const internal =
    plan.isInternal !== null &&
    (plan.addressDetectors === null
      ? isInternal(headers, plan, plan.isInternal, connection)
      : detected === DETECTED_TRUSTED && plan.isInternal(request.forwardedFor));
  const edge = plan.useRemoteAddress && !internal;
  const { tls } = connection;
  const ownScheme = tls === null ? "http" : "https";
  // Who has shown a certificate may have something to say of others'.
  const clientCertificate = tls === null || tls.peer === null ? null : plan.clientCertificate;
  if (headers.classes !== 0) {
    if ((headers.classes & HeaderClass.hopByHop) !== 0) removeHopByHop(headers, request.upgrade !== "");
    let unwanted =
      clientCertificate === null ? plan.neverAccepted : plan.neverAccepted & ~HeaderClass.clientCertificate;
    if ((headers.classes & HeaderClass.peerMetadata) !== 0 && plan.peerMetadata?.learns === true && tls !== null) {
      learnPeer(headers, tls);
    }
    if (!internal) unwanted |= edge ? HeaderClass.trustedOnly | HeaderClass.edgeOnly : HeaderClass.trustedOnly;
    if ((headers.classes & unwanted) !== 0) headers.removeClasses(unwanted);
  }
  if (plan.addressDetectors === null && headers.has(X_FORWARDED_FOR))
    request.forwardedFor = clientAddress(headers.get(X_FORWARDED_FOR), plan);
  if (headers.has(REFERER) && !isAcceptableReferer(headers.get(REFERER))) headers.remove(REFERER);

  const trusted = plan.useRemoteAddress ? setForwardedHeaders(headers, plan, connection, sources, ownScheme) : "";
  if (!headers.has(X_FORWARDED_PROTO)) headers.append(X_FORWARDED_PROTO, ownScheme);
  if (
    plan.appendXForwardedPort &&
    ((plan.useRemoteAddress && plan.xffNumTrustedHops === 0) || !headers.has(X_FORWARDED_PORT))
  ) {
    headers.set(X_FORWARDED_PORT, String(connection.localPort));
  }
  if (plan.schemeToOverwrite !== "") {
    headers.set(X_FORWARDED_PROTO, plan.schemeToOverwrite);
    request.scheme = plan.schemeToOverwrite;
  } else if (request.scheme === "") {
    const forwarded = headers.get(X_FORWARDED_PROTO).toLowerCase();
    request.scheme = forwarded === "https" || forwarded === "http" ? forwarded : ownScheme;
  }
  if (internal) headers.set(X_ENVOY_INTERNAL, "true");
  if (plan.userAgent !== null) addUserAgent(headers, plan.userAgent);
  if (plan.via !== "") appendVia(headers, plan.via);
  if (edge) headers.set(X_ENVOY_EXTERNAL_ADDRESS, trusted === "" ? connection.remoteAddress : trusted);
  if (plan.generateRequestId) {
    if (!headers.has(X_REQUEST_ID)) headers.append(X_REQUEST_ID, sources.requestId());
    else if (headers.get(X_REQUEST_ID) === "" || (edge && !plan.preserveExternalRequestId)) {
      headers.set(X_REQUEST_ID, sources.requestId());
    } else if (edge) setTraceReason(headers, plan.requestIds, NOT_TRACEABLE); // Not for strangers to decide.
  }
  if (clientCertificate !== null && tls !== null && !clientCertificate.forwardsOnly) {
    forwardClientCertificate(headers, clientCertificate, tls);
  }
  if (plan.stripTrailingHostDot) request.authority = withoutTrailingDot(request.authority);
  if (plan.stripPort !== "none") {
    request.authority = withoutPort(request.authority, plan.stripPort === "any" ? 0 : connection.localPort);
  }
  return 0;
}

function removeHopByHop(headers: HeaderBlock, keepUpgrade: boolean): void {
  if (!keepUpgrade) {
    headers.remove(CONNECTION);
    headers.remove(UPGRADE);
  }
  headers.remove(KEEP_ALIVE);
  headers.remove(PROXY_CONNECTION);
  headers.remove(TRANSFER_ENCODING);
  // An empty one says nothing, and Envoy leaves it.
  if (headers.get(TE) !== "") {
    // Exactly `trailers`, in lower case, is all that a proxy may promise the upstream (RFC 9110 §10.1.4).
    const trailers = headers
      .get(TE)
      // cold: for requests with TE
      .split(",")
      .some((token) => token.trim() === "trailers");
    if (trailers) headers.set(TE, "trailers");
    else headers.remove(TE);
  }
}

/** Envoy drops a referer that is no URL or reference, or has user information or a fragment (as seen on Envoy 1.40). */
function isAcceptableReferer(value: string): boolean {
  // Nearly all that browsers send, for a tenth of the price of the patterns.
  if (isPlainUrl(value)) return true;
  // A colon in the first segment ends a scheme.
  if (!/^[^/]*:/.test(value)) return RELATIVE_REFERENCE.test(value);
  const [, authority = ""] = ABSOLUTE_URL.exec(value) ?? [];
  return authority !== "" && authorityOfUrl(authority) === authority;
}

/** `https://host/path`: a scheme of the web, a host without a port, a path or query without a fragment. */
function isPlainUrl(value: string): boolean {
  const start = value.startsWith("https://") ? 8 : value.startsWith("http://") ? 7 : 0;
  if (start === 0) return false;
  let i = start;
  while (HOST[value.charCodeAt(i)] === 1) i++;
  if (i === start || (i < value.length && value.charCodeAt(i) !== SLASH)) return false;
  for (i++; i < value.length; i++) {
    const c = value.charCodeAt(i);
    if (c < 0x21 || c > 0x7e || c === HASH) return false;
  }
  return true;
}

const SLASH = 0x2f;
const HASH = 0x23;
/** By code: what the name of a host may consist of. */
const HOST = Uint8Array.from({ length: 256 }, (_, code) => (/[-.0-9A-Za-z]/.test(String.fromCharCode(code)) ? 1 : 0));

const RELATIVE_REFERENCE = /^[!$%&'()*+,\-./0-9:;=?@A-Z_a-z~]*$/;

const ABSOLUTE_URL = /^[A-Za-z][-+.A-Za-z0-9]*:\/\/([^/?#]+)(?:[/?][!"$-~]*)?$/;

/** Gives the client's address as the trusted hops tell it, "" if none does. */
function setForwardedHeaders(
  headers: HeaderBlock,
  plan: HttpConnectionManagerPlan,
  connection: ConnectionView,
  sources: RequestHeaderSources,
  ownScheme: string,
): string {
  const before = headers.get(X_FORWARDED_FOR);
  const trusted = plan.xffNumTrustedHops > 0 ? canonicalAddress(nthFromRight(before, plan.xffNumTrustedHops)) : "";
  if (!plan.skipXffAppend) {
    const peer = isLoopback(connection.remoteAddress) ? sources.localAddress : connection.remoteAddress;
    headers.set(X_FORWARDED_FOR, before === "" ? peer : `${before},${peer}`);
  }
  if (plan.xffNumTrustedHops === 0 || !headers.has(X_FORWARDED_PROTO)) {
    headers.set(X_FORWARDED_PROTO, ownScheme);
  }
  return trusted;
}

function addUserAgent(headers: HeaderBlock, { cluster, node }: { cluster: string; node: string }): void {
  headers.set(X_ENVOY_DOWNSTREAM_SERVICE_CLUSTER, cluster);
  if (headers.get(USER_AGENT) === "") headers.set(USER_AGENT, cluster);
  if (node !== "") headers.set(X_ENVOY_DOWNSTREAM_SERVICE_NODE, node);
}

/** The client's address, told by one hop at most, is one that the connection manager trusts. */
function isInternal(
  headers: HeaderBlock,
  plan: HttpConnectionManagerPlan,
  trusts: AddressTest,
  connection: ConnectionView,
): boolean {
  const forwardedFor = headers.get(X_FORWARDED_FOR);
  // Envoy: with several addresses nobody knows who added which (`conn_manager_utility.cc`, single_xff_address).
  if (forwardedFor === "") return plan.useRemoteAddress && trusts(connection.remoteAddress);
  if (plan.useRemoteAddress) return false;
  return !forwardedFor.includes(",") && trusts(forwardedFor.trim());
}

/** The address that the last trusted hop has seen; "" where that is the peer, or what stands there is none. */
function clientAddress(forwardedFor: string, plan: HttpConnectionManagerPlan): string {
  // The peer itself is the first hop where it is trusted to be the client.
  const n = plan.useRemoteAddress ? plan.xffNumTrustedHops : plan.xffNumTrustedHops + 1;
  if (n === 0) return "";
  return canonicalAddress(nthFromRight(forwardedFor, n));
}

function isLoopback(address: string): boolean {
  return address.startsWith("127.") || address === "::1";
}

/** Joined with a space, other than x-forwarded-for (Envoy `Utility::appendVia`). */
export function appendVia(headers: HeaderBlock, via: string): void {
  const before = headers.get(VIA);
  headers.set(VIA, before === "" ? via : `${before}, ${via}`);
}

function withoutTrailingDot(authority: string): string {
  const port = portColon(authority);
  const host = port < 0 ? authority : authority.slice(0, port);
  return host.endsWith(".") ? host.slice(0, -1) + (port < 0 ? "" : authority.slice(port)) : authority;
}

/** @param matching the only port to strip, 0 for any */
function withoutPort(authority: string, matching: number): string {
  const colon = portColon(authority);
  if (colon < 0) return authority;
  const port = authority.slice(colon + 1);
  if (!/^[0-9]+$/.test(port) || (matching !== 0 && Number(port) !== matching)) return authority;
  return authority.slice(0, colon);
}

/** Offset of the colon before the port, −1 if there is none; knows IPv6 literals. */
function portColon(authority: string): number {
  const colon = authority.lastIndexOf(":");
  return colon > authority.lastIndexOf("]") ? colon : -1;
}
