/** Rules for TLS of Gateway servers and Sidecar ingress (istio/istio `pkg/config/validation`, validateTLSOptions). */
import type { Path } from "../diagnostic.ts";
import type { ServerTlsSettings } from "../kinds/istio/gateway.ts";
import type { Reporter } from "./reporter.ts";
import { eachRepeated } from "./reporter.ts";

const FILES = ["serverCertificate", "privateKey", "caCertificates"] as const;

export function validateServerTls(tls: ServerTlsSettings, path: Path, reporter: Reporter): void {
  const { error, warning } = reporter;
  const mode = tls.mode ?? "PASSTHROUGH";
  validateProtocolVersions(tls, path, reporter);
  const given = FILES.filter((name) => (tls[name] ?? "") !== "");
  const credentials = (["credentialName", "credentialNames"] as const).filter((name) => (tls[name] ?? "").length > 0);

  if (mode === "ISTIO_MUTUAL") {
    for (const name of [...given, ...credentials]) {
      error([...path, name], "is set in mode ISTIO_MUTUAL", "nothing: the workload's own certificate is used");
    }
    return;
  }
  if (mode === "PASSTHROUGH" || mode === "AUTO_PASSTHROUGH") {
    for (const name of [...given, ...credentials]) warning([...path, name], `is ignored in mode ${mode}`);
    return;
  }
  const sources = [...credentials, ...((tls.tlsCertificates ?? []).length > 0 ? ["tlsCertificates"] : [])];
  if (given.includes("serverCertificate")) sources.unshift("serverCertificate");
  for (const extra of sources.slice(1)) {
    error([...path, extra], `is set together with ${sources[0]!}`, "one source of the server's certificate");
  }
  if (sources.length === 0) error([...path, "credentialName"], "is missing", `a certificate, as mode is ${mode}`);
  if (given.includes("serverCertificate") && !given.includes("privateKey")) {
    error([...path, "privateKey"], "is missing", "the file of serverCertificate's key");
  }
  const wantsClients = mode === "MUTUAL" || mode === "OPTIONAL_MUTUAL";
  const hasClientCa =
    given.includes("caCertificates") || credentials.length > 0 || (tls.caCertCredentialName ?? "") !== "";
  if (wantsClients && !hasClientCa) {
    error([...path, "caCertificates"], "is missing", `the CA of the clients, as mode is ${mode}`);
  }
  if ((tls.caCrl ?? "") === "") return;
  if (credentials.length > 0)
    error([...path, "caCrl"], "is set together with a credential", "the list in the credential");
  if (mode === "SIMPLE") error([...path, "caCrl"], "is set in mode SIMPLE", "MUTUAL or OPTIONAL_MUTUAL");
}

const VERSIONS = ["TLSV1_0", "TLSV1_1", "TLSV1_2", "TLSV1_3"];

function validateProtocolVersions(tls: ServerTlsSettings, path: Path, { error, warning }: Reporter): void {
  const min = VERSIONS.indexOf(tls.minProtocolVersion ?? "");
  const max = VERSIONS.indexOf(tls.maxProtocolVersion ?? "");
  if (min >= 0 && max >= 0 && min > max) {
    error([...path, "maxProtocolVersion"], `is ${VERSIONS[max]!}`, `${VERSIONS[min]!} (minProtocolVersion) or newer`);
  }
  const old = min === 0 || min === 1;
  if (old && (tls.cipherSuites ?? []).length === 0) {
    const message = `${VERSIONS[min]!} works only with cipherSuites that it has; the default ones have none`;
    warning([...path, "minProtocolVersion"], message);
  }
  eachRepeated(
    tls.cipherSuites ?? [],
    (suite) => suite,
    (index, suite) => warning([...path, "cipherSuites", index], `${suite} is listed twice`),
  );
}
