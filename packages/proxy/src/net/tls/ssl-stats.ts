import type { Certificate } from "../../codec/x509/certificate.ts";
import type { Counter, StatsRegistry } from "../../stats/index.ts";
import type { TlsInfo } from "../../plan/request-views.ts";

/** The beginning of the SHA-256 of no name. */
const NAMELESS = "e3b0c442";

/** `ssl.` under a listener or a cluster. Source: Envoy `source/common/tls/stats.h`. */
export class SslStats {
  readonly connectionError: Counter;
  readonly handshake: Counter;
  readonly sessionReused: Counter;
  readonly noCertificate: Counter;
  readonly failVerifyNoCert: Counter;
  readonly failVerifyError: Counter;
  readonly failVerifySan: Counter;
  readonly failVerifyCertHash: Counter;
  /** Secrets that were not there when they were needed, and that have come. */
  readonly secretsNotReady: Counter;
  readonly updatedBySds: Counter;
  private readonly registry: StatsRegistry;
  private readonly prefix: string;
  /** By name: ciphers and versions are few. */
  private readonly detailed = new Map<string, Counter>();

  /** @param prefix `listener.l.`, `cluster.a.` */
  constructor(registry: StatsRegistry, prefix: string, side: "server" | "client") {
    this.registry = registry;
    this.prefix = `${prefix}ssl.`;
    const counter = (name: string): Counter => registry.counter(`${this.prefix}${name}`);
    this.connectionError = counter("connection_error");
    this.handshake = counter("handshake");
    this.sessionReused = counter("session_reused");
    this.noCertificate = counter("no_certificate");
    this.failVerifyNoCert = counter("fail_verify_no_cert");
    this.failVerifyError = counter("fail_verify_error");
    this.failVerifySan = counter("fail_verify_san");
    this.failVerifyCertHash = counter("fail_verify_cert_hash");
    // Nothing is stapled.
    for (const name of ["failed", "omitted", "requests", "responses"]) counter(`ocsp_staple_${name}`);
    const factory = (name: string): Counter => registry.counter(`${prefix}${side}_ssl_socket_factory.${name}`);
    const notReady = {
      server: factory("downstream_context_secrets_not_ready"),
      client: factory("upstream_context_secrets_not_ready"),
    };
    this.secretsNotReady = notReady[side];
    this.updatedBySds = factory("ssl_context_update_by_sds");
  }

  /** It is in use: when it expires. @param ref the secret that it is from; of a configuration's own the last one counts */
  expires(kind: "cert" | "ca_cert", ref: { readonly name: string }, certificate: Certificate | undefined): void {
    if (certificate === undefined) return;
    const name = ref.name === "" ? `unnamed_${kind}_${NAMELESS}` : ref.name;
    const gauge = this.registry.gauge(`${this.prefix}certificate.${name}.expiration_unix_time_seconds`);
    gauge.value = Math.floor(certificate.validTo / 1000);
  }

  /** A handshake has succeeded. */
  count(info: TlsInfo): void {
    this.handshake.value++;
    if (info.reused) this.sessionReused.value++;
    this.detail("ciphers", info.cipher).value++;
    this.detail("versions", info.version).value++;
    if (info.group !== "") this.detail("curves", info.group).value++;
    if (info.peer === null) this.noCertificate.value++;
  }

  private detail(kind: string, name: string): Counter {
    const key = `${kind}.${name}`;
    let counter = this.detailed.get(key);
    if (counter === undefined) {
      // cold: a few times in a process's life
      counter = this.registry.counter(this.prefix + key);
      this.detailed.set(key, counter);
    }
    return counter;
  }
}
