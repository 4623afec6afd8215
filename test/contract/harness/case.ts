/** What a contract case is: a configuration, what the client and the upstreams do, and what is looked at. README.md shows one. */

import type { Verdict } from "./authorizer.ts";
import type { CollectorScript } from "./log-collector.ts";
import type { Duty } from "./http2/conversation.ts";
import type { Settings } from "./http2/frames.ts";
import type { TlsClientEnd, TlsUpstreamEnd } from "./tls.ts";

/** Plain JSON, as in an Envoy bootstrap. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };
export type JsonObject = { readonly [key: string]: Json };

export interface ContractCase {
  /** Unique in its area, a sentence about the behaviour. */
  readonly name: string;
  /** `Group: feature`, a line of docs/compatibility.md. Cases of one feature share it. */
  readonly feature: string;

  // The configuration: parts of a default bootstrap (bootstrap.ts), each laid over the default field by field.
  /** Routes of the default virtual host; default: everything to cluster `a`. */
  readonly routes?: readonly JsonObject[];
  /** Fields of the default virtual host (name `v`, domains `*`). */
  readonly virtualHost?: JsonObject;
  /** In place of the default virtual host. */
  readonly virtualHosts?: readonly JsonObject[];
  /** Fields of the route configuration. */
  readonly routeConfig?: JsonObject;
  /** Fields of the HTTP connection manager. */
  readonly manager?: JsonObject;
  /** HTTP filters before the router. */
  readonly filters?: readonly JsonObject[];
  /** Fields of the router filter's configuration. */
  readonly router?: JsonObject;
  /** The transport socket of the listener's filter chain (tls-config.ts). */
  readonly transportSocket?: JsonObject;
  /** Fields of the listener. */
  readonly listener?: JsonObject;
  /** By name; default: `a`, with the upstream of that name as its one endpoint. */
  readonly clusters?: Readonly<Record<string, ClusterParts>>;
  /** Fields of the bootstrap itself. */
  readonly bootstrap?: JsonObject;
  /** Format of an access log of the connection manager; a line end is added. Observed as `log`. */
  readonly accessLog?: string;

  /** In place of all that: Istio's YAML, through a control plane of the case's own. */
  readonly istio?: IstioParts;

  // What happens.
  /** By name; default: one for every endpoint that is named and not described, answering 200 with its name as the body. */
  readonly upstreams?: Readonly<Record<string, Upstream>>;
  /**
   * A name server, at the port `{port dns}`: by name and type (`b.test A`) the answers to the first question, the second, …; the last one
   * answers all that follow. Names that are not here do not exist.
   */
  readonly dns?: Readonly<Record<string, readonly DnsAnswer[]>>;
  readonly client: readonly Step[];

  // What is looked at beside the bytes.
  /** Names of counters and gauges. */
  readonly stats?: readonly string[];
  /** The configuration must be refused by both; nothing is sent then. */
  readonly refused?: true;
  /** Chunks are recorded as they came. Default: neighbouring chunks are one, since where they are cut depends on reads. */
  readonly exactChunks?: true;
  /** HTTP/2 is recorded frame by frame, SETTINGS and windows included. Default: by stream. */
  readonly exactFrames?: true;
  /** What else varies from run to run: replaced in everything that is observed. */
  readonly mask?: readonly (readonly [RegExp, string])[];

  /**
   * What must be seen, whatever the record says: needed where both proxies could agree on something wrong, as when the control
   * plane translates it.
   */
  readonly expect?: Expectation;

  // Where Tulle differs.
  /** Differs on purpose: the reason, for users. What Tulle does is recorded too, and must differ from Envoy's. */
  readonly waived?: string;
  /** Tulle does not do this yet: what is missing. Fails as soon as it works. */
  readonly notBuilt?: string;
}

export type ClusterParts = { readonly [field: string]: Json } & {
  /** Names of upstreams, or whole `lb_endpoints` entries (`endpoint()`); default: the upstream of the cluster's name. */
  readonly endpoints?: readonly (string | JsonObject)[];
};

export interface IstioParts {
  /** Documents. */
  readonly yaml: string;
  /** Workloads by the name of the upstream that stands for their application; default `v1` and `v2` of the app `echo`. */
  readonly workloads?: Readonly<Record<string, Workload>>;
  /** The proxy under test; default: the sidecar of a workload `client`, its listener `l` for service port 80. */
  readonly proxy?: ProxyParts;
}

export type DnsAnswer =
  | "NXDOMAIN"
  | "SERVFAIL"
  | "REFUSED"
  | "SILENCE"
  /** None: the name is there, without an address. `ttl` in seconds, default 60. */
  | { readonly addresses: readonly string[]; readonly ttl?: number; readonly gate?: string };

export interface Workload {
  readonly labels: Readonly<Record<string, string>>;
  /** Target port, default 8080. */
  readonly port?: number;
  readonly namespace?: string;
  /** More fields of the node. */
  readonly node?: JsonObject;
}

