/**
 * What gives a workload its identity, beside its proxy: a key and a certificate that are kept fresh, the secrets `default` and
 * `ROOTCA` for the proxy (SDS), and a way to the control plane with the certificate (XDS). Both are sockets in a directory that only
 * this user can enter. Does what Istio's agent does (istio/istio `architecture/security/istio-agent.md`).
 */
import { create, fromBinary } from "@bufbuild/protobuf";
import { DEFAULT_TRUST_DOMAIN, formatSpiffeId } from "@tulle/identity";
import { systemClock, TYPE } from "@tulle/xds";
import type { Clock, Log } from "@tulle/xds";
import { AdsClient } from "@tulle/xds/client";
import { NodeSchema } from "@tulle/xds/gen/envoy/config/core/v3/base_pb.js";
import { SecretSchema } from "@tulle/xds/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.js";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { reason } from "../errors.ts";
import { requestCertificate } from "./certificate-client.ts";
import type { Membership } from "./membership.ts";
import { SECRET, SecretService } from "./secret-service.ts";
import { Tunnel } from "./tunnel.ts";
import { WorkloadCertificate } from "./workload-certificate.ts";
import type { Credentials } from "./workload-certificate.ts";

export interface AgentOptions {
  readonly membership: Membership;
  readonly namespace: string;
  readonly serviceAccount: string;
  /** The node id of the proxy beside it. */
  readonly nodeId: string;
  /** Where the sockets are; undefined: a new directory, which goes with the agent. */
  readonly directory: string | undefined;
  readonly log: Log;
  readonly clock?: Clock;
  readonly random?: () => number;
}

interface AgentStatus {
  readonly credentials: Credentials | undefined;
  /** "" if all is well. */
  readonly lastError: string;
}

export interface Agent {
  /** The socket that secrets are served at. */
  readonly secrets: string;
  /** The socket that leads to the control plane. */
  readonly xds: string;
  readonly status: () => AgentStatus;
  /** Prometheus text. */
  readonly metrics: () => string;
  close(): Promise<void>;
}

/** Names of the sockets in the directory. */
const SOCKETS = { secrets: "socket", xds: "XDS" } as const;

/** Resolves when there is a certificate and the sockets are there. Rejects with what the control plane said when `signal` is aborted. */
export async function startAgent(options: AgentOptions, signal: AbortSignal): Promise<Agent> {
  const { membership, log, clock = systemClock, random = Math.random } = options;
  const directory = options.directory ?? (await mkdtemp(join(tmpdir(), "tulle-agent-")));
  if (options.directory !== undefined) await prepare(options.directory);
  const xds = join(directory, SOCKETS.xds);
  const secrets = join(directory, SOCKETS.secrets);
  const identity = formatSpiffeId({ ...options, trustDomain: DEFAULT_TRUST_DOMAIN });

  let service: SecretService | undefined;
  let first: ((credentials: Credentials) => void) | undefined;
  const certificate: WorkloadCertificate = new WorkloadCertificate({
    identity,
    request: (csr) => obtain(csr, options, identity, `unix:${xds}`, certificate),
    onChange: (credentials) => {
      log("info", "certificate", {
        identity: credentials.identity,
        expires: new Date(credentials.notAfter).toISOString(),
      });
      if (service === undefined) first?.(credentials);
      else service.update(credentials);
    },
    clock,
    random,
    log,
  });
  const tunnel = new Tunnel({
    address: membership.address,
    roots: () => rootsOf(membership, certificate.current),
    credentials: () => certificate.current,
    clock,
    log,
  });
  const closers: (() => void)[] = [() => certificate.close(), () => tunnel.close()];
  const close = async (): Promise<void> => {
    for (const one of closers) one();
    if (options.directory === undefined) await rm(directory, { recursive: true, force: true });
    else await Promise.all([rm(xds, { force: true }), rm(secrets, { force: true })]);
  };
  try {
    await tunnel.listen(xds);
    const credentials = await new Promise<Credentials>((resolve, reject) => {
      first = resolve;
      const aborted = (): void =>
        reject(new Error(tunnel.lastError || certificate.lastError || "the control plane did not answer"));
      if (signal.aborted) aborted();
      else signal.addEventListener("abort", aborted, { once: true });
      certificate.start();
    });
    service = new SecretService(credentials, clock, log);
    const serving = service;
    closers.unshift(() => serving.close());
    await service.listen(secrets);
    closers.unshift(watchRoots(`unix:${xds}`, options.nodeId, (roots) => certificate.trust(roots), clock, log));
  } catch (error) {
    await close();
    throw error;
  }
  // What asks for a certificate through a tunnel that does not come about knows only that it has no connection.
  const status = (): AgentStatus => ({
    credentials: certificate.current,
    lastError: tunnel.lastError || certificate.lastError,
  });
  return { secrets, xds, status, metrics: () => render(certificate, clock.now()), close };
}

