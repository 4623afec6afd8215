/** The control plane's certificate authority: what it signs with at the moment, and what it has given out. */
import { generateKeyPairSync, randomBytes, X509Certificate } from "node:crypto";
import { readCertificate } from "@tulle/identity";
import type { Clock, Log } from "@tulle/xds";
import type { Authority, IssuedCertificate, LeafRequest } from "./authority.ts";
import { fingerprintOf, issueLeaf } from "./authority.ts";
import { AuthorityFile } from "./authority-file.ts";
import type { MakeContext, OwnAuthority } from "./own-authority.ts";
import { authorityOfOwn, makeRoot, newAuthority, withIntermediate } from "./own-authority.ts";
import { parsePluggedIn, readPluggedIn } from "./plugged-in.ts";

export interface AuthorityOptions {
  readonly stateDir: string;
  /** Directory in the form of Istio's secret `cacerts`; undefined: an authority of our own making. */
  readonly cacerts: string | undefined;
  /** Whether our own root signs through an intermediate. */
  readonly intermediate: boolean;
  /** Asked when a root is made, for its name. */
  readonly trustDomain: () => string;
  readonly clock: Clock;
  readonly log: Log;
}

/** How often the files of a plugged-in authority are read. */
const WATCH_MS = 5_000;
/** How often the age of what signs is looked at. (Istio: root check once an hour) */
const CHECK_MS = 3_600_000;
/** A root with less of its life left should be replaced. (Istio's DefaultRootCertGracePeriodPercentile: 20) */
const ROOT_GRACE = 0.2;

export class CertificateAuthority {
  readonly #options: AuthorityOptions;
  readonly #file: AuthorityFile;
  readonly #listeners = new Set<() => void>();
  #own: OwnAuthority | undefined;
  #authority!: Authority;
  #pluggedIn = "";
  #complaint = "";
  #cancel: (() => void) | undefined;
  #closed = false;

  constructor(options: AuthorityOptions) {
    this.#options = options;
    this.#file = new AuthorityFile(options.stateDir);
  }

  /** Makes a root if there is none. Rejects with an AuthorityError if what is there cannot be used. */
  async start(): Promise<void> {
    if (this.#options.cacerts === undefined) {
      const found = await this.#file.load();
      const own = withIntermediate(found ?? newAuthority(this.#context()), this.#context());
      this.#own = own;
      this.#authority = authorityOfOwn(own);
      if (own !== found) await this.#file.save(own);
      else await this.#file.saveRoots(this.#authority.roots);
    } else {
      await this.#readPluggedIn(this.#options.cacerts);
    }
    this.#warnOfAge();
    this.#schedule();
  }

  close(): void {
    this.#closed = true;
    this.#cancel?.();
  }

  get current(): Authority {
    return this.#authority;
  }

  /** Undefined for one that is plugged in: its owner rotates it. */
  get own(): OwnAuthority | undefined {
    return this.#own;
  }

  /** All roots to trust, as one text; the one that signs first. */
  get bundle(): string {
    return this.#authority.roots.join("");
  }

  /** Where the same is kept for others to read. */
  get bundlePath(): string {
    return this.#file.rootsPath;
  }

  /** Fingerprint of the root that signs. */
  get root(): string {
    return fingerprintOf(this.#authority.roots[0]);
  }

  issue(request: Pick<LeafRequest, "publicKey" | "names" | "lifetimeMs">): IssuedCertificate {
    return issueLeaf(this.#authority, { ...request, now: this.#options.clock.now(), random: randomBytes });
  }

  /** Calls back after each change of what signs or of what is to be trusted. */
  onChange(listener: () => void): void {
    this.#listeners.add(listener);
  }

  /** Another root, with what is below it, as this authority would make it. */
  makeRoot(): OwnAuthority["roots"][0] {
    return makeRoot(this.#context());
  }

  /** Takes effect when it is on disk. */
  async replaceOwn(own: OwnAuthority): Promise<void> {
    await this.#file.save(own);
    this.#own = own;
    this.#replace(authorityOfOwn(own));
  }

  #context(): MakeContext {
    return {
      trustDomain: this.#options.trustDomain(),
      intermediate: this.#options.intermediate,
      now: this.#options.clock.now(),
      random: randomBytes,
      newKeys: () => generateKeyPairSync("ec", { namedCurve: "P-256" }),
    };
  }

  #replace(authority: Authority): void {
    this.#authority = authority;
    for (const listener of this.#listeners) listener();
  }

  #schedule(): void {
    if (this.#closed) return;
    const { cacerts, clock, log } = this.#options;
    this.#cancel = clock.after(cacerts === undefined ? CHECK_MS : WATCH_MS, () => {
      const check = cacerts === undefined ? this.#renewIntermediate() : this.#watch(cacerts);
      check
        .catch((error: unknown) => log("error", "cannot renew the certificate authority", { error }))
        .finally(() => this.#schedule());
    });
  }

  async #renewIntermediate(): Promise<void> {
    const own = withIntermediate(this.#own!, this.#context());
    if (own !== this.#own) await this.replaceOwn(own);
    this.#warnOfAge();
  }

  /** Files that do not fit together may be half replaced: what was good stays in force. */
  async #watch(folder: string): Promise<void> {
    try {
      await this.#readPluggedIn(folder);
      this.#complaint = "";
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      if (why !== this.#complaint) {
        this.#options.log(
          "error",
          "the plugged-in certificate authority has become wrong; the one before stays in force",
          { error },
        );
      }
      this.#complaint = why;
    }
  }

  async #readPluggedIn(folder: string): Promise<void> {
    const files = await readPluggedIn(folder);
    const text = JSON.stringify(files);
    if (text === this.#pluggedIn) return;
    const authority = parsePluggedIn(folder, files, this.#options.clock.now());
    this.#pluggedIn = text;
    await this.#file.saveRoots(authority.roots);
    if (this.#authority !== undefined)
      this.#options.log("info", "the plugged-in certificate authority has been replaced", { folder });
    this.#replace(authority);
  }

  #warnOfAge(): void {
    const { clock, log } = this.#options;
    const { notBefore, notAfter } = readCertificate(new X509Certificate(this.#authority.roots[0]).raw);
    if (notAfter - clock.now() >= (notAfter - notBefore) * ROOT_GRACE) return;
    const how = this.#own === undefined ? "put a new one into the directory it is plugged in from" : "tulle ca rotate";
    log("warn", `the root certificate should be replaced: ${how}`, { expires: new Date(notAfter).toISOString() });
  }
}
