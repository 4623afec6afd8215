/** Puts the parts together: files and registrations in, ADS and HTTP out. */
import { Server, ServerCredentials } from "@grpc/grpc-js";
import { DEFAULT_DOMAIN } from "@tulle/api";
import { systemClock } from "@tulle/xds";
import type { Clock, Log } from "@tulle/xds";
import type { PeerSecurity } from "@tulle/xds/server";
import { ADS_SERVER_OPTIONS, AdsServer } from "@tulle/xds/server";
import { mkdir } from "node:fs/promises";
import { isIP } from "node:net";
import { join } from "node:path";
import type { Explainer } from "./http/explainer.ts";
import { HttpApi } from "./http/http-api.ts";
import { renderMetrics } from "./http/metrics.ts";
import { PushMetrics } from "./http/push-metrics.ts";
import { Identities } from "./identity/identity.ts";
import type { SecuredService } from "./identity/identity.ts";
import { issuersToAsk } from "./model/issuers.ts";
import { requestAuthenticationOf } from "./model/request-authentication.ts";
import { Pusher } from "./push/pusher.ts";
import { History } from "./source/changes/history.ts";
import { TemporaryObjects } from "./source/changes/temporary.ts";
import { ConfigDirectory } from "./source/files/config-directory.ts";
import { SavedFiles } from "./source/files/saved-files.ts";
import { getDocument } from "./source/issuers/get-document.ts";
import { IssuerDiscovery } from "./source/issuers/issuer-discovery.ts";
import { WorkloadRegistry } from "./source/registration/registry.ts";
import { RegistrationStore } from "./source/registration/store.ts";
import { NoTelemetry } from "./telemetry/no-telemetry.ts";
import { GrpcReceivers } from "./telemetry/receivers/grpc-receivers.ts";
import { scrapeItself } from "./telemetry/receivers/own-metrics.ts";
import { TelemetryThread } from "./telemetry/telemetry.ts";

export interface ControlPlaneOptions {
  /** Directory of YAML files; made if missing. */
  readonly configDir: string;
  /** Where it keeps what it must know after a restart; made if missing. */
  readonly stateDir: string;
  /** `HOST:PORT` of the ADS server in plaintext; port 0 is any free one. */
  readonly xds: string;
  /** Serves it where other machines can reach it: whoever does can claim to be any workload. Default: loopback only. */
  readonly insecureXds?: boolean;
  /** Certificates and ADS over TLS; undefined: nobody gets an identity. */
  readonly identity?: {
    /** `HOST:PORT`; port 0 is any free one. */
    readonly xdsTls: string;
    /** Directory of a plugged-in authority, in the form of Istio's secret `cacerts`. */
    readonly cacerts?: string;
    /** Our own root signs through an intermediate. */
    readonly intermediate?: boolean;
    /** Of workloads' certificates; default 24 h. */
    readonly certificateLifetimeMs?: number;
  };
  /** `HOST:PORT` of the HTTP API; port 0 is any free one. */
  readonly http: string;
  /** The console as it was built, which the HTTP API serves beside itself; undefined: none. */
  readonly consoleDir?: string;
  /** DNS suffix of services, default `cluster.local`. */
  readonly domain?: string;
  /** Namespace whose rules are for the whole mesh, default `istio-system`. */
  readonly rootNamespace?: string;
  /** Milliseconds that a workload outlives its proxy's connection, default 10,000. */
  readonly gracePeriodMs?: number;
  /** False: metrics, spans and requests of the mesh are not taken in. */
  readonly telemetry?: boolean;
  /** What explains requests: it knows the data plane, which nothing else here does. Undefined: nobody is asked. */
  readonly explainer?: Explainer | undefined;
  readonly log: Log;
  readonly clock?: Clock;
}

export interface ControlPlane {
  /** `HOST:PORT`, with the port that it really has. */
  readonly xdsAddress: string;
  readonly httpAddress: string;
  /** Of ADS and certificates over TLS, and the sockets of this machine's user: for gRPC and for the HTTP API. */
  readonly identity:
    | { readonly tlsAddress: string; readonly grpcSocket: string; readonly apiSocket: string; readonly roots: string }
    | undefined;
  close(): Promise<void>;
}

const PLAINTEXT: PeerSecurity = { kind: "plaintext" };
const DEFAULT_ROOT_NAMESPACE = "istio-system";
/** Istio's PILOT_WORKLOAD_ENTRY_GRACE_PERIOD. */
const DEFAULT_GRACE_PERIOD_MS = 10_000;

