/** Identities as a whole: the authority and all that is served around it. */
import { randomBytes, X509Certificate } from "node:crypto";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Server } from "@grpc/grpc-js";
import type { Clock, Log } from "@tulle/xds";
import { ADS_SERVER_OPTIONS } from "@tulle/xds/server";
import type { CallOrigin, PeerSecurity } from "@tulle/xds/server";
import { callerOf, localCaller, securityOf } from "./callers.ts";
import type { CallerOptions, TrustDomains } from "./callers.ts";
import { CertificateAuthority } from "./certificate-authority.ts";
import { CertificateService } from "./certificate-service.ts";
import { LocalEndpoint, TlsEndpoint } from "./endpoints.ts";
import { IdentityMetrics } from "./identity-metrics.ts";
import { JoinTokens } from "./join-tokens.ts";
import { Ledger } from "./ledger.ts";
import type { CutOff, Holder, RotationStep } from "./rotation.ts";
import { afterStep, nextStep, wouldCutOff } from "./rotation.ts";
import { keepServerCertificate } from "./server-certificate.ts";
import { TrustBundle } from "./trust-bundle.ts";

export interface IdentityOptions {
  readonly stateDir: string;
  readonly cacerts: string | undefined;
  readonly intermediate: boolean;
  /** Of workloads' certificates, in milliseconds; default 24 h. */
  readonly certificateLifetimeMs: number | undefined;
  readonly trustDomains: () => TrustDomains;
  readonly clock: Clock;
  readonly log: Log;
}

/** What proxies call: ADS, and what takes in their telemetry. */
export interface SecuredService {
  /** `secure` says who calls, and throws AdsRefusal for those who may not. */
  register(server: Server, options: { readonly secure: (call: CallOrigin) => PeerSecurity }): void;
}

/** A rotation of the root, as it stands. */
export interface RotationState {
  /** Undefined: the authority is plugged in, its owner rotates it. */
  readonly next: RotationStep | undefined;
  readonly cutOff: readonly CutOff[];
}

/** (istio/istio `security/pkg/cmd/constants.go`, DefaultWorkloadCertTTL) */
const DEFAULT_LIFETIME_MS = 24 * 3_600_000;
/** Of a socket's path on Linux, 108 with the zero that ends it; other systems have 104. */
const MAX_SOCKET_PATH = 103;

export class Identities {
  readonly authority: CertificateAuthority;
  readonly tokens: JoinTokens;
  readonly ledger: Ledger;
  readonly metrics = new IdentityMetrics();
  readonly #options: IdentityOptions;
  readonly #grpc = { tls: new Server(ADS_SERVER_OPTIONS), local: new Server(ADS_SERVER_OPTIONS) };
  readonly #closers: (() => void | Promise<void>)[] = [];
  #bundle!: TrustBundle;

  constructor(options: IdentityOptions) {
    const { stateDir, clock, log } = options;
    this.#options = options;
    this.authority = new CertificateAuthority({ ...options, trustDomain: () => options.trustDomains()[0] });
    this.tokens = new JoinTokens(stateDir, clock, randomBytes);
    this.ledger = new Ledger(stateDir, clock, log);
  }

  /** Reads or makes what there has to be. Rejects if something is there and cannot be used. */
  async start(): Promise<void> {
    await this.authority.start();
    await this.tokens.load();
    await this.ledger.load();
  }

