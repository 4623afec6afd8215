/**
 * IstioCertificateService: whoever has proved who it is gets a certificate for the key that its request holds. What the request
 * itself says about names is not read. (istio/istio `security/pkg/server/ca/server.go`)
 */
import { create } from "@bufbuild/protobuf";
import type { JsonObject } from "@bufbuild/protobuf";
import { status as Status } from "@grpc/grpc-js";
import type { Server, ServerUnaryCall } from "@grpc/grpc-js";
import type { SpiffeId } from "@tulle/identity";
import {
  CertificateRequestError,
  formatSpiffeId,
  keyOfCertificateRequest,
  parseSpiffeId,
  pemBlocks,
} from "@tulle/identity";
import type { Clock, Log } from "@tulle/xds";
import { createCertificate } from "@tulle/xds/certificate-service";
import type { IstioCertificateRequest, IstioCertificateResponse } from "@tulle/xds/gen/security/v1alpha1/ca_pb.js";
import { IstioCertificateResponseSchema } from "@tulle/xds/gen/security/v1alpha1/ca_pb.js";
import { AdsRefusal } from "@tulle/xds/server";
import type { CallOrigin } from "@tulle/xds/server";
import type { Caller, TrustDomains } from "./callers.ts";
import { inDomain } from "./callers.ts";
import type { CertificateAuthority } from "./certificate-authority.ts";
import type { IdentityMetrics } from "./identity-metrics.ts";
import type { JoinTokens } from "./join-tokens.ts";
import type { Ledger } from "./ledger.ts";
import { RateLimiter } from "./rate-limiter.ts";

export interface CertificateServiceOptions {
  readonly authority: CertificateAuthority;
  readonly tokens: JoinTokens;
  readonly ledger: Ledger;
  readonly trustDomains: () => TrustDomains;
  /** Of certificates whose requests name none; milliseconds. */
  readonly lifetimeMs: number;
  readonly metrics: IdentityMetrics;
  readonly clock: Clock;
  readonly log: Log;
}

/** (istio/istio `security/pkg/cmd/constants.go`, DefaultMaxWorkloadCertTTL) */
const MAX_LIFETIME_MS = 90 * 86_400_000;
/** An RSA key of 4096 bits and its signature make less than 2 KiB in PEM. */
const MAX_CSR_CHARACTERS = 16 * 1024;
const MAX_NODE_CHARACTERS = 1024;
/** A workload needs two a day. */
const RATE_OF_ONE = { burst: 100, perSecond: 10 };
/** A check of a request and a signature take about half a millisecond. */
const RATE_OF_ALL = { burst: 1000, perSecond: 200 };

type Call = ServerUnaryCall<IstioCertificateRequest, IstioCertificateResponse>;

export class CertificateService {
  readonly #options: CertificateServiceOptions;
  readonly #ofOne: RateLimiter;
  readonly #ofAll: RateLimiter;

  constructor(options: CertificateServiceOptions) {
    this.#options = options;
    this.#ofOne = new RateLimiter(RATE_OF_ONE, options.clock);
    this.#ofAll = new RateLimiter(RATE_OF_ALL, options.clock);
  }

  /** Adds the service to a gRPC server whose callers `authenticate` knows; it throws AdsRefusal for others. */
  register(server: Server, authenticate: (call: CallOrigin) => Caller): void {
    server.addService(
      { createCertificate },
      {
        createCertificate: (
          call: Call,
          answer: (error: { code: number; details: string } | null, response?: IstioCertificateResponse) => void,
        ) => {
          const { log } = this.#options;
          try {
            answer(null, this.#create(call.request, this.#authenticated(call, authenticate)));
          } catch (error) {
            const refused = error instanceof AdsRefusal;
            const peer = call.getPeer();
            if (refused) log("warn", "certificate refused", { peer, reason: error.message });
            else log("error", "cannot issue a certificate", { peer, error });
            if (!refused) this.#options.metrics.count("signErrors");
            const details = refused ? error.message : "the certificate authority failed; see its log";
            answer({ code: refused ? error.code : Status.INTERNAL, details });
          }
        },
      },
    );
  }

  #authenticated(call: Call, authenticate: (call: CallOrigin) => Caller): Caller {
    this.#options.metrics.count("csrs");
    try {
      return authenticate(call);
    } catch (error) {
      this.#options.metrics.count("authenticationFailures");
      throw error;
    }
  }

