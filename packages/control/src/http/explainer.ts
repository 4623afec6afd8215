/** What explains requests is put in from outside: it knows the data plane, which the control plane does not. */
import type { Diagnostic } from "@tulle/api";
import type { ResourceView } from "@tulle/xds";
import type { RequestRecord } from "@tulle/telemetry/records";
import type { StoredObject } from "../model/stored-object.ts";
import type { ProxyNode } from "../source/registration/node.ts";
import type { ObjectStatus } from "../status/object-status.ts";

/** A proxy, and what it holds or would hold. */
export interface HeldProxy {
  readonly node: ProxyNode;
  readonly view: ResourceView;
  /** SPIFFE id that it has proved; undefined: none. */
  readonly identity: string | undefined;
}

/** The mesh at one moment, connected proxies with what they hold. */
export interface ExplainWorld {
  readonly trustDomain: string;
  readonly domain: string;
  readonly objects: readonly StoredObject[];
  readonly proxies: readonly HeldProxy[];
  statusOf(stored: StoredObject): readonly ObjectStatus[];
  /** The text of a configuration file in force; undefined: there is none. */
  textOf(file: string): string | undefined;
  /** What a sidecar of a workload would hold that is not connected. */
  imagine(client: Pick<ProxyNode, "namespace" | "workload" | "labels">): HeldProxy;
}

/** How a stream of objects would change the mesh. */
export interface WorldChange {
  readonly results: readonly {
    readonly action: "created" | "configured" | "unchanged";
    readonly kind: string;
    readonly namespace: string;
    readonly name: string;
  }[];
  readonly diagnostics: readonly Diagnostic[];
  readonly before: ExplainWorld;
  readonly after: ExplainWorld;
}

/** Recorded requests: those with an id, or the last ones. */
export interface RecordQuery {
  readonly requestId?: string;
  readonly traceId?: string;
  readonly limit: number;
}

/** Undefined: nothing is kept. */
export type Records = ((query: RecordQuery) => Promise<readonly RequestRecord[]>) | undefined;

/** What a proxy said of a cluster at that time, by names such as `membership_healthy`; of none that is not known. */
export type ClusterStats = (proxy: string, cluster: string, atMs: number) => Promise<ReadonlyMap<string, number>>;

export interface Explainer {
  /** Throws ExplainProblem if the question cannot be answered. */
  explain(question: unknown, world: ExplainWorld, records: Records, stats?: ClusterStats): Promise<unknown>;
  change(change: WorldChange, records: Records): Promise<unknown>;
}

/** The question is wrong, or about something that is not there. */
export class ExplainProblem extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.name = "ExplainProblem";
    this.status = status;
  }
}

export type { StoredObject, ProxyNode, ObjectStatus };
