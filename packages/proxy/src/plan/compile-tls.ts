/** Transport sockets of filter chains and clusters: plain (null), or TLS. */
import { clone, mergeFromBinary, toBinary } from "@bufbuild/protobuf";
import type { TransportSocket } from "@tulle/xds/gen/envoy/config/core/v3/base_pb.js";
import {
  type CertificateValidationContext,
  CertificateValidationContextSchema,
} from "@tulle/xds/gen/envoy/extensions/transport_sockets/tls/v3/common_pb.js";
import type { SdsSecretConfig } from "@tulle/xds/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.js";
import type {
  CommonTlsContext,
  DownstreamTlsContext,
  UpstreamTlsContext,
} from "@tulle/xds/gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.js";
import { compileCertificate, compileValidation } from "./compile-certificate.ts";
import { compileTicketKeys } from "./compile-ticket-keys.ts";
import { milliseconds } from "./duration.ts";
import { Place } from "./problems.ts";
import { unpackExtension } from "./schemas.ts";
import { DOWNSTREAM_TLS, UPSTREAM_PROXY_PROTOCOL, UPSTREAM_TLS } from "./supported-fields/index.ts";
import { compileTlsParameters } from "./tls-parameters.ts";
import type {
  CertificatePlan,
  DownstreamTlsPlan,
  SecretRef,
  TicketKeysPlan,
  TlsContextPlan,
  TlsVersion,
  UpstreamTlsPlan,
  ValidationPlan,
  ValidationSource,
} from "./tls-plan.ts";

/** A validation context that came as a secret. */
export interface ValidationSecret {
  readonly message: CertificateValidationContext;
  readonly plan: ValidationPlan;
}

/** Where secrets come from. What cannot be had is reported to `place`. */
export interface SecretRefs {
  certificate(config: SdsSecretConfig, place: Place): SecretRef<CertificatePlan>;
  validation(config: SdsSecretConfig, place: Place): SecretRef<ValidationSecret>;
  ticketKeys(config: SdsSecretConfig, place: Place): SecretRef<TicketKeysPlan>;
}

export function compileDownstreamTls(
  socket: TransportSocket | undefined,
  secrets: SecretRefs,
  handshakeTimeoutMs: number,
  place: Place,
): DownstreamTlsPlan | null {
  const packed = unpack(socket, DOWNSTREAM_TLS, place);
  if (packed === null) return null;
  const message = packed.message as DownstreamTlsContext;
  const common = compileContext(message.commonTlsContext, secrets, "TLSv1.3", packed.place);
  if (common.certificates.length === 0) {
    packed.place.refuse("No TLS certificates found for server context");
  }
  const tickets = message.sessionTicketKeysType;
  const ticketKeys = compileTickets(tickets, secrets, packed.place);
  return {
    ...common,
    secrets:
      tickets.case === "sessionTicketKeysSdsSecretConfig" && ticketKeys !== null
        ? [...common.secrets, ticketKeys]
        : common.secrets,
    ticketKeys,
    requireClientCertificate: message.requireClientCertificate ?? false,
    handshakeTimeoutMs,
    withoutTickets: tickets.case === "disableStatelessSessionResumption" && tickets.value,
    sessionTimeoutS: Math.floor(milliseconds(message.sessionTimeout, 0) / 1000),
    prefersClientCiphers: message.preferClientCiphers,
    scansAllCertificates: message.fullScanCertsOnSniMismatch ?? false,
  };
}

function compileTickets(
  type: DownstreamTlsContext["sessionTicketKeysType"],
  refs: SecretRefs,
  place: Place,
): SecretRef<TicketKeysPlan> | null {
  if (type.case === "sessionTicketKeys") {
    return { name: "", current: compileTicketKeys(type.value, place.field("session_ticket_keys")) };
  }
  if (type.case !== "sessionTicketKeysSdsSecretConfig") return null;
  return refs.ticketKeys(type.value, place.field("session_ticket_keys_sds_secret_config"));
}

export function compileUpstreamTls(
  socket: TransportSocket | undefined,
  secrets: SecretRefs,
  place: Place,
): UpstreamTlsPlan | null {
  const packed = unpack(socket, UPSTREAM_TLS, place);
  if (packed === null) return null;
  const message = packed.message as UpstreamTlsContext;
  // A client of Envoy's speaks no TLS 1.3 unless told to: `source/common/tls/context_config_impl.cc`, ClientContextConfigImpl.
  const common = compileContext(message.commonTlsContext, secrets, "TLSv1.2", packed.place);
  if (common.certificates.length > 1) {
    packed.place.refuse("Multiple TLS certificates are not supported for client contexts");
  }
  if (message.autoSniSanValidation && common.validation === null) {
    packed.place
      .field("auto_sni_san_validation")
      .refuse("'auto_sni_san_validation' was configured without configuring a validation context");
  }
  if (message.sni.includes("\0")) packed.place.field("sni").refuse("SNI names containing NULL-byte are not allowed");
  return {
    ...common,
    sni: message.sni,
    maxSessionKeys: message.maxSessionKeys ?? 1,
    autoHostSni: message.autoHostSni,
    autoSniSanValidation: message.autoSniSanValidation,
  };
}