  #create(request: IstioCertificateRequest, caller: Caller): IstioCertificateResponse {
    const { authority, ledger, log, metrics, clock } = this.#options;
    const { id, token } = this.#identity(caller, request.metadata ?? {});
    const identity = formatSpiffeId(id);
    // The local socket is one caller for all of the machine's workloads.
    const within = caller.kind === "local" || this.#ofOne.take(identity);
    if (!within || !this.#ofAll.take("")) {
      throw new AdsRefusal(
        Status.RESOURCE_EXHAUSTED,
        `too many certificates are asked for as ${identity}; try again later`,
      );
    }
    const issued = authority.issue({
      publicKey: this.#key(request.csr),
      names: { uris: [identity] },
      lifetimeMs: this.#lifetime(request.validityDuration),
    });
    const { serial, notAfter, root } = issued;
    const node = textField(request.metadata ?? {}, "NODE_ID").slice(0, MAX_NODE_CHARACTERS);
    ledger.add({ identity, node, serial, issuedAt: clock.now(), notAfter, root, token });
    metrics.count("issued");
    const expires = new Date(notAfter).toISOString();
    log("info", "certificate issued", { identity, serial, expires, by: caller.kind, ...(node === "" ? {} : { node }) });
    return create(IstioCertificateResponseSchema, { certChain: [...issued.chain, authority.bundle] });
  }

  /** Whose certificate it will be, and the token that the holder joined with. */
  #identity(caller: Caller, metadata: JsonObject): { id: SpiffeId; token: string | undefined } {
    const { trustDomains, ledger, tokens, metrics } = this.#options;
    try {
      const wanted = textField(metadata, "ImpersonatedIdentity");
      const named = wanted === "" ? undefined : parseSpiffeId(wanted);
      if (wanted !== "" && named === undefined) {
        throw new AdsRefusal(
          Status.INVALID_ARGUMENT,
          `ImpersonatedIdentity ${JSON.stringify(wanted.slice(0, 80))} is no workload's SPIFFE id`,
        );
      }
      if (caller.kind === "local") {
        // What its trust domain is called the mesh knows, not the workload.
        if (named !== undefined) return { id: { ...named, trustDomain: trustDomains()[0] }, token: undefined };
        const message =
          "over the local socket a request says in its metadata, as ImpersonatedIdentity, whose certificate it is to be";
        throw new AdsRefusal(Status.INVALID_ARGUMENT, message);
      }
      if (named !== undefined && formatSpiffeId(inDomain(named, trustDomains())) !== formatSpiffeId(caller.id)) {
        throw new AdsRefusal(
          Status.PERMISSION_DENIED,
          `${formatSpiffeId(caller.id)} asked for a certificate of ${wanted}`,
        );
      }
      if (caller.kind === "token") return caller;
      const token = ledger.find(caller.serial)?.token;
      if (token !== undefined && tokens.isRevoked(token)) {
        throw new AdsRefusal(
          Status.PERMISSION_DENIED,
          `${formatSpiffeId(caller.id)} joined with token ${token}, which was revoked: its certificate is not renewed`,
        );
      }
      return { id: caller.id, token };
    } catch (error) {
      metrics.count("identityErrors");
      throw error;
    }
  }

  #key(csr: string): ReturnType<typeof keyOfCertificateRequest> {
    try {
      if (csr.length > MAX_CSR_CHARACTERS) {
        throw new CertificateRequestError(
          `the certificate request has ${csr.length} characters, at most ${MAX_CSR_CHARACTERS} are read`,
        );
      }
      const [der] = pemBlocks("CERTIFICATE REQUEST", csr);
      if (der === undefined) throw new CertificateRequestError("there is no certificate request in PEM");
      return keyOfCertificateRequest(der);
    } catch (error) {
      if (!(error instanceof CertificateRequestError)) throw error;
      this.#options.metrics.count("csrErrors");
      throw new AdsRefusal(Status.INVALID_ARGUMENT, error.message);
    }
  }

  #lifetime(seconds: bigint): number {
    const wanted = Number(seconds) * 1000;
    if (wanted === 0) return this.#options.lifetimeMs;
    if (wanted > 0 && wanted <= MAX_LIFETIME_MS) return wanted;
    const message = `a lifetime of ${seconds} s was asked for, possible are 1 to ${MAX_LIFETIME_MS / 1000}`;
    throw new AdsRefusal(Status.INVALID_ARGUMENT, message);
  }
}

function textField(metadata: JsonObject, name: string): string {
  const value = metadata[name];
  return typeof value === "string" ? value : "";
}
