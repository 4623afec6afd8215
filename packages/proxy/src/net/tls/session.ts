import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { DerError, DerReader, TAG, readParts } from "@tulle/identity/der";
import type { Workload } from "@tulle/telemetry";
import { type Certificate, parseCertificate } from "../../codec/x509/certificate.ts";
import type { TlsInfo } from "../../plan/request-views.ts";
import type { ValidationPlan } from "../../plan/tls-plan.ts";
import type { TransportSecurity } from "../transport.ts";
import { reasonOf, transportFailure } from "./errors.ts";
import type { SslStats } from "./ssl-stats.ts";
import { NO_NAME, nobody, unreadable, verifyPeer } from "./verify.ts";

/** TLS on one connection, from the beginning of its handshake. What is logged and matched of it is found out when somebody asks. */
export abstract class TlsSession implements TransportSecurity, TlsInfo {
  protected readonly stats: SslStats;
  /** What the peer has to be; set when the handshake begins. */
  protected validation: ValidationPlan | null = null;
  /** The name that the peer has to have in place of those of `validation`. */
  protected expected = NO_NAME;
  local: Certificate | null = null;
  version = "";
  cipher = "";
  group = "";
  reused = false;
  handshakeMs = 0;
  private readonly startedMs: number;
  serverName = "";
  alpn = "";
  toMesh = false;
  peerVerified = false;
  forwarded = "";
  peerWorkload: Workload | null = null;
  private socket: TLSSocket | null = null;
  private connected: Socket | null = null;
  private chain: readonly Certificate[] = [];
  /** What the peer showed when the session was made that is resumed now: then it shows nothing to a client. */
  protected knownChain: readonly Certificate[] = NO_CERTIFICATES;
  private session = "";
  private established = false;
  private readonly wallMs: () => number;

  constructor(stats: SslStats, wallMs: () => number) {
    this.stats = stats;
    this.wallMs = wallMs;
    this.startedMs = wallMs();
  }

  /** The peer need not show a certificate. */
  protected abstract get mayBeNobody(): boolean;

  get info(): TlsInfo {
    return this;
  }

  /** A client's connections have a time to connect in all. */
  get timeoutMs(): number {
    return 0;
  }

  timedOut(): void {}

  ready(_connected: Socket, _then: () => void): boolean {
    return true;
  }

  abstract begin(connected: Socket, done: () => void): Socket | null;

  protected watch(socket: TLSSocket, connected: Socket): TLSSocket {
    this.connected = connected;
    this.socket = socket;
    return socket;
  }

  get peer(): Certificate | null {
    return this.chain[0] ?? null;
  }

  /** Who has issued the peer's certificate: as it has shown, or as we know. */
  get peerIssuer(): Certificate | null {
    const [leaf, second] = this.chain;
    if (leaf === undefined || second !== undefined) return second ?? null;
    return this.validation?.authorities.find(({ subject }) => subject === leaf.issuer) ?? null;
  }

  get peerChain(): readonly Certificate[] {
    return this.chain;
  }

  get sessionId(): string {
    // TLS 1.3 has tickets only.
    if (this.session === "" && this.version !== "TLSv1.3") this.session = readSessionId(this.socket);
    return this.session;
  }

  /** What the client has asked for: the server learns it in the handshake. */
  protected serverNameOf(): string {
    const name: unknown = (this.socket as { servername?: unknown } | null)?.servername;
    return typeof name === "string" ? name : "";
  }

  verify(): string {
    const { socket, validation, stats } = this;
    if (socket === null) return "";
    this.noteNegotiated(socket);
    const refusal = this.verifyChain(socket, validation);
    if (refusal !== "") return refusal;
    this.established = true;
    this.handshakeMs = this.wallMs() - this.startedMs;
    this.group = groupOf(socket);
    this.reused = socket.isSessionReused();
    this.alpn = typeof socket.alpnProtocol === "string" ? socket.alpnProtocol : "";
    stats.count(this);
    return "";
  }

  /** What is known before the handshake is over, and of one that fails. */
  private noteNegotiated(socket: TLSSocket): void {
    this.version = socket.getProtocol() ?? "";
    this.cipher = (socket.getCipher() as { name: string } | undefined)?.name ?? "";
  }

  private verifyChain(socket: TLSSocket, validation: ValidationPlan | null): string {
    try {
      this.chain = shownBy(socket);
      if (this.chain.length === 0 && socket.isSessionReused()) this.chain = this.knownChain;
    } catch (error) {
      if (!(error instanceof DerError)) throw error;
      return unreadable(this.stats);
    }
    const [leaf, ...rest] = this.chain;
    if (leaf === undefined) return this.mayBeNobody ? "" : nobody(this.stats);
    if (validation === null) return "";
    const problem = (
      socket as unknown as { _handle: { verifyError(): { code: string } | null } }
    )._handle.verifyError();
    const chainError = problem?.code ?? "";
    const peer = { certificates: [leaf, ...rest] as const, chainError };
    const refusal = verifyPeer(peer, validation, this.expected, this.wallMs(), this.stats);
    this.peerVerified = refusal === "" && validation.trustedCa !== "" && chainError === "";
    return refusal;
  }

  failed(error: NodeJS.ErrnoException): string {
    const reason = reasonOf(error);
    if (!this.established && this.socket !== null) this.noteNegotiated(this.socket);
    if (reason === "PEER_DID_NOT_RETURN_A_CERTIFICATE") this.stats.failVerifyNoCert.value++;
    else if (reason !== "") this.stats.connectionError.value++;
    return this.established ? "" : transportFailure(error, (this.connected?.bytesRead ?? 0) <= ALERT_BYTES);
  }
}

const NO_CERTIFICATES: readonly Certificate[] = [];

/** A record that holds an alert: the peer has said nothing else. */
const ALERT_BYTES = 7;

/** The certificates that the peer has sent, leaf first. Throws DerError. */
function shownBy(socket: TLSSocket): Certificate[] {
  const chain: Certificate[] = [];
  // What is longer is no chain.
  for (let each = socket.getPeerX509Certificate(); each !== undefined && chain.length < 100;) {
    chain.push(parseCertificate(each.raw));
    each = each.issuerCertificate;
  }
  return chain;
}

function groupOf(socket: TLSSocket): string {
  const info = socket.getEphemeralKeyInfo() as { name?: string } | null;
  return GROUPS[info?.name ?? ""] ?? info?.name ?? "";
}

/** OpenSSL's names, where BoringSSL has others. */
const GROUPS: Readonly<Record<string, string>> = { prime256v1: "P-256", secp384r1: "P-384", secp521r1: "P-521" };

/** OpenSSL's `SSL_SESSION` as DER: version, protocol, cipher, then the id. */
function readSessionId(socket: TLSSocket | null): string {
  // Null, whatever its type says, once the handle is gone: of a handshake that has failed.
  const bytes = socket?.getSession() as Buffer | null | undefined;
  if (!bytes || bytes.length === 0) return "";
  const id = readParts(new DerReader(bytes).next(TAG.sequence, "a session"), "a part of a session")[3];
  return id?.tag === TAG.octetString ? Buffer.from(id.content).toString("hex") : "";
}