/** Resolves when proxies are served. Rejects if the directory cannot be read or an address is taken. */
export async function startControlPlane(options: ControlPlaneOptions): Promise<ControlPlane> {
  const { log, clock = systemClock, stateDir } = options;
  refuseExposure(options);
  const mesh = {
    domain: options.domain ?? DEFAULT_DOMAIN,
    rootNamespace: options.rootNamespace ?? DEFAULT_ROOT_NAMESPACE,
    collectsTraces: options.telemetry !== false,
  };

  await mkdir(stateDir, { recursive: true });
  const store = new RegistrationStore(stateDir, log);
  const registry = new WorkloadRegistry({
    clock,
    gracePeriodMs: options.gracePeriodMs ?? DEFAULT_GRACE_PERIOD_MS,
    onChange: () => {
      store.save(registry.workloads);
      pusher?.changed();
    },
  });
  const issuers = new IssuerDiscovery({
    stateDir,
    get: getDocument,
    onChange: () => pusher?.changed(),
    clock,
    log,
  });
  const directory = new ConfigDirectory({
    directory: options.configDir,
    saved: new SavedFiles(stateDir, log),
    clock,
    log,
    onChange: () => {
      history.observe(directory.objects, directory.files);
      temporary.changed();
      askIssuers();
      pusher?.changed();
    },
  });
  const history = new History(stateDir, clock, log);
  const temporary = new TemporaryObjects({ directory, history, clock, log });
  /** Those of rules that name no keys. */
  const askIssuers = (): void => {
    const rules = directory.objects.map(requestAuthenticationOf).filter((rule) => rule !== undefined);
    issuers.want(issuersToAsk(rules.flatMap(({ spec }) => spec.jwtRules ?? [])));
  };

  // Everything that was known is known again before the first proxy asks.
  let pusher: Pusher | undefined;
  registry.restore(await store.load());
  await issuers.load();
  await history.load();
  await directory.start();
  history.observe(directory.objects, directory.files);
  temporary.changed();
  askIssuers();

  const metrics = new PushMetrics();
  const ads: AdsServer = new AdsServer({
    source: {
      connect: (connection) => pusher!.connect(connection),
      disconnect: (streamId) => pusher!.disconnect(streamId),
      health: (streamId, healthy, message) => registry.health(streamId, healthy, message),
    },
    clock,
    log,
    events: metrics.events,
  });
  pusher = new Pusher({
    mesh,
    read: () => ({ objects: directory.objects, workloads: registry.workloads, issuers: issuers.found }),
    registry,
    update: (streamId, view) => ads.update(streamId, view),
    trustDomains: () => pusher!.current().mesh.trustDomains,
    clock,
    log,
  });
  const identities =
    options.identity === undefined
      ? undefined
      : new Identities({
          stateDir,
          cacerts: options.identity.cacerts,
          intermediate: options.identity.intermediate ?? false,
          certificateLifetimeMs: options.identity.certificateLifetimeMs,
          trustDomains: () => pusher!.current().mesh.trustDomains,
          clock,
          log,
        });

  const grpc = new Server(ADS_SERVER_OPTIONS);
  const telemetry =
    options.telemetry === false
      ? new NoTelemetry()
      : new TelemetryThread({ directory: join(stateDir, "telemetry"), clock, log });
  const receivers = new GrpcReceivers({
    telemetry,
    trustDomains: () => pusher!.current().mesh.trustDomains,
    clock,
    log,
  });
  const services: readonly SecuredService[] = [ads, receivers];
  for (const service of services) service.register(grpc, { secure: () => PLAINTEXT });
  const { explainer } = options;
  const context = {
    directory,
    history,
    registry,
    pusher,
    ads,
    metrics,
    issuers,
    identities,
    telemetry,
    explainer,
    clock,
    log,
  };
  const api = new HttpApi(context, options.consoleDir);
  let stopScraping = (): void => undefined;
  const { host } = splitAddress(options.xds);
  const closeSources = async (): Promise<void> => {
    stopScraping();
    await identities?.close();
    pusher.close();
    registry.close();
    await issuers.close();
    temporary.close();
    await directory.close();
    await history.flush();
    await store.flush();
    await telemetry.close();
  };
  try {
    const xdsPort = await bind(grpc, options.xds);
    const httpAddress = await api.listen(splitAddress(options.http));
    const identity =
      identities === undefined ? undefined : await serve(identities, options.identity!.xdsTls, services, api);
    stopScraping = scrapeItself({
      telemetry,
      render: () => renderMetrics(context),
      address: joinAddress(httpAddress.host, httpAddress.port),
      namespace: mesh.rootNamespace,
      clock,
    });
    return {
      xdsAddress: joinAddress(host, xdsPort),
      httpAddress: joinAddress(httpAddress.host, httpAddress.port),
      identity,
      close: async () => {
        await api.close();
        // Envoy notices a server that goes away only if its streams are ended first.
        ads.close();
        grpc.forceShutdown();
        await closeSources();
      },
    };
  } catch (error) {
    await api.close();
    grpc.forceShutdown();
    await closeSources();
    throw error;
  }
}

async function serve(
  identities: Identities,
  xdsTls: string,
  services: readonly SecuredService[],
  api: HttpApi,
): Promise<NonNullable<ControlPlane["identity"]>> {
  const address = splitAddress(xdsTls);
  await identities.start();
  const { tlsPort, socket } = await identities.serve(services, address);
  const apiSocket = join(await identities.socketFolder(), "api.sock");
  await api.listenLocally(apiSocket);
  const tlsAddress = joinAddress(address.host, tlsPort);
  return { tlsAddress, grpcSocket: socket, apiSocket, roots: identities.authority.bundlePath };
}

/** Who can reach the plaintext port can say that it is any workload, and gets what is meant for that one. */
function refuseExposure({ xds, insecureXds, log }: ControlPlaneOptions): void {
  const { host } = splitAddress(xds);
  if (host === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127."))) return;
  if (insecureXds !== true) {
    throw new RangeError(
      `${xds} can be reached from other machines, and what is served there is neither encrypted nor authenticated`,
    );
  }
  log("warn", "xDS in plaintext can be reached from other machines: whoever reaches it can claim to be any workload", {
    xds,
  });
}

/** `127.0.0.1:15010`, `[::1]:15010`. */
function splitAddress(address: string): { host: string; port: number } {
  const colon = address.lastIndexOf(":");
  const port = Number(address.slice(colon + 1));
  if (colon <= 0 || !Number.isInteger(port) || port < 0 || port > 65535) {
    throw new RangeError(`${JSON.stringify(address)} is no address, expected HOST:PORT`);
  }
  return { host: address.slice(0, colon).replace(/^\[(.*)\]$/, "$1"), port };
}

function joinAddress(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

function bind(server: Server, address: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(address, ServerCredentials.createInsecure(), (error, port) => {
      if (error === null) resolve(port);
      else reject(new Error(`cannot serve proxies at ${address}: ${error.message}`, { cause: error }));
    });
  });
}
