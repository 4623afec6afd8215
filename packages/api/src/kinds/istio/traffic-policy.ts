/** TrafficPolicy and its parts (istio/api `networking/v1alpha3/destination_rule.proto`). */
import { cookieName, cookieValue, headerName, hostOrAddress, nonEmpty, serverName } from "../../schema/formats.ts";
import {
  boolean,
  deprecated,
  duration,
  enumOf,
  integer,
  list,
  map,
  number,
  object,
  required,
  string,
} from "../../schema/schema.ts";
import type { Infer } from "../../schema/schema.ts";
import { portSelector } from "./selector.ts";

const uint32 = integer({ min: 0, max: 4294967295 });
const uint64 = integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
const percentage = integer({ min: 0, max: 100 });

const localityFailover = object({ from: string(), to: string() });

export const localityLbSetting = object({
  distribute: list(object({ from: string(nonEmpty), to: map(integer({ min: 0, max: 100 })) })),
  failover: list(localityFailover),
  failoverPriority: list(string(nonEmpty)),
  enabled: boolean(),
});
export type LocalityLbSetting = Infer<typeof localityLbSetting>;

export const zoneAwareLbSetting = object({
  enabled: boolean(),
  failover: list(localityFailover),
  failoverPriority: list(string(nonEmpty)),
  minClusterSize: integer({ min: 1, max: 4294967295 }),
});
export type ZoneAwareLbSetting = Infer<typeof zoneAwareLbSetting>;

const consistentHash = object(
  {
    httpHeaderName: string(headerName),
    httpCookie: object({
      name: required(string(cookieName)),
      path: string(cookieValue),
      ttl: duration(),
      attributes: list(object({ name: required(string(cookieName)), value: string(cookieValue) })),
    }),
    useSourceIp: boolean(),
    httpQueryParameterName: string(nonEmpty),
    ringHash: object({ minimumRingSize: uint64 }),
    maglev: object({ tableSize: uint64 }),
    minimumRingSize: deprecated(uint64, "use ringHash.minimumRingSize"),
  },
  {
    exactlyOne: [["httpHeaderName", "httpCookie", "useSourceIp", "httpQueryParameterName"]],
    oneOf: [["ringHash", "maglev"]],
  },
);
export type ConsistentHash = Infer<typeof consistentHash>;

const loadBalancer = object(
  {
    simple: enumOf(["UNSPECIFIED", "RANDOM", "PASSTHROUGH", "ROUND_ROBIN", "LEAST_REQUEST"], {
      LEAST_CONN: "LEAST_REQUEST",
    }),
    consistentHash,
    /** Weights from backend-reported (ORCA) load. */
    backendUtilization: object({
      errorUtilizationPenaltyPercent: uint32,
      metricNamesForComputingUtilization: list(string(nonEmpty)),
      weightExpirationPeriod: duration(),
      weightStabilizationPeriod: duration(),
      weightUpdatePeriod: duration(),
    }),
    localityLbSetting,
    zoneAwareLbSetting,
    warmupDurationSecs: deprecated(duration(), "use warmup.duration"),
    warmup: object({
      duration: required(duration({ minMs: 1 })),
      minimumPercent: number({ min: 0, max: 100 }),
      aggression: number({ min: 0 }),
    }),
  },
  {
    oneOf: [
      ["simple", "consistentHash", "backendUtilization"],
      ["localityLbSetting", "zoneAwareLbSetting"],
    ],
  },
);
export type LoadBalancerSettings = Infer<typeof loadBalancer>;

export const tcpKeepalive = object({
  probes: uint32,
  time: duration({ minMs: 1 }),
  interval: duration({ minMs: 1 }),
});
export type TcpKeepalive = Infer<typeof tcpKeepalive>;

export const connectionPool = object({
  tcp: object({
    maxConnections: integer({ min: 0 }),
    connectTimeout: duration({ minMs: 1 }),
    tcpKeepalive,
    maxConnectionDuration: duration({ minMs: 1 }),
    idleTimeout: duration(),
  }),
  http: object({
    http1MaxPendingRequests: integer({ min: 0 }),
    http2MaxRequests: integer({ min: 0 }),
    maxRequestsPerConnection: integer({ min: 0, max: 536870912 }),
    maxRetries: integer({ min: 0 }),
    idleTimeout: duration(),
    h2UpgradePolicy: enumOf(["DEFAULT", "DO_NOT_UPGRADE", "UPGRADE"]),
    useClientProtocol: boolean(),
    maxConcurrentStreams: integer({ min: 0 }),
    http2KeepAlive: object({
      interval: required(duration({ minMs: 1 })),
      timeout: required(duration({ minMs: 1 })),
    }),
  }),
});
export type ConnectionPoolSettings = Infer<typeof connectionPool>;

export const outlierDetection = object({
  consecutiveErrors: deprecated(integer({ min: 0 }), "use consecutiveGatewayErrors or consecutive5xxErrors"),
  splitExternalLocalOriginErrors: boolean(),
  consecutiveLocalOriginFailures: uint32,
  consecutiveGatewayErrors: uint32,
  consecutive5xxErrors: uint32,
  interval: duration({ minMs: 1 }),
  baseEjectionTime: duration({ minMs: 1 }),
  maxEjectionPercent: percentage,
  minHealthPercent: percentage,
  outlierDetectionHttpErrorCodes: list(integer({ min: 100, max: 599 })),
});
export type OutlierDetection = Infer<typeof outlierDetection>;

const clientTls = object({
  mode: enumOf(["DISABLE", "SIMPLE", "MUTUAL", "ISTIO_MUTUAL"]),
  clientCertificate: string(),
  privateKey: string(),
  caCertificates: string(),
  credentialName: string(),
  subjectAltNames: list(string()),
  sni: string(serverName),
  insecureSkipVerify: boolean(),
  caCrl: string(),
});
export type ClientTlsSettings = Infer<typeof clientTls>;

const portTrafficPolicy = object({
  port: portSelector,
  loadBalancer,
  connectionPool,
  outlierDetection,
  tls: clientTls,
});
export type PortTrafficPolicy = Infer<typeof portTrafficPolicy>;

export const trafficPolicy = object({
  loadBalancer,
  connectionPool,
  outlierDetection,
  tls: clientTls,
  portLevelSettings: list(portTrafficPolicy, { max: 4096 }),
  tunnel: object({
    protocol: string(),
    targetHost: required(string(hostOrAddress)),
    targetPort: required(integer({ min: 1, max: 65535 })),
  }),
  proxyProtocol: object({ version: enumOf(["V1", "V2"]) }),
  retryBudget: object({
    percent: number({ min: 0, max: 100 }),
    minRetryConcurrency: uint32,
    budgetInterval: duration(),
  }),
});
export type TrafficPolicy = Infer<typeof trafficPolicy>;
