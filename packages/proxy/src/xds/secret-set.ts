/** The secrets that transport sockets name: certificates, and whom to trust. */
import type { SdsSecretConfig, Secret } from "@tulle/xds/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.js";
import { compileCertificate, compileValidation } from "../plan/compile-certificate.ts";
import type { SecretRefs, ValidationSecret } from "../plan/compile-tls.ts";
import type { Place } from "../plan/problems.ts";
import type { CertificatePlan, SecretRef } from "../plan/tls-plan.ts";

export class SecretSet implements SecretRefs {
  private readonly certificates = new Map<string, SecretRef<CertificatePlan>>();
  private readonly validations = new Map<string, SecretRef<ValidationSecret>>();

  /** `static_resources.secrets`. */
  addStatic(secrets: readonly Secret[], placeOf: (index: number) => Place): void {
    for (const [i, { name, type }] of secrets.entries()) {
      const place = placeOf(i);
      if (type.case === "tlsCertificate") {
        if (this.certificates.has(name)) place.refuse(`Duplicate static TlsCertificate secret name ${name}`);
        this.certificates.set(name, { name, current: compileCertificate(type.value, place.field("tls_certificate")) });
      } else if (type.case === "validationContext") {
        if (this.validations.has(name)) {
          place.refuse(`Duplicate static CertificateValidationContext secret name ${name}`);
        }
        const plan = compileValidation(type.value, true, place.field("validation_context"));
        this.validations.set(name, { name, current: plan === null ? null : { message: type.value, plan } });
      }
    }
  }

  certificate({ name, sdsConfig }: SdsSecretConfig, place: Place): SecretRef<CertificatePlan> {
    if (sdsConfig !== undefined) return unsupported(name, place);
    const found = this.certificates.get(name);
    if (found === undefined) place.refuse(`Unknown static secret: ${name}`);
    return found ?? { name, current: null };
  }

  validation({ name, sdsConfig }: SdsSecretConfig, place: Place): SecretRef<ValidationSecret> {
    if (sdsConfig !== undefined) return unsupported(name, place);
    const found = this.validations.get(name);
    if (found === undefined) place.refuse(`Unknown static certificate validation context: ${name}`);
    return found ?? { name, current: null };
  }
}

function unsupported<T>(name: string, place: Place): SecretRef<T> {
  place.field("sds_config").refuse("is not supported");
  return { name, current: null };
}