function unpack(
  socket: TransportSocket | undefined,
  type: string,
  place: Place,
): { readonly message: unknown; readonly place: Place } | null {
  if (socket?.configType.case !== "typedConfig") return null;
  const extension = unpackExtension(socket.configType.value);
  const isTls = extension.typeName === DOWNSTREAM_TLS || extension.typeName === UPSTREAM_TLS;
  // The plain one, or one that has been refused.
  if (!isTls && extension.typeName !== UPSTREAM_PROXY_PROTOCOL) return null;
  const at = place.packed("typed_config", extension.typeUrl);
  if (extension.typeName !== type) {
    at.refuse(`has no place here: ${type} has`);
    return null;
  }
  return { message: extension.message, place: at };
}

function compileContext(
  message: CommonTlsContext | undefined,
  refs: SecretRefs,
  latest: TlsVersion,
  parent: Place,
): TlsContextPlan {
  const place = parent.field("common_tls_context");
  const secrets: SecretRef<unknown>[] = [];
  const inline = message?.tlsCertificates ?? [];
  const certificates: SecretRef<CertificatePlan>[] = inline.map((each, i) => ({
    name: "",
    current: compileCertificate(each, place.item("tls_certificates", i)),
  }));
  if (inline.length === 0) {
    for (const [i, config] of (message?.tlsCertificateSdsSecretConfigs ?? []).entries()) {
      const ref = refs.certificate(config, place.item("tls_certificate_sds_secret_configs", i));
      certificates.push(ref);
      secrets.push(ref);
    }
  }
  return {
    ...compileTlsParameters(message?.tlsParams, latest, place.field("tls_params")),
    alpn: message?.alpnProtocols ?? [],
    certificates,
    validation: compileValidationSource(message?.validationContextType, refs, secrets, place),
    secrets,
  };
}

function compileValidationSource(
  type: CommonTlsContext["validationContextType"] | undefined,
  refs: SecretRefs,
  secrets: SecretRef<unknown>[],
  place: Place,
): ValidationSource | null {
  switch (type?.case) {
    case "validationContext": {
      const plan = compileValidation(type.value, true, place.field("validation_context"));
      return { name: "", current: () => plan };
    }
    case "validationContextSdsSecretConfig": {
      const ref = refs.validation(type.value, place.field("validation_context_sds_secret_config"));
      secrets.push(ref);
      return { name: ref.name, current: () => ref.current?.plan ?? null };
    }
    case "combinedValidationContext": {
      const at = place.field("combined_validation_context");
      const { defaultValidationContext: fixed, validationContextSdsSecretConfig: config } = type.value;
      // Reported by the reflection check: both are required.
      if (fixed === undefined || config === undefined) return null;
      compileValidation(fixed, false, at.field("default_validation_context"));
      const ref = refs.validation(config, at.field("validation_context_sds_secret_config"));
      secrets.push(ref);
      return new CombinedValidation(fixed, ref);
    }
    default:
      return null;
  }
}

/** A fixed part, and a secret laid over it. Compiled again whenever the secret has changed. */
class CombinedValidation implements ValidationSource {
  readonly name: string;
  private readonly fixed: CertificateValidationContext;
  private readonly ref: SecretRef<ValidationSecret>;
  private seen: ValidationSecret | null = null;
  private plan: ValidationPlan | null = null;

  constructor(fixed: CertificateValidationContext, ref: SecretRef<ValidationSecret>) {
    this.name = ref.name;
    this.fixed = fixed;
    this.ref = ref;
  }

  current(): ValidationPlan | null {
    const { current } = this.ref;
    if (current !== this.seen) {
      this.seen = current;
      // What does not fit together is as good as not there: nobody is trusted.
      this.plan = current === null ? null : compileValidation(this.merged(current.message), true, new Place("", []));
    }
    return this.plan;
  }

  private merged(secret: CertificateValidationContext): CertificateValidationContext {
    const schema = CertificateValidationContextSchema;
    return mergeFromBinary(schema, clone(schema, this.fixed), toBinary(schema, secret));
  }
}