async function prepare(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  // What a process that was killed has left.
  await Promise.all(Object.values(SOCKETS).map((name) => rm(join(directory, name), { force: true })));
}

function rootsOf({ rootsFile, rootsAreFresh }: Membership, credentials: Credentials | undefined): string {
  return credentials === undefined || rootsAreFresh ? readFileSync(rootsFile, "utf8") : credentials.roots;
}

/** By the certificate in hand; where that is not accepted or there is none, by the right to join. */
async function obtain(
  csr: string,
  { membership: { socket, token }, nodeId, log }: AgentOptions,
  identity: string,
  tunnel: string,
  held: WorkloadCertificate,
): Promise<readonly string[]> {
  const metadata = { NODE_ID: nodeId };
  const byTunnel = { target: tunnel, csr, metadata };
  const join =
    socket === undefined
      ? { ...byTunnel, token }
      : { target: `unix:${socket}`, csr, metadata: { ...metadata, ImpersonatedIdentity: identity }, token: undefined };
  if (held.current === undefined) return requestCertificate(join);
  try {
    return await requestCertificate({ ...byTunnel, token: undefined });
  } catch (error) {
    if (socket === undefined) throw error;
    log("info", "the certificate does not renew itself: it is asked for over the local socket", {
      reason: reason(error),
    });
    return requestCertificate(join);
  }
}

/** Hears from the control plane which roots to trust, as long as it is there. Returns what ends it. */
function watchRoots(target: string, id: string, trust: (roots: string) => void, clock: Clock, log: Log): () => void {
  const client = new AdsClient({
    target,
    service: "sds",
    node: create(NodeSchema, { id, userAgentName: "tulle-agent" }),
    clock,
    initialFetchTimeoutMs: 0,
    // That the control plane is away is said by the certificate, when it matters.
    log: (level, message, fields) => log(level === "error" ? "error" : "debug", message, fields),
  });
  client.subscribe(TYPE.secret, [SECRET.roots], {
    onUpdate: ({ updated }) => {
      const received = updated.get(SECRET.roots);
      const { type } = received === undefined ? { type: undefined } : fromBinary(SecretSchema, received.value);
      const source = type?.case === "validationContext" ? type.value.trustedCa?.specifier : undefined;
      if (source?.case === "inlineBytes") trust(Buffer.from(source.value).toString("utf8"));
    },
  });
  client.start();
  return () => client.close();
}

/** Names are Istio's. (istio/istio `security/pkg/nodeagent/cache/monitoring.go`) */
function render(certificate: WorkloadCertificate, now: number): string {
  const { sent, failed } = certificate.requests;
  const left = certificate.current === undefined ? 0 : (certificate.current.notAfter - now) / 1000;
  return [
    "# TYPE istio_agent_cert_expiry_seconds gauge",
    `istio_agent_cert_expiry_seconds{resource_name="${SECRET.certificate}"} ${left}`,
    "# TYPE istio_agent_num_outgoing_requests counter",
    `istio_agent_num_outgoing_requests{request_type="csr"} ${sent}`,
    "# TYPE istio_agent_num_failed_outgoing_requests counter",
    `istio_agent_num_failed_outgoing_requests{request_type="csr"} ${failed}`,
    "",
  ].join("\n");
}
