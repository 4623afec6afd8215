/** Metrics of the certificate authority, by the names that istiod has. (istio/istio `security/pkg/server/ca/monitoring.go`) */

const COUNTERS = {
  /** Requests received. */
  csrs: "citadel_server_csr_count",
  authenticationFailures: "citadel_server_authentication_failure_count",
  /** Requests that are malformed, or whose key is not accepted. */
  csrErrors: "citadel_server_csr_parsing_err_count",
  /** Callers who may not have what they ask for. */
  identityErrors: "citadel_server_id_extraction_err_count",
  signErrors: "citadel_server_csr_sign_err_count",
  issued: "citadel_server_success_cert_issuance_count",
} as const;

export class IdentityMetrics {
  readonly #counts = new Map<string, number>();

  count(what: keyof typeof COUNTERS): void {
    const name = COUNTERS[what];
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
  }

  /** Prometheus text. Ends in milliseconds since the epoch: of the root that signs, and of what is below it. */
  render(ends: { readonly root: number; readonly chain: number }, now: number): string {
    const lines = Object.values(COUNTERS).flatMap((name) => [
      `# TYPE ${name} counter`,
      `${name} ${this.#counts.get(name) ?? 0}`,
    ]);
    for (const [name, end] of [
      ["root_cert", ends.root],
      ["cert_chain", ends.chain],
    ] as const) {
      lines.push(`# TYPE citadel_server_${name}_expiry_timestamp gauge`);
      lines.push(`citadel_server_${name}_expiry_timestamp ${Math.floor(end / 1000)}`);
      lines.push(`# TYPE citadel_server_${name}_expiry_seconds gauge`);
      lines.push(`citadel_server_${name}_expiry_seconds ${Math.floor((end - now) / 1000)}`);
    }
    return `${lines.join("\n")}\n`;
  }
}
