import type { Socket } from "node:net";
import type { SecureContext } from "node:tls";
import type { Certificate } from "../../codec/x509/certificate.ts";
import type { CertificatePlan, UpstreamTlsPlan, ValidationPlan } from "../../plan/tls-plan.ts";
import type { TransportSecurity } from "../transport.ts";
import { secureContext } from "./contexts.ts";
import { PEER_PROTOCOL } from "./peer-protocol.ts";
import { TlsSession } from "./session.ts";
import type { SslStats } from "./ssl-stats.ts";

/** Offered to proxies of a mesh, beside what is spoken, and to nobody else. (istio/istio `pilot/pkg/networking/util/util.go`) */
const MESH_PROTOCOL = "istio";

/** `envoy.transport_sockets.tls` of a cluster. */
export class TlsClientTransport {
  readonly plan: UpstreamTlsPlan;
  readonly stats: SslStats;
  readonly wallMs: () => number;
  readonly toMesh: boolean;
  private made: ClientIdentity | null = null;

  constructor(plan: UpstreamTlsPlan, stats: SslStats, wallMs: () => number) {
    this.plan = plan;
    this.toMesh = plan.alpn.includes(MESH_PROTOCOL);
    this.stats = stats;
    this.wallMs = wallMs;
  }

  /**
   * @param hostName of the host, "" for none
   * @param alpn what is offered where the context names nothing
   * @param offersPeer before everything else, what proxies of ours speak with each other
   * @param serverName @param certifiedName what a request wants to ask for and to see; "" = nothing special
   */
  session(
    hostName: string,
    alpn: readonly string[],
    serverName = "",
    certifiedName = "",
    offersPeer = false,
  ): TransportSecurity {
    const { plan } = this;
    const ownName = plan.autoHostSni && hostName !== "" ? hostName : plan.sni;
    const sni = serverName === "" ? ownName : serverName;
    const offered = plan.alpn.length > 0 ? plan.alpn : alpn;
    return new TlsClientSession(this, sni, certifiedName, offersPeer ? [PEER_PROTOCOL, ...offered] : offered);
  }

  /** With the present versions of all secrets; null while one of them is missing. */
  identity(): ClientIdentity | null {
    const { plan, made } = this;
    const [certificate = { current: undefined }] = plan.certificates;
    const { current } = certificate;
    const validation = plan.validation?.current() ?? null;
    if (current === null || (plan.validation !== null && validation === null)) return null;
    if (made !== null && made.certificate === current && made.validation === validation) return made;
    if (made !== null) this.stats.updatedBySds.value++;
    for (const ref of plan.certificates) this.stats.expires("cert", ref, ref.current?.certificates[0]);
    if (plan.validation !== null) this.stats.expires("ca_cert", plan.validation, validation?.authorities[0]);
    return (this.made = new ClientIdentity(plan, current, validation));
  }
}

/** One version of a client's certificate and of whom it trusts; its sessions go with it. */
class ClientIdentity {
  readonly certificate: CertificatePlan | undefined;
  readonly validation: ValidationPlan | null;
  readonly context: SecureContext;
  /** The newest last. */
  private readonly sessions: KnownSession[] = [];
  private readonly maxSessions: number;

  constructor(plan: UpstreamTlsPlan, certificate: CertificatePlan | undefined, validation: ValidationPlan | null) {
    this.certificate = certificate;
    this.validation = validation;
    this.context = secureContext(plan, certificate === undefined ? [] : [certificate], validation, null);
    this.maxSessions = plan.maxSessionKeys;
  }

  /** The newest; `keepSession` gives it back. */
  takeSession(): KnownSession | undefined {
    return this.sessions.pop();
  }

  keepSession(session: KnownSession): void {
    if (this.maxSessions === 0) return;
    this.sessions.push(session);
    if (this.sessions.length > this.maxSessions) this.sessions.shift();
  }
}

/** A session, and what the server showed when it was made. */
interface KnownSession {
  readonly ticket: Buffer;
  readonly chain: readonly Certificate[];
}

class TlsClientSession extends TlsSession {
  private readonly owner: TlsClientTransport;
  private readonly offered: readonly string[];
  private identity: ClientIdentity | null = null;
  private resumed: KnownSession | undefined;

  constructor(owner: TlsClientTransport, sni: string, certifiedName: string, offered: readonly string[]) {
    super(owner.stats, owner.wallMs);
    this.owner = owner;
    this.serverName = sni;
    this.offered = offered;
    this.toMesh = owner.toMesh;
    if (certifiedName !== "") this.expected = { name: certifiedName, byRequest: true };
    else if (owner.plan.autoSniSanValidation) this.expected = { name: sni, byRequest: false };
  }

  begin(connected: Socket, done: () => void): Socket | null {
    const identity = this.owner.identity();
    if (identity === null) {
      this.stats.secretsNotReady.value++;
      return null;
    }
    this.identity = identity;
    this.validation = identity.validation;
    this.resumed = identity.takeSession();
    if (this.resumed !== undefined) this.knownChain = this.resumed.chain;
    // Loaded here: a proxy without TLS does without it.
    const { connect } = process.getBuiltinModule("node:tls");
    const socket = connect({
      socket: connected,
      secureContext: identity.context,
      // We look at the certificate ourselves: `verify`.
      rejectUnauthorized: false,
      checkServerIdentity: () => undefined,
      ...(this.serverName === "" ? {} : { servername: this.serverName }),
      ...(this.offered.length === 0 ? {} : { ALPNProtocols: [...this.offered] }),
      ...(this.resumed === undefined ? {} : { session: this.resumed.ticket }),
    });
    // Nothing may be written in this event (Node 24): it only keeps the session.
    socket.on("session", (ticket) => identity.keepSession({ ticket, chain: this.peerChain }));
    socket.once("secureConnect", done);
    return this.watch(socket, connected);
  }

  protected override get mayBeNobody(): boolean {
    return false;
  }

  override verify(): string {
    const refusal = super.verify();
    if (refusal !== "") return refusal;
    // Servers on this runtime give no new ticket to who comes with one: it is good until there is another.
    if (this.reused && this.resumed !== undefined) this.identity?.keepSession(this.resumed);
    this.local = this.identity?.certificate?.certificates[0] ?? null;
    return "";
  }
}
