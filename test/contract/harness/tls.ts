/** TLS at the ends of a case: which certificates clients and upstreams show, and what the handshake came to. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type SecureVersion, type Server, type TLSSocket, connect, createServer } from "node:tls";

/** What `{certs}` in a configuration stands for. */
export const CERTIFICATES = fileURLToPath(new URL("../../support/certificates", import.meta.url));

interface TlsEnd {
  /** A certificate of test/support/certificates, by its name; clients may have none. */
  readonly identity?: string;
  /** Protocols, by preference (ALPN). */
  readonly alpn?: readonly string[];
  readonly minVersion?: SecureVersion;
  readonly maxVersion?: SecureVersion;
  readonly ciphers?: string;
}

export interface TlsClientEnd extends TlsEnd {
  readonly serverName?: string;
  /** A connection whose session is to be resumed. */
  readonly resumes?: string;
}

export interface TlsUpstreamEnd extends TlsEnd {
  /** Of whom client certificates must be; "" asks for one of anybody. */
  readonly asksFor?: string;
}

function optionsOf({ identity, alpn, minVersion, maxVersion, ciphers }: TlsEnd) {
  return {
    ...(identity === undefined ? {} : { cert: read(`${identity}.pem`), key: read(`${identity}.key`) }),
    ...(alpn === undefined ? {} : { ALPNProtocols: [...alpn] }),
    ...(minVersion === undefined ? {} : { minVersion }),
    ...(maxVersion === undefined ? {} : { maxVersion }),
    ...(ciphers === undefined ? {} : { ciphers }),
    allowHalfOpen: true,
    noDelay: true,
  };
}

export function connectTls(port: number, end: TlsClientEnd, session: Buffer | undefined): TLSSocket {
  return connect({
    ...optionsOf(end),
    port,
    host: "127.0.0.1",
    // Whom the proxy shows itself as is looked at in what was observed.
    rejectUnauthorized: false,
    ...(end.serverName === undefined ? {} : { servername: end.serverName }),
    ...(session === undefined ? {} : { session }),
  });
}

export function createTlsServer(end: TlsUpstreamEnd, onConnection: (socket: TLSSocket) => void): Server {
  const { asksFor } = end;
  return createServer(
    {
      ...optionsOf(end),
      ...(asksFor === undefined ? {} : { requestCert: true, rejectUnauthorized: asksFor !== "" }),
      ...(asksFor === undefined || asksFor === "" ? {} : { ca: read(`${asksFor}.pem`) }),
    },
    onConnection,
  ).on("tlsClientError", () => undefined);
}

/** A handshake that has succeeded, seen from one end of it. */
export function describeHandshake(socket: TLSSocket, asked: string): string {
  const peer = socket.getPeerX509Certificate();
  const { alpnProtocol } = socket as { alpnProtocol: string | false | null };
  return [
    socket.getProtocol() ?? "",
    socket.getCipher().name,
    ...(asked === "" ? [] : [`asked for ${asked}`]),
    ...(typeof alpnProtocol === "string" ? [`speaks ${alpnProtocol}`] : []),
    ...(peer === undefined ? [] : [`with ${peer.serialNumber.toLowerCase()}`]),
    ...(socket.isSessionReused() ? ["resumed"] : []),
  ].join(", ");
}

function read(file: string): string {
  return readFileSync(`${CERTIFICATES}/${file}`, "utf8");
}
