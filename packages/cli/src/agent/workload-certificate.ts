/**
 * A workload's key and certificate: the key is made here and never leaves the process. Renewed at half of its life; while the
 * control plane is away what is there serves on, with warnings, until it expires.
 */
import type { KeyObject } from "node:crypto";
import { makeCertificateRequest, pemBlocks, readCertificate, toPem } from "@tulle/identity";
import type { Clock, Log } from "@tulle/xds";
import { reason } from "../errors.ts";
import { isUrgent, renewalDelay, retryDelay, spreadDelay } from "./renewal.ts";

const { generateKeyPairSync, X509Certificate } = process.getBuiltinModule("node:crypto");

/** PEM. */
export interface Credentials {
  /** The certificate, then what is between it and its root. */
  readonly certificate: string;
  readonly key: string;
  /** Roots to trust, the one that signs at the moment first. */
  readonly roots: string;
  /** The SPIFFE id that the certificate says. */
  readonly identity: string;
  readonly serial: string;
  /** Milliseconds since the epoch. */
  readonly receivedAt: number;
  readonly notAfter: number;
}

export interface WorkloadCertificateOptions {
  /** The SPIFFE id that the request names; what the certificate says is the authority's to decide. */
  readonly identity: string;
  /** Sends a request (PEM); resolves with IstioCertificateResponse.cert_chain. */
  readonly request: (csr: string) => Promise<readonly string[]>;
  /** Called with each new certificate, and when the roots are others. */
  readonly onChange: (credentials: Credentials) => void;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
}

/** setTimeout's longest. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export class WorkloadCertificate {
  readonly #options: WorkloadCertificateOptions;
  #current: Credentials | undefined;
  #cancel: (() => void) | undefined;
  #cancelExpiry: (() => void) | undefined;
  #failures = 0;
  #requests = 0;
  #failed = 0;
  #lastError = "";
  #busy = false;
  #closed = false;

  constructor(options: WorkloadCertificateOptions) {
    this.#options = options;
  }

  /** Undefined until the first has come, and while there is none that is valid. */
  get current(): Credentials | undefined {
    const now = this.#options.clock.now();
    return this.#current !== undefined && this.#current.notAfter > now ? this.#current : undefined;
  }

  /** Why there is none yet, or why it is not renewed; "" if all is well. */
  get lastError(): string {
    return this.#lastError;
  }

  /** Attempts, and those of them that failed. */
  get requests(): { readonly sent: number; readonly failed: number } {
    return { sent: this.#requests, failed: this.#failed };
  }

  /** Asks until there is a certificate, and from then on keeps it fresh. */
  start(): void {
    void this.#renew();
  }

  close(): void {
    this.#closed = true;
    this.#cancel?.();
    this.#cancelExpiry?.();
  }

  /** The control plane has told which roots to trust. A certificate of one that signs no more is renewed soon. */
  trust(roots: string): void {
    if (this.#current === undefined || roots === this.#current.roots) return;
    this.#current = { ...this.#current, roots };
    this.#options.onChange(this.#current);
    if (isOfFirstRoot(this.#current)) return;
    this.#options.log("info", "the mesh signs with another root: the certificate is renewed");
    this.#schedule(spreadDelay(this.#options.random()));
  }

  #schedule(delayMs: number): void {
    this.#cancel?.();
    if (this.#closed) return;
    this.#cancel = this.#options.clock.after(Math.min(delayMs, LONGEST_TIMER_MS), () => void this.#renew());
  }

  async #renew(): Promise<void> {
    if (this.#busy || this.#closed) return;
    this.#busy = true;
    const { clock, random, log, identity } = this.#options;
    this.#requests++;
    try {
      const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
      const csr = toPem("CERTIFICATE REQUEST", makeCertificateRequest(identity, publicKey, privateKey));
      const credentials = credentialsOf(await this.#options.request(csr), privateKey, clock.now());
      if (this.#closed) return;
      if (this.#failures > 0) log("info", "the certificate has been renewed after all", { failures: this.#failures });
      this.#failures = 0;
      this.#lastError = "";
      this.#current = credentials;
      this.#watchExpiry(credentials);
      this.#options.onChange(credentials);
      this.#schedule(renewalDelay(credentials.receivedAt, credentials.notAfter, random()));
    } catch (error) {
      this.#failedWith(reason(error));
    } finally {
      this.#busy = false;
    }
  }

  #failedWith(why: string): void {
    if (this.#closed) return;
    const { clock, random, log } = this.#options;
    this.#failed++;
    this.#failures++;
    const now = clock.now();
    const left = this.current === undefined ? undefined : this.current.notAfter - now;
    const retryInMs = Math.round(retryDelay(this.#failures, left, random()));
    if (this.current === undefined) {
      // The first attempts are often made before the control plane is there.
      if (why !== this.#lastError) log("warn", "no certificate yet", { reason: why, retryInMs });
    } else {
      const urgent = isUrgent(this.current.receivedAt, this.current.notAfter, now);
      log(urgent ? "error" : "warn", "the certificate cannot be renewed; the one in hand serves on until it expires", {
        reason: why,
        expires: new Date(this.current.notAfter).toISOString(),
        retryInMs,
      });
    }
    this.#lastError = why;
    this.#schedule(retryInMs);
  }

  #watchExpiry({ notAfter }: Credentials): void {
    const { clock, log } = this.#options;
    this.#cancelExpiry?.();
    this.#cancelExpiry = clock.after(Math.min(Math.max(notAfter - clock.now(), 0), LONGEST_TIMER_MS), () => {
      if (this.#current?.notAfter !== notAfter || notAfter > clock.now()) return;
      log("error", "the certificate has expired: peers refuse this workload until it gets a new one", {
        reason: this.#lastError,
      });
    });
  }
}

/** Throws if the answer is not what its protocol says, or not for the key. */
function credentialsOf(chain: readonly string[], privateKey: KeyObject, receivedAt: number): Credentials {
  const roots = chain.at(-1);
  const certificates = chain.slice(0, -1);
  const [leaf] = pemBlocks("CERTIFICATE", certificates[0] ?? "");
  if (roots === undefined || leaf === undefined)
    throw new Error("the certificate authority's answer has no certificate and roots");
  if (!new X509Certificate(leaf).checkPrivateKey(privateKey)) {
    throw new Error("the certificate authority's answer is for another key");
  }
  const { uris, serial, notAfter } = readCertificate(leaf);
  return {
    certificate: certificates.join(""),
    key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    roots,
    identity: uris[0] ?? "",
    serial,
    receivedAt,
    notAfter,
  };
}

/** Whether the root that signs at the moment is above the certificate. */
function isOfFirstRoot({ certificate, roots }: Credentials): boolean {
  const [root] = pemBlocks("CERTIFICATE", roots);
  const last = pemBlocks("CERTIFICATE", certificate).at(-1);
  if (root === undefined || last === undefined) return false;
  const [above, below] = [new X509Certificate(root), new X509Certificate(last)];
  return below.checkIssued(above) && below.verify(above.publicKey);
}
