/**
 * The secrets that transport sockets name: certificates, and whom to trust. They stand in the bootstrap, or come by SDS: over ADS, from a gRPC
 * service of their own, from files. Transport sockets hold a SecretRef; a new version is what the next handshake uses.
 */
import {
  type ConfigSource,
  ApiConfigSource_ApiType as ApiType,
} from "@tulle/xds/gen/envoy/config/core/v3/config_source_pb.js";
import type { SdsSecretConfig, Secret } from "@tulle/xds/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.js";
import { compileCertificate, compileValidation } from "../plan/compile-certificate.ts";
import type { SecretRefs, ValidationSecret } from "../plan/compile-tls.ts";
import { compileTicketKeys } from "../plan/compile-ticket-keys.ts";
import { milliseconds } from "../plan/duration.ts";
import { Place, type Problem, throwProblems } from "../plan/problems.ts";
import type { SecretFiles } from "./secret-files.ts";
import type { CertificatePlan, SecretRef, TicketKeysPlan } from "../plan/tls-plan.ts";

/** Source: Envoy api/envoy/config/core/v3/config_source.proto, initial_fetch_timeout. */
const DEFAULT_INITIAL_FETCH_TIMEOUT_MS = 15_000;

/** A gRPC service that serves secrets and nothing else. */
export interface SecretService {
  readonly clusterName: string;
  readonly mode: "delta" | "sotw";
  readonly initialFetchTimeoutMs: number;
}

/** Who asks for secrets. */
export interface SecretSubscriber {
  /** @param service null: of ADS, or of the file that has it */
  watchSecret(service: SecretService | null, name: string): void;
  unwatchSecret(service: SecretService | null, name: string): void;
}

/** What those who use secrets need. */
export type SecretUsers = Pick<SecretSet, "retain" | "release" | "whenReady">;

type Kind = "certificate" | "validation" | "ticketKeys";

const KINDS: readonly Kind[] = ["certificate", "validation", "ticketKeys"];

/** Envoy's words. */
const WORDS: Readonly<Record<Kind, string>> = {
  certificate: "secret",
  validation: "certificate validation context",
  ticketKeys: "session ticket keys",
};

/** A secret of SDS, as one kind of thing. */
class Slot<T> implements SecretRef<T> {
  readonly name: string;
  readonly service: SecretService | null;
  current: T | null = null;
  /** Listeners and clusters that use it. */
  users = 0;
  /** It has come, or its time is over. */
  ready = false;
  waiting: (() => void)[] = [];

  constructor(name: string, service: SecretService | null) {
    this.name = name;
    this.service = service;
  }
}

export interface SecretSetOptions {
  readonly subscriber: SecretSubscriber;
  /** Notes that a secret comes from a file, if it does. */
  readonly noteSource: (name: string, source: ConfigSource) => void;
  /** Names that gRPC services are reached by. */
  readonly checkCluster: (name: string, place: Place) => void;
  readonly files: Pick<SecretFiles, "watch" | "forget">;
}

export class SecretSet implements SecretRefs {
  private readonly options: SecretSetOptions;
  private readonly fixed: Readonly<Record<Kind, Map<string, SecretRef<unknown>>>> = {
    certificate: new Map(),
    validation: new Map(),
    ticketKeys: new Map(),
  };
  private readonly slots = new Map<string, Slot<unknown>>();

  constructor(options: SecretSetOptions) {
    this.options = options;
  }

  /** `static_resources.secrets`. */
  addStatic(secrets: readonly Secret[], placeOf: (index: number) => Place): void {
    for (const [i, { name, type }] of secrets.entries()) {
      const place = placeOf(i);
      if (type.case === "tlsCertificate") {
        if (this.fixed.certificate.has(name)) place.refuse(`Duplicate static TlsCertificate secret name ${name}`);
        const current = compileCertificate(type.value, place.field("tls_certificate"));
        this.fixed.certificate.set(name, { name, current });
      } else if (type.case === "validationContext") {
        if (this.fixed.validation.has(name)) {
          place.refuse(`Duplicate static CertificateValidationContext secret name ${name}`);
        }
        const plan = compileValidation(type.value, true, place.field("validation_context"));
        this.fixed.validation.set(name, { name, current: plan === null ? null : { message: type.value, plan } });
      } else if (type.case === "sessionTicketKeys") {
        if (this.fixed.ticketKeys.has(name)) place.refuse(`Duplicate static TlsSessionTicketKeys secret name ${name}`);
        const current = compileTicketKeys(type.value, place.field("session_ticket_keys"));
        this.fixed.ticketKeys.set(name, { name, current });
      }
    }
  }

  certificate(config: SdsSecretConfig, place: Place): SecretRef<CertificatePlan> {
    return this.ref("certificate", config, place) as SecretRef<CertificatePlan>;
  }

  validation(config: SdsSecretConfig, place: Place): SecretRef<ValidationSecret> {
    return this.ref("validation", config, place) as SecretRef<ValidationSecret>;
  }

  ticketKeys(config: SdsSecretConfig, place: Place): SecretRef<TicketKeysPlan> {
    return this.ref("ticketKeys", config, place) as SecretRef<TicketKeysPlan>;
  }

  private ref(kind: Kind, { name, sdsConfig }: SdsSecretConfig, place: Place): SecretRef<unknown> {
    if (sdsConfig === undefined) {
      const found = this.fixed[kind].get(name);
      if (found === undefined) place.refuse(`Unknown static ${WORDS[kind]}: ${name}`);
      return found ?? { name, current: null };
    }
    const service = this.serviceOf(sdsConfig, place.field("sds_config"));
    if (service === null) this.options.noteSource(name, sdsConfig);
    const key = `${kind} ${service?.clusterName ?? ""} ${name}`;
    let slot = this.slots.get(key);
    if (slot === undefined) this.slots.set(key, (slot = new Slot(name, service)));
    return slot;
  }

