import type { Socket } from "node:net";
import type { SecureContext } from "node:tls";
import { readClientHello } from "../../codec/tls-hello/client-hello.ts";
import type { Certificate } from "../../codec/x509/certificate.ts";
import type { CertificatePlan, DownstreamTlsPlan, TicketKeysPlan, ValidationPlan } from "../../plan/tls-plan.ts";
import type { Counter } from "../../stats/index.ts";
import type { AcceptedSocket } from "../accepted-socket.ts";
import type { NetContext } from "../context.ts";
import type { DownstreamTransport } from "../downstream-transport.ts";
import { type ByteCounters, Transport, type TransportHandler } from "../transport.ts";
import { secureContext } from "./contexts.ts";
import { PEER_PROTOCOL } from "./peer-protocol.ts";
import { ServerCertificates } from "./server-certificates.ts";
import { TlsSession } from "./session.ts";
import type { SslStats } from "./ssl-stats.ts";

/** `envoy.transport_sockets.tls` of a filter chain. */
export class TlsServerTransport implements DownstreamTransport {
  readonly secure = true;
  readonly plan: DownstreamTlsPlan;
  readonly stats: SslStats;
  readonly wallMs: () => number;
  /** Handshakes that took too long. */
  readonly timeouts: Counter;
  readonly takesPeers: boolean;
  private made: ServerIdentity | null = null;

  /** @param takesPeers it carries HTTP, and HTTP/2 may be chosen */
  constructor(plan: DownstreamTlsPlan, stats: SslStats, timeouts: Counter, wallMs: () => number, takesPeers: boolean) {
    this.takesPeers = takesPeers;
    this.timeouts = timeouts;
    this.plan = plan;
    this.stats = stats;
    this.wallMs = wallMs;
  }

  open(
    context: NetContext,
    accepted: AcceptedSocket,
    early: Uint8Array | null,
    handler: TransportHandler,
    counters: ByteCounters,
    highWatermark: number,
  ): Transport {
    const session = new TlsServerSession(this, early);
    return new Transport(context, handler, counters, highWatermark, () => accepted, null, session);
  }

  /** With the present versions of all secrets; null while one of them is missing. */
  identity(): ServerIdentity | null {
    const { plan, made } = this;
    const certificates = plan.certificates.map(({ current }) => current);
    const validation = plan.validation?.current() ?? null;
    const tickets = plan.ticketKeys?.current ?? null;
    if ((plan.validation !== null && validation === null) || !certificates.every((each) => each !== null)) return null;
    if (plan.ticketKeys !== null && tickets === null) return null;
    if (made?.isOf(certificates, validation, tickets) === true) return made;
    if (made !== null) this.stats.updatedBySds.value++;
    for (const ref of plan.certificates) this.stats.expires("cert", ref, ref.current?.certificates[0]);
    if (plan.validation !== null) this.stats.expires("ca_cert", plan.validation, validation?.authorities[0]);
    return (this.made = new ServerIdentity(plan, certificates, validation, tickets));
  }
}

/** One version of a server's certificates and of whom it trusts. */
export class ServerIdentity {
  readonly validation: ValidationPlan | null;
  readonly context: SecureContext;
  /** Null: there is one certificate, whatever the client asks for. */
  readonly byName: ServerCertificates | null;
  readonly leaf: Certificate;
  readonly asksForCertificate: boolean;
  private readonly certificates: readonly CertificatePlan[];
  private readonly tickets: TicketKeysPlan | null;

  constructor(
    plan: DownstreamTlsPlan,
    certificates: readonly CertificatePlan[],
    validation: ValidationPlan | null,
    tickets: TicketKeysPlan | null,
  ) {
    this.certificates = certificates;
    this.validation = validation;
    this.tickets = tickets;
    const contextOf = (some: readonly CertificatePlan[]): SecureContext =>
      secureContext(plan, some, validation, { ...plan, tickets });
    this.byName =
      certificates.length === 1 ? null : new ServerCertificates(certificates, plan.scansAllCertificates, contextOf);
    this.context = this.byName?.fallback ?? contextOf(certificates);
    this.leaf = certificates[0].certificates[0];
    this.asksForCertificate = plan.requireClientCertificate || validation !== null;
  }

