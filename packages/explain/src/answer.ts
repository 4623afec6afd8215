/** What an explanation says; JSON of the HTTP API, read by the CLI and the console. Texts may hold what clients sent: data, never markup. */

/** The YAML that made something so. */
export interface OriginLink {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  /** `spec.http[0].match[0].uri`; "" for the object as a whole. */
  readonly field: string;
  /** Relative to the configuration directory; absent where the object came from no file. */
  readonly file?: string;
  /** Of the field, from 1. */
  readonly line?: number;
  /** That line. */
  readonly text?: string;
}

/** Something that holds, and what says so. */
export interface Reason {
  readonly text: string;
  readonly origin?: OriginLink;
}

/** What was considered and not taken. */
export interface Lost {
  readonly what: string;
  readonly why: string;
  readonly origin?: OriginLink;
}

/** A setting in force at a step: `timeout` `2s`. */
export interface Fact {
  readonly name: string;
  readonly value: string;
  readonly origin?: OriginLink;
}

export type StepKind =
  | "client"
  | "listener"
  | "filter-chain"
  | "filter"
  | "virtual-host"
  | "route"
  | "split"
  | "cluster"
  | "endpoints"
  | "application"
  | "record";

export interface Step {
  /** Whose proxy: the client's or the server's. */
  readonly side: "source" | "destination";
  readonly kind: StepKind;
  /** One line: what was found, or decided. */
  readonly title: string;
  /** The request ends here, for some share of requests or for all. */
  readonly ends: boolean;
  /** What the step follows from before all; its line is the one to change for another answer. */
  readonly origin?: OriginLink;
  readonly reasons: readonly Reason[];
  readonly lost: readonly Lost[];
  readonly facts: readonly Fact[];
}

export interface ExplainedEndpoint {
  /** `10.0.0.1:9080` */
  readonly address: string;
  readonly cluster: string;
  readonly health: "healthy" | "degraded" | "unhealthy" | "draining";
  /** Whether requests go there now. */
  readonly used: boolean;
  readonly weight: number;
  readonly priority: number;
  /** `region/zone/subzone`, "" if unknown. */
  readonly locality: string;
  /** Node id of the proxy there; "" if none is connected. */
  readonly proxy: string;
  readonly workload: string;
  readonly version: string;
}

/** What a share of the requests gets. */
export interface Outcome {
  /** In [0, 1]. */
  readonly share: number;
  /** Who answers: the application behind the endpoint, or a proxy by itself. */
  readonly by: "application" | "source proxy" | "destination proxy";
  /** 0 where the application decides, or the connection ends without a response. */
  readonly status: number;
  /** Short names of response flags, such as `NR`; "" for none. */
  readonly flags: string;
  /** Envoy's response code details; "" where nobody can tell before. */
  readonly details: string;
  /** In plain words. */
  readonly text: string;
}

/** What anybody can do about it. */
export interface Remedy {
  readonly cause: string;
  readonly fix: string;
  readonly origin?: OriginLink;
}

export interface Explanation {
  readonly question: {
    readonly client: string;
    readonly method: string;
    readonly url: string;
    readonly headers: readonly (readonly [string, string])[];
  };
  readonly steps: readonly Step[];
  readonly outcomes: readonly Outcome[];
  /** "" where none was found. */
  readonly virtualHost: string;
  /** `Route.name`; "" for none. */
  readonly route: string;
  readonly clusters: readonly { readonly name: string; readonly share: number }[];
  readonly endpoints: readonly ExplainedEndpoint[];
  readonly remedies: readonly Remedy[];
  /** What could not be taken into account. */
  readonly caveats: readonly string[];
}

/** What a proxy said about a request that there was, with the reasons. */
export interface ExplainedRecord {
  readonly proxy: string;
  readonly reporter: "source" | "destination";
  readonly startMs: number;
  readonly durationMs: number;
  readonly method: string;
  readonly authority: string;
  readonly path: string;
  readonly status: number;
  readonly flags: string;
  readonly details: string;
  readonly requestId: string;
  readonly traceId: string;
  readonly route: string;
  readonly cluster: string;
  readonly endpoint: string;
  readonly attempts: number;
  /** What happened, in plain words. */
  readonly text: string;
  readonly remedies: readonly Remedy[];
  /** What proxies said of the cluster at that time, as far as it is known. */
  readonly facts: readonly Fact[];
}

/** Answer of `POST /api/v1/explain`. */
export interface ExplainAnswer {
  /** Of a request that there was: what was recorded, the client's side first. Empty for an imagined one. */
  readonly records: readonly ExplainedRecord[];
  /** The way by the configuration as it is now; absent if it cannot be told whose request it was. */
  readonly explanation?: Explanation;
}

/** Body of `POST /api/v1/explain`: a request that there was, or an imagined one. */
export interface ExplainQuestion {
  /** A line of an access log, a request id, or a trace id. */
  readonly request?: string;
  /** Of a request that went on from service to service, the hop that is meant: who recorded it, and when it began. */
  readonly hop?: { readonly proxy: string; readonly startMs: number };
  /** Client workload: `productpage`, `productpage.default`, `deploy/ns`, or a proxy's node id. */
  readonly from?: string;
  readonly method?: string;
  /** `http://reviews:9080/reviews/0` */
  readonly url?: string;
  readonly headers?: readonly (readonly [string, string])[];
  /** SPIFFE id of the client's certificate in place of its own. */
  readonly principal?: string;
  /** Claims of a token that is valid. */
  readonly claims?: { readonly [claim: string]: unknown };
  /** Answer of a proxy's `/config_dump`, Envoy's or Tulle's, in place of what a connected one holds. */
  readonly configDump?: unknown;
}

export interface ChangedRoute {
  readonly change: "added" | "removed" | "changed";
  /** `http_proxy / reviews.default.svc.cluster.local:9080` */
  readonly virtualHost: string;
  readonly description: string;
  readonly before?: string;
  readonly after?: string;
  readonly origin?: OriginLink;
}

export interface ChangedResource {
  readonly type: "listener" | "cluster" | "endpoints" | "secret" | "name table";
  readonly change: "added" | "removed" | "changed";
  readonly name: string;
}

export interface AffectedProxy {
  readonly id: string;
  readonly routes: readonly ChangedRoute[];
  readonly resources: readonly ChangedResource[];
}

/** Recorded requests of one kind that would go elsewhere. */
export interface ChangedTraffic {
  readonly client: string;
  readonly method: string;
  readonly url: string;
  readonly requests: number;
  readonly before: string;
  readonly after: string;
}

/** Answer of `POST /api/v1/explain/change`. */
export interface ChangeAnswer {
  readonly objects: readonly {
    readonly change: "created" | "configured" | "unchanged";
    readonly kind: string;
    readonly namespace: string;
    readonly name: string;
  }[];
  readonly diagnostics: readonly unknown[];
  readonly proxies: readonly AffectedProxy[];
  readonly unaffected: number;
  /** Of the requests recorded; absent where none are kept. */
  readonly traffic?: {
    readonly requests: number;
    readonly elsewhere: number;
    readonly groups: readonly ChangedTraffic[];
  };
}
