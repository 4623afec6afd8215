/** ReferenceGrant and BackendTLSPolicy (Gateway API `apis/v1/{referencegrant,backendtlspolicy}_types.go`). */
import { dnsLabel, fqdn, nonEmpty } from "../../schema/formats.ts";
import { enumOf, list, map, object, required, string } from "../../schema/schema.ts";
import type { Infer } from "../../schema/schema.ts";
import { localObjectReference, sectionName } from "./references.ts";

export const referenceGrantSpec = object({
  from: required(
    list(
      object({ group: required(string()), kind: required(string(nonEmpty)), namespace: required(string(dnsLabel)) }),
      { min: 1, max: 16 },
    ),
  ),
  to: required(
    list(object({ group: required(string()), kind: required(string(nonEmpty)), name: string() }), { min: 1, max: 16 }),
  ),
});
export type ReferenceGrantSpec = Infer<typeof referenceGrantSpec>;

export const backendTlsPolicySpec = object({
  targetRefs: required(
    list(
      object({
        group: required(string()),
        kind: required(string(nonEmpty)),
        name: required(string(nonEmpty)),
        sectionName,
      }),
      { min: 1, max: 16 },
    ),
  ),
  validation: required(
    object(
      {
        caCertificateRefs: list(localObjectReference, { max: 8 }),
        wellKnownCACertificates: enumOf(["System"]),
        hostname: required(string(fqdn)),
        subjectAltNames: list(
          object({ type: required(enumOf(["Hostname", "URI"])), hostname: string(), uri: string() }),
          { max: 5 },
        ),
      },
      { exactlyOne: [["caCertificateRefs", "wellKnownCACertificates"]] },
    ),
  ),
  options: map(string()),
});
export type BackendTlsPolicySpec = Infer<typeof backendTlsPolicySpec>;
