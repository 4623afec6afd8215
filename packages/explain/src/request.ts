/** An imagined request as matchers see it. */
import type { JsonObject } from "@bufbuild/protobuf";
import type { ConnectionView, RequestView, TlsInfo } from "@tulle/proxy/matchers";

export interface ImaginedRequest {
  readonly method: string;
  readonly scheme: string;
  /** As a client writes the Host header: without the port that the scheme implies. */
  readonly authority: string;
  readonly host: string;
  readonly port: number;
  readonly path: string;
  /** Names in lower case. */
  readonly headers: readonly (readonly [string, string])[];
  /** Claims of a valid token. */
  readonly claims: JsonObject | undefined;
}

const PORTS: Readonly<Record<string, number>> = { http: 80, https: 443 };

/** Throws TypeError for what is no URL of HTTP. */
export function imaginedRequest(
  method: string,
  url: string,
  headers: readonly (readonly [string, string])[],
  claims: JsonObject | undefined,
): ImaginedRequest {
  const parsed = URL.parse(url.includes("://") ? url : `http://${url}`);
  const scheme = parsed?.protocol.slice(0, -1) ?? "";
  if (parsed === null || PORTS[scheme] === undefined) {
    throw new TypeError(`${url} is no URL of a request, expected one such as http://reviews:9080/reviews/0`);
  }
  // Paths go as they are written: whoever sends them may not normalise them, and the proxy shows whether it does.
  const written = /^[a-z]+:\/\/[^/?#]*([^#]*)/i.exec(url.includes("://") ? url : `http://${url}`)?.[1] ?? "";
  const lower = headers.map(([name, value]) => [name.toLowerCase(), value] as const);
  const own = lower.find(([name]) => name === "host")?.[1];
  return {
    method: method.toUpperCase(),
    scheme,
    authority: own ?? parsed.host,
    host: parsed.hostname,
    port: parsed.port === "" ? PORTS[scheme] : Number(parsed.port),
    path: written === "" ? "/" : written.startsWith("?") ? `/${written}` : written,
    headers: lower.filter(([name]) => name !== "host"),
    claims,
  };
}

/** @param metadata what filters have found out */
export function requestView(
  request: ImaginedRequest,
  path: string,
  metadata: JsonObject | undefined,
  more: readonly (readonly [string, string])[] = [],
): RequestView {
  const headers = [...request.headers, ...more];
  const lines = (name: string): string[] => headers.filter(([each]) => each === name).map(([, value]) => value);
  return {
    method: request.method,
    path,
    authority: request.authority,
    scheme: request.scheme,
    forwardedFor: "",
    dynamicMetadata: (metadata ?? null) as RequestView["dynamicMetadata"],
    header: (name) => {
      const found = lines(name);
      return found.length === 0 ? undefined : found.join(",");
    },
    someHeader: (name, test) => {
      const found = lines(name);
      return found.length === 0 ? undefined : found.some(test);
    },
  };
}

export interface ImaginedConnection {
  readonly remoteAddress: string;
  readonly localAddress: string;
  readonly localPort: number;
  readonly serverName: string;
  /** SPIFFE id of the peer; undefined: it is plaintext. "" has shown no certificate. */
  readonly principal: string | undefined;
}

/** A port that clients have; which one it is nobody knows. */
const CLIENT_PORT = 40_000;

export function connectionView(connection: ImaginedConnection): ConnectionView {
  const { remoteAddress, localAddress, localPort, serverName, principal } = connection;
  const remoteName = `${remoteAddress}:${CLIENT_PORT}`;
  const localName = `${localAddress}:${localPort}`;
  return {
    id: 0,
    remoteAddress,
    remotePort: CLIENT_PORT,
    remoteName,
    directRemoteAddress: remoteAddress,
    directRemotePort: CLIENT_PORT,
    directRemoteName: remoteName,
    localAddress,
    localPort,
    localName,
    directLocalAddress: localAddress,
    directLocalPort: localPort,
    directLocalName: localName,
    originalDestination: null,
    transportFailure: "",
    ja3: "",
    ja4: "",
    serverName,
    tls: principal === undefined ? null : tlsOf(principal, serverName),
  };
}

function tlsOf(principal: string, serverName: string): TlsInfo {
  const nothing = new Uint8Array(0);
  const peer: TlsInfo["peer"] =
    principal === ""
      ? null
      : {
          der: nothing,
          serial: "",
          subject: "",
          issuer: "",
          validFrom: 0,
          validTo: 0,
          publicKeyInfo: nothing,
          names: [{ kind: "uri", value: principal, oid: "" }],
        };
  return {
    version: "TLSv1.3",
    cipher: "",
    group: "",
    sessionId: "",
    reused: false,
    handshakeMs: 0,
    serverName,
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