  isOf(
    certificates: readonly CertificatePlan[],
    validation: ValidationPlan | null,
    tickets: TicketKeysPlan | null,
  ): boolean {
    if (this.validation !== validation || this.tickets !== tickets) return false;
    return certificates.every((each, i) => each === this.certificates[i]);
  }
}

const NOTHING = new Uint8Array(0);
const NO_FINGERPRINTS = { ja3: false, ja4: false } as const;

class TlsServerSession extends TlsSession {
  private readonly owner: TlsServerTransport;
  private early: Uint8Array | null;
  private identity: ServerIdentity | null = null;
  /** The client offers one of our protocols. */
  private speaksOurs = false;
  /** The client is a proxy of ours. */
  private isPeer = false;

  constructor(owner: TlsServerTransport, early: Uint8Array | null) {
    super(owner.stats, owner.wallMs);
    this.owner = owner;
    this.early = early;
  }

  override get timeoutMs(): number {
    return this.owner.plan.handshakeTimeoutMs;
  }

  override timedOut(): void {
    this.owner.timeouts.value++;
  }

  /**
   * A server that speaks none of the protocols that a client offers says nothing of protocols (Envoy); OpenSSL would have it end the
   * connection. So what is offered is read before anything is answered.
   */
  override ready(accepted: Socket, then: () => void): boolean {
    if ((this.owner.plan.alpn.length === 0 && !this.owner.takesPeers) || this.readOffer(this.early ?? NOTHING))
      return true;
    let read = Buffer.from(this.early ?? NOTHING);
    this.early = null;
    const onData = (chunk: Buffer): void => {
      // cold: a client's first message, when it comes in pieces
      read = Buffer.concat([read, chunk]);
      if (!this.readOffer(read)) return;
      accepted.removeListener("data", onData);
      accepted.pause();
      accepted.unshift(read);
      then();
    };
    accepted.on("data", onData);
    return false;
  }

  /** False: there is more to come. */
  private readOffer(bytes: Uint8Array): boolean {
    const hello = readClientHello(bytes, NO_FINGERPRINTS);
    if (typeof hello === "number") return false;
    const { alpn } = this.owner.plan;
    if (hello === "not-tls") return true;
    const { applicationProtocols } = hello;
    this.speaksOurs = alpn.some((protocol) => applicationProtocols.includes(protocol));
    this.isPeer = this.owner.takesPeers && applicationProtocols.includes(PEER_PROTOCOL);
    return true;
  }

  begin(accepted: Socket, done: () => void): Socket | null {
    const { plan } = this.owner;
    const identity = this.owner.identity();
    if (identity === null) {
      this.stats.secretsNotReady.value++;
      return null;
    }
    this.identity = identity;
    this.validation = identity.validation;
    if (this.early !== null) accepted.unshift(this.early);
    this.early = null;
    // Loaded here: a proxy without TLS does without it.
    const { TLSSocket } = process.getBuiltinModule("node:tls");
    const { byName } = identity;
    const socket = new TLSSocket(accepted, {
      isServer: true,
      secureContext: identity.context,
      requestCert: identity.asksForCertificate,
      rejectUnauthorized: plan.requireClientCertificate,
      ...(this.isPeer ? { ALPNProtocols: [PEER_PROTOCOL] } : this.speaksOurs ? { ALPNProtocols: [...plan.alpn] } : {}),
      ...(byName === null ? {} : { SNICallback: (name, answer) => answer(null, byName.contextFor(name)) }),
    });
    socket.once("secure", done);
    return this.watch(socket, accepted);
  }

  /** OpenSSL has insisted on one where it is required. */
  protected override get mayBeNobody(): boolean {
    return !this.owner.plan.requireClientCertificate;
  }

  override verify(): string {
    const refusal = super.verify();
    const servername = this.serverNameOf();
    this.serverName = servername;
    this.local = this.identity?.byName?.leafFor(servername) ?? this.identity?.leaf ?? null;
    return refusal;
  }
}