  /** Null: ADS or a file. */
  private serviceOf(source: ConfigSource, place: Place): SecretService | null {
    const specifier = source.configSourceSpecifier;
    if (specifier.case !== "apiConfigSource") return null;
    const at = place.field("api_config_source");
    const { apiType, grpcServices } = specifier.value;
    const [grpc, second] = grpcServices;
    if (second !== undefined) at.item("grpc_services", 1).refuse("more than one server of secrets is not supported");
    if (grpc?.targetSpecifier.case !== "envoyGrpc") {
      at.refuse("grpc_services needs one envoy_grpc");
      return null;
    }
    const { clusterName } = grpc.targetSpecifier.value;
    this.options.checkCluster(clusterName, at.item("grpc_services", 0));
    return {
      clusterName,
      mode: apiType === ApiType.DELTA_GRPC ? "delta" : "sotw",
      initialFetchTimeoutMs: milliseconds(source.initialFetchTimeout, DEFAULT_INITIAL_FETCH_TIMEOUT_MS),
    };
  }

  /** A listener or a cluster uses them: asks for those that nobody else does. */
  retain(refs: readonly SecretRef<unknown>[]): void {
    for (const ref of refs) {
      if (!(ref instanceof Slot) || ref.users++ > 0) continue;
      if (this.namesakes(ref).every((other) => other === ref || other.users === 0)) {
        this.options.subscriber.watchSecret(ref.service, ref.name);
      }
    }
  }

  release(refs: readonly SecretRef<unknown>[]): void {
    for (const ref of refs) {
      if (!(ref instanceof Slot) || --ref.users > 0) continue;
      for (const [key, slot] of this.slots) if (slot === ref) this.slots.delete(key);
      if (this.namesakes(ref).every((other) => other.users === 0)) {
        this.options.subscriber.unwatchSecret(ref.service, ref.name);
        this.options.files.forget(`${ref.service?.clusterName ?? ""} ${ref.name}`);
      }
    }
  }

  /** Calls back, perhaps at once, when what uses all of these may start. */
  whenReady(refs: readonly SecretRef<unknown>[], callback: () => void): void {
    const awaited = refs.filter((ref): ref is Slot<unknown> => ref instanceof Slot && !ref.ready);
    let missing = awaited.length;
    if (missing === 0) callback();
    for (const slot of awaited) {
      slot.waiting.push(() => {
        if (--missing === 0) callback();
      });
    }
  }

  /** SDS brought a secret. Throws ConfigError, and changes nothing, if it is not valid. @param cluster of the service, "" for others */
  apply(cluster: string, secret: Secret): void {
    this.read(cluster, secret);
    this.options.files.watch(`${cluster} ${secret.name}`, secret, () => this.read(cluster, secret));
  }

  private read(cluster: string, { name, type }: Secret): void {
    const problems: Problem[] = [];
    const place = new Place("", problems);
    const certificate =
      type.case === "tlsCertificate" ? compileCertificate(type.value, place.field("tls_certificate")) : null;
    // It may be completed by what it is combined with, so it need not be whole.
    const plan =
      type.case === "validationContext"
        ? compileValidation(type.value, false, place.field("validation_context"))
        : null;
    const tickets =
      type.case === "sessionTicketKeys" ? compileTicketKeys(type.value, place.field("session_ticket_keys")) : null;
    throwProblems(problems);
    if (tickets !== null) this.fill("ticketKeys", cluster, name, tickets);
    else if (type.case === "tlsCertificate") this.fill("certificate", cluster, name, certificate);
    else if (type.case === "validationContext" && plan !== null) {
      this.fill("validation", cluster, name, { message: type.value, plan });
    }
  }

  private fill(
    kind: Kind,
    cluster: string,
    name: string,
    value: CertificatePlan | ValidationSecret | TicketKeysPlan | null,
  ): void {
    const slot = this.slots.get(`${kind} ${cluster} ${name}`);
    if (slot === undefined || value === null) return;
    // What says the same as before is nothing new: connections go on with its sessions.
    if (identityOf(slot.current) !== identityOf(value)) slot.current = value;
    markReady(slot);
  }

  /** No secret came in time: what waits for it starts without. */
  timedOut(cluster: string, name: string): void {
    for (const kind of KINDS) {
      const slot = this.slots.get(`${kind} ${cluster} ${name}`);
      if (slot !== undefined) markReady(slot);
    }
  }

  /** Names asked for, and of whom; what is there of them. */
  all(): Iterable<SecretRef<unknown> & { readonly service: SecretService | null }> {
    return this.slots.values();
  }

  get someAreDynamic(): boolean {
    return this.slots.size > 0;
  }

  /** The same secret, as whatever it is taken for. */
  private namesakes({ name, service }: Slot<unknown>): Slot<unknown>[] {
    return [...this.slots.values()].filter(
      (slot) => slot.name === name && slot.service?.clusterName === service?.clusterName,
    );
  }
}

function markReady(slot: Slot<unknown>): void {
  slot.ready = true;
  for (const callback of slot.waiting.splice(0)) callback();
}

/** Of what a slot holds. */
function identityOf(content: unknown): string {
  if (typeof content !== "object" || content === null) return "";
  const { plan = content } = content as { readonly plan?: object };
  return (plan as { readonly fingerprint: string }).fingerprint;
}