  /** Serves certificates, trust bundles and `services` over TLS and over a local socket. Resolves with where. */
  async serve(
    services: readonly SecuredService[],
    tls: { host: string; port: number },
  ): Promise<{ tlsPort: number; socket: string }> {
    const { clock, log, trustDomains, certificateLifetimeMs: lifetimeMs = DEFAULT_LIFETIME_MS } = this.#options;
    const { authority, tokens, ledger, metrics } = this;
    const service = new CertificateService({
      authority,
      tokens,
      ledger,
      trustDomains,
      lifetimeMs,
      metrics,
      clock,
      log,
    });
    this.#bundle = new TrustBundle(authority, clock, log);

    let endpoint: TlsEndpoint | undefined;
    const callers: CallerOptions = {
      tokens,
      trustDomains,
      now: () => clock.now(),
      renewedUntil: (serial) => ledger.renewedUntil(serial),
      peerAt: (address) => endpoint?.peerAt(address),
    };
    const local = { secure: () => securityOf(localCaller()) };
    const remote = { secure: (call: Parameters<typeof callerOf>[0]) => securityOf(callerOf(call, callers)) };
    for (const [server, { secure }] of [
      [this.#grpc.local, local],
      [this.#grpc.tls, remote],
    ] as const) {
      for (const each of services) each.register(server, { secure });
      this.#bundle.register(server, secure);
    }
    service.register(this.#grpc.local, localCaller);
    service.register(this.#grpc.tls, (call) => callerOf(call, callers));

    this.#closers.push(
      keepServerCertificate(authority, [tls.host], clock, (identity) => {
        if (endpoint === undefined) endpoint = new TlsEndpoint(this.#grpc.tls, identity, log);
        else endpoint.update(identity);
      }),
      () => endpoint?.close(),
    );
    const tlsPort = await endpoint!.listen(tls.host, tls.port);
    const socket = new LocalEndpoint(this.#grpc.local);
    this.#closers.push(() => socket.close());
    const path = join(await this.socketFolder(), "grpc.sock");
    await socket.listen(path);
    return { tlsPort, socket: path };
  }

  #socketFolder: Promise<string> | undefined;

  /** For nobody else to enter: in the state directory, or elsewhere if that is too far down for a socket's name. */
  socketFolder(): Promise<string> {
    this.#socketFolder ??= this.#makeSocketFolder();
    return this.#socketFolder;
  }

  async #makeSocketFolder(): Promise<string> {
    const folder = join(this.#options.stateDir, "run");
    if (Buffer.byteLength(join(folder, "grpc.sock")) <= MAX_SOCKET_PATH) {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      return folder;
    }
    const elsewhere = await mkdtemp(join(tmpdir(), "tulle-"));
    this.#closers.push(() => rm(elsewhere, { recursive: true, force: true }));
    return elsewhere;
  }

  rotation(): RotationState {
    const { own } = this.authority;
    if (own === undefined) return { next: undefined, cutOff: [] };
    return { next: nextStep(own), cutOff: wouldCutOff(own, this.#holders()) };
  }

  /** Takes the next step, whoever it cuts off. */
  async rotate(): Promise<RotationState> {
    const { own } = this.authority;
    if (own === undefined) throw new TypeError("a plugged-in authority is rotated by whoever plugs it in");
    const step = nextStep(own);
    await this.authority.replaceOwn(afterStep(own, this.#options.clock.now(), () => this.authority.makeRoot()));
    this.#options.log("info", "root rotation", { step, root: this.authority.root });
    return this.rotation();
  }

  #holders(): readonly Holder[] {
    const confirmed = this.#bundle.confirmed();
    return this.ledger.current().map((leaf) => ({
      ...leaf,
      connected: leaf.node !== "" && confirmed.has(leaf.node),
      hasBundle: leaf.node !== "" && confirmed.get(leaf.node) === true,
    }));
  }

  renderMetrics(): string {
    const { roots, notAfter } = this.authority.current;
    const root = new X509Certificate(roots[0]).validToDate.getTime();
    return this.metrics.render({ root, chain: notAfter }, this.#options.clock.now());
  }

  /** Ends all streams and everything that listens. */
  async close(): Promise<void> {
    this.#bundle?.close();
    this.authority.close();
    for (const server of Object.values(this.#grpc)) server.forceShutdown();
    for (const close of this.#closers) await close();
    await this.ledger.flush();
  }
}