export interface ProxyParts {
  readonly labels?: Readonly<Record<string, string>>;
  readonly namespace?: string;
  /** `router` is a gateway. */
  readonly type?: "sidecar" | "router";
  /**
   * Listeners of a sidecar for service ports, by the name that `connect` knows; default `{ l: 80 }`. `redis:6379` is for connections to one
   * service. One named `proxy` is always there.
   */
  readonly outbound?: Readonly<Record<string, number | string>>;
  /** Listeners of a gateway for its servers' ports. */
  readonly gateway?: Readonly<Record<string, number>>;
  /** Listeners for the workload's own ports, and the upstreams that are its application. */
  readonly inbound?: Readonly<
    Record<string, { readonly port: number; readonly app: string; readonly protocol?: string }>
  >;
  /** More fields of the node. */
  readonly node?: JsonObject;
}

export interface Expectation {
  /** For each response that the client got, in order over all connections: `STATUS`, or `STATUS BODY`. */
  readonly answers?: readonly string[];
  /** Text that some line of what the upstreams saw contains; `got` of what clients saw. */
  readonly sent?: readonly (string | RegExp)[];
  readonly notSent?: readonly (string | RegExp)[];
  readonly got?: readonly (string | RegExp)[];
  readonly notGot?: readonly (string | RegExp)[];
}

/** Bytes (latin1, with `{port NAME}`) sent on connection `c`, as a segment of their own; or what else a client does or waits for (steps.ts). */
export type Step =
  | string
  | { readonly do: "send"; readonly bytes: string; readonly on: string }
  | { readonly do: "connect"; readonly on: string; readonly listener: string; readonly tls?: TlsClientEnd }
  | { readonly do: "finish" | "reset" | "close" | "pause" | "resume"; readonly on: string }
  | { readonly do: "by hand"; readonly duties: readonly Duty[]; readonly on: string }
  | { readonly do: "got"; readonly what: string | RegExp | number; readonly on: string }
  | { readonly do: "ended"; readonly on: string }
  | { readonly do: "seen"; readonly upstream: string; readonly what: string | RegExp | number }
  | { readonly do: "asked"; readonly question: string; readonly times: number }
  | { readonly do: "let"; readonly gate: string }
  | { readonly do: "stat"; readonly name: string; readonly value: number }
  | { readonly do: "admin"; readonly method: string; readonly path: string }
  | { readonly do: "apply"; readonly yaml: string }
  | { readonly do: "elapse"; readonly ms: number };

/** How an upstream behaves: bytes for every request, or a script; `REFUSED`: nothing listens there. */
export type Upstream = string | UpstreamScript | typeof REFUSED;

export const REFUSED = { refused: true } as const;

export interface UpstreamScript {
  /** The answer to the first request, the second, …; the last one answers all that follow. Counted over all connections. */
  readonly answers: readonly Answer[];
  /** Answer as soon as the head of the request is there. Default: when it is complete. */
  readonly early?: true;
  /** Done when a connection comes, before any request. */
  readonly greeting?: Answer;
  /** Reads nothing until this gate is opened. */
  readonly deafUntil?: string;
  /** How it speaks HTTP/2, which it does to who begins so. */
  readonly http2?: { readonly settings?: Settings; readonly byHand?: readonly Duty[] };
  /** It speaks TLS. */
  readonly tls?: TlsUpstreamEnd;
  /** It speaks gRPC, and is asked whether requests are let through (steps.ts, `authorizer`). */
  readonly checks?: readonly Verdict[];
  /** It speaks gRPC, and access logs are sent to it (steps.ts, `collector`). */
  readonly collects?: CollectorScript;
}

export type Answer = string | readonly Act[];

/**
 * Bytes, each in a segment of its own; an end; waiting for `open(gate)`, or for bytes on this connection. To who speaks HTTP/2, a response of
 * HTTP/1.1 is sent as frames of the request's stream; other bytes are frames (http2/frames.ts, with THIS_STREAM).
 */
export type Act =
  | string
  | { readonly do: "close" | "reset" | "finish" }
  | { readonly do: "gate"; readonly gate: string }
  | { readonly do: "sees"; readonly text: string };

/** What is compared. Streams of bytes are lists of lines (CR LF left out), messages apart by a line `---`. */
export interface Observation {
  /** Both refuse the configuration. */
  readonly refused?: true;
  /** The script could not go on. */
  readonly stuck?: string;
  readonly client?: Readonly<Record<string, Stream>>;
  /** By name, each with its connections in the order in which they came. Those that nothing came to are left out. */
  readonly upstreams?: Readonly<Record<string, readonly Stream[]>>;
  readonly stats?: Readonly<Record<string, number | null>>;
  readonly log?: readonly string[];
}

export interface Stream {
  readonly received: readonly string[];
  /** What the TLS handshake came to. */
  readonly tls?: string;
  /** How the proxy ended it, if it did. With TLS, every end is `closed`. */
  readonly end?: "closed" | "reset";
}
