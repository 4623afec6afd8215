/** What answers a path of the HTTP API: what it is given, and what it gives. */
import type { Clock, Log } from "@tulle/xds";
import type { AdsServer } from "@tulle/xds/server";
import type { IncomingHttpHeaders } from "node:http";
import type { Identities } from "../identity/identity.ts";
import type { History } from "../source/changes/history.ts";
import type { Pusher } from "../push/pusher.ts";
import type { ConfigDirectory } from "../source/files/config-directory.ts";
import type { IssuerDiscovery } from "../source/issuers/issuer-discovery.ts";
import type { WorkloadRegistry } from "../source/registration/registry.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";
import type { EventSource } from "./event-stream.ts";
import type { Explainer } from "./explainer.ts";
import type { PushMetrics } from "./push-metrics.ts";

export interface ApiContext {
  readonly directory: ConfigDirectory;
  readonly history: History;
  readonly registry: WorkloadRegistry;
  readonly pusher: Pusher;
  readonly ads: AdsServer;
  readonly metrics: PushMetrics;
  readonly issuers: IssuerDiscovery;
  readonly identities: Identities | undefined;
  readonly telemetry: Telemetry;
  /** Undefined: nobody explains requests. */
  readonly explainer: Explainer | undefined;
  readonly clock: Clock;
  readonly log: Log;
}

/** A request as handlers see it. */
export interface ApiRequest {
  readonly path: readonly string[];
  readonly query: URLSearchParams;
  /** It came over the socket that only this machine's user can open. */
  readonly local: boolean;
  readonly headers: IncomingHttpHeaders;
  /** Address of the other end; "" over the socket. */
  readonly peer: string;
  body(): Promise<string>;
  /** As it came, undecoded. Rejects with HttpError 413 if it is longer. */
  bytes(maxLength: number): Promise<Buffer>;
}

/** What a handler answers: a value for JSON, text or bytes with their type, or events for as long as the client listens (SSE). */
export type ApiAnswer =
  | { readonly status?: number; readonly json: unknown }
  | { readonly status?: number; readonly text: string | Uint8Array; readonly type: string }
  | { readonly events: EventSource };

export type Handler = (context: ApiContext, request: ApiRequest) => ApiAnswer | Promise<ApiAnswer>;
