/** `/certs`: the certificates of TLS contexts, ours and those of authorities. Envoy `source/server/admin/server_info_handler.cc`. */
import type { JsonObject } from "@bufbuild/protobuf";
import { type Certificate, namesOf } from "../codec/x509/certificate.ts";
import type { TlsContextPlan } from "../plan/tls-plan.ts";
import { type AdminContext, type AdminEndpoint, json } from "./endpoint.ts";

const DAY_MS = 86_400_000;

export const certsEndpoint: AdminEndpoint = {
  path: "/certs",
  post: false,
  help: "print certs on machine",
  parameters: {},
  handle(_query, context) {
    const now = context.clock.wallMs();
    return json({ certificates: [...contexts(context)].map((plan) => certificatesOf(plan, now)) });
  },
};

function* contexts({ dataPlane }: AdminContext): Iterable<TlsContextPlan> {
  for (const { plan } of dataPlane.listeners()) {
    for (const { transportSocket } of plan.chains) if (transportSocket !== null) yield transportSocket;
  }
  for (const { plan } of dataPlane.clusters()) {
    if (plan.transportSocket !== null) yield plan.transportSocket;
    for (const { transportSocket } of plan.transportSocketMatches) if (transportSocket !== null) yield transportSocket;
  }
}

function certificatesOf({ certificates, validation }: TlsContextPlan, now: number): JsonObject {
  const trusted = validation?.current() ?? null;
  return {
    ca_cert: trusted === null ? [] : trusted.authorities.map((each) => details(each, trusted.source, now)),
    cert_chain: certificates.flatMap(({ current }) =>
      current === null ? [] : [details(current.certificates[0], current.source, now)],
    ),
  };
}

function details(certificate: Certificate, path: string, now: number): JsonObject {
  const names = (kind: "dns" | "uri" | "ip", field: string): JsonObject[] =>
    namesOf(certificate, kind).map((value) => ({ [field]: value }));
  return {
    path,
    serial_number: certificate.serial,
    subject_alt_names: [...names("dns", "dns"), ...names("uri", "uri"), ...names("ip", "ip_address")],
    days_until_expiration: String(Math.max(0, Math.floor((certificate.validTo - now) / DAY_MS))),
    valid_from: seconds(certificate.validFrom),
    expiration_time: seconds(certificate.validTo),
  };
}

function seconds(ms: number): string {
  return new Date(ms).toISOString().replace(".000Z", "Z");
}
