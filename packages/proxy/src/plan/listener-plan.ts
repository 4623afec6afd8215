/** The plan of a listener (see route-plan.ts for what a plan is): its address, its filter chains, and their connection managers. */
import type { HeaderCase } from "../codec/http1/header-case.ts";
import type { AddressDetector } from "./compile-address-detection.ts";
import type { TokenBucketPlan } from "./filters/local-rate-limit.ts";
import type { HeaderStep } from "./filters/header-mutation.ts";
import type { RuntimeRef } from "./runtime-values.ts";
import type { SocketAddress } from "./address.ts";
import type { StreamTest } from "./access-log-filters.ts";
import type { AddressTest } from "./cidr.ts";
import type { NetworkFilterPlan } from "./compile-network-filters.ts";
import type { TcpProxyPlan } from "./compile-tcp-proxy.ts";
import type { AcceptedOptions } from "./compile-socket-options.ts";
import type { ChainMatcher } from "./filter-chain-match.ts";
import type { Format } from "./format/format.ts";
import type { ListenerInfo, StreamInfo } from "./format/stream-info.ts";
import type { ListenerFilterPlan } from "./listener-filter-plan.ts";
import type { LogCollectorPlan } from "./log-collector-plan.ts";
import type { Http2Plan } from "./http2-options.ts";
import type { LocalReplyPlan } from "./local-reply-config.ts";
import type { PeerMetadataPlan } from "./peer-metadata.ts";
import type { RouteConfigRef } from "./route-plan.ts";
import type { DownstreamTlsPlan } from "./tls-plan.ts";
import type { RequestIdPlan, TracingPlan } from "./tracing-plan.ts";

export interface ListenerPlan {
  readonly name: string;
  readonly address: string;
  /** 0 lets the kernel choose. */
  readonly port: number;
  /** `additional_addresses`: where it listens as well. */
  readonly additionalAddresses: readonly SocketAddress[];
  /** `transparent`: takes connections to any address that the kernel gives it. */
  readonly transparent: boolean;
  /** `socket_options`: what its connections are accepted with. */
  readonly accepted: AcceptedOptions;
  /** Under which the listener counts; "" for its address. */
  readonly statPrefix: string;
  /** Envoy `traffic_direction`. */
  readonly direction: "unspecified" | "inbound" | "outbound";
  /** `drain_type` DEFAULT: connections end once this proxy is to fail its health checks, not only when the listener goes. */
  readonly drainsWhenFailing: boolean;
  /** `per_connection_buffer_limit_bytes`, default 1 MiB. High watermark; the low one is half of it. */
  readonly bufferLimitBytes: number;
  /** `bind_to_port`, default true: false only takes connections that other listeners give it. */
  readonly bindsToPort: boolean;
  /** `use_original_dst`: connections go to the listener of the address that they were to go to, if there is one. */
  readonly usesOriginalDst: boolean;
  /** How many connections it takes at a time: `envoy.resource_limits.listener.NAME.connection_limit` of the runtime; Infinity: no limit. */
  readonly connectionLimit: RuntimeRef<number>;
  /** `ignore_global_conn_limit`: its connections do not count among those of all listeners. */
  readonly ignoresGlobalLimit: boolean;
  /** `bypass_overload_manager` */
  readonly bypassesOverload: boolean;
  /** In the order in which they look at a connection. */
  readonly listenerFilters: readonly ListenerFilterPlan[];
  /** Default 15 s, 0 = none. */
  readonly listenerFiltersTimeoutMs: number;
  /** For what is logged of connections that have come to no chain. */
  readonly info: ListenerInfo;
  /** Of connections, when they are over. */
  readonly accessLogs: readonly AccessLogPlan[];
  /** A connection that they are not done with in time goes on as it is. */
  readonly continuesAfterTimeout: boolean;
  /** The default one last, if there is one. */
  readonly chains: readonly FilterChainPlan[];
  /** Finds the index of a chain among `chains`. */
  readonly matcher: ChainMatcher;
  /** The index of the one for connections that none of the others wants; -1: they are closed. */
  readonly defaultChain: number;
  /** Equal strings mean equal configuration: an unchanged listener is left alone. */
  readonly fingerprint: string;
  /** Of everything but the chains: where it is equal, chains that have not changed keep their connections. */
  readonly ownFingerprint: string;
}

export interface FilterChainPlan {
  /** "" if it has none. */
  readonly name: string;
  /** Before the last one, in their order. */
  readonly filters: readonly NetworkFilterPlan[];
  readonly terminal: TerminalPlan;
  /** Null: connections are plain. */
  readonly transportSocket: DownstreamTlsPlan | null;
  readonly info: ListenerInfo;
  readonly fingerprint: string;
}

/** What a chain ends in. */
export type TerminalPlan =
  | { readonly kind: "http"; readonly manager: HttpConnectionManagerPlan }
  | { readonly kind: "tcp"; readonly proxy: TcpProxyPlan }
  | { readonly kind: "echo" }
  /** @param response latin1 */
  | { readonly kind: "direct-response"; readonly response: string };

/** Envoy `path_with_escaped_slashes_action`. */
export type EscapedSlashes = "keep" | "reject" | "unescape-and-redirect" | "unescape-and-forward";

export interface HttpConnectionManagerPlan {
  readonly statPrefix: string;
  /** `server_name`, default "envoy". */
  readonly serverName: string;
  readonly serverHeader: "overwrite" | "append-if-absent" | "pass-through";
  readonly useRemoteAddress: boolean;
  readonly xffNumTrustedHops: number;
  /** `original_ip_detection_extensions`; null: x-forwarded-for tells, as the fields above say. */
  readonly addressDetectors: readonly AddressDetector[] | null;
  /** `early_header_mutation_extensions`: what is done to a request before anything is made of it; null: nothing. */
  readonly earlyMutations: readonly HeaderStep[] | null;
  readonly skipXffAppend: boolean;
  /** `internal_address_config`: who may steer the proxy by x-envoy headers; null = nobody. */
  readonly isInternal: AddressTest | null;
  /** `append_x_forwarded_port`. */
  readonly appendXForwardedPort: boolean;
  /** `scheme_header_transformation`, "" for none. */
  readonly schemeToOverwrite: string;
  /** Header classes (codec/header-names.ts) that are removed from every request, whoever sends it. */
  readonly neverAccepted: number;
  /** What requests are told of their client's certificate; null: nothing that they do not say themselves. */
  readonly clientCertificate: ClientCertificatePlan | null;
  /** What proxies tell each other of their workloads, for mesh metrics; null: nothing. */
  readonly peerMetadata: PeerMetadataPlan | null;
  /** `add_user_agent`: what requests say about this proxy; null = nothing. */
  readonly userAgent: { readonly cluster: string; readonly node: string } | null;
  readonly via: string;
  /** `generate_request_id`, default true. */
  readonly generateRequestId: boolean;
  readonly requestIds: RequestIdPlan;
  readonly preserveExternalRequestId: boolean;
  readonly alwaysSetRequestIdInResponse: boolean;
  readonly normalizePath: boolean;
  readonly mergeSlashes: boolean;
  readonly escapedSlashes: EscapedSlashes;
  readonly stripPort: "none" | "matching" | "any";
  readonly stripTrailingHostDot: boolean;
  readonly headersWithUnderscores: "allow" | "reject" | "drop";
  /** Which HTTP clients speak; by ALPN or their first bytes. */
  readonly codecType: "auto" | "http1" | "http2";
  readonly http2: Http2Plan;
  /** `http_protocol_options.accept_http_10`. */
  readonly acceptHttp10: boolean;
  readonly defaultHostForHttp10: string;
  readonly enableTrailers: boolean;
  /** `header_key_format`. */
  readonly headerCase: HeaderCase;
  /** `allow_absolute_url`, default true. */
  readonly allowAbsoluteUrl: boolean;
  readonly refusesHttpsUrl: boolean;
  readonly allowChunkedLength: boolean;
  readonly proxy100Continue: boolean;
  /** `max_request_headers_kb` × 1024, default 60 KiB. */
  readonly maxRequestHeadersBytes: number;
  /** `max_headers_count`, default 100. */
  readonly maxRequestHeadersCount: number;
  /** 0 = no limit. */
  readonly maxRequestsPerConnection: number;
  /** Default 1 h. */
  readonly idleTimeoutMs: number;
  readonly maxConnectionDurationMs: number;
  /** Default 5 min. */
  readonly streamIdleTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly requestHeadersTimeoutMs: number;
  readonly maxStreamDurationMs: number;
  /** Default 5 s. */
  readonly drainTimeoutMs: number;
  /** Default 1 s. */
  readonly delayedCloseTimeoutMs: number;
  /** Router: `suppress_envoy_headers`. */
  readonly suppressEnvoyHeaders: boolean;
  /** `append_local_overload`: requests that are turned away for want of something are told so by a header. */
  readonly tellsOverload: boolean;
  /** Router: `respect_expected_rq_timeout`. */
  readonly respectExpectedRqTimeout: boolean;
  readonly listener: ListenerInfo;
  /** Null: local replies are as they are. */
  readonly localReplies: LocalReplyPlan | null;
  readonly accessLogs: readonly AccessLogPlan[];
  /** Whether there is a line for a request that has just been routed, too; for a tunnel that has just been opened. */
  readonly logsNewRequests: boolean;
  readonly logsNewTunnels: boolean;
  /** And one every so often while it goes on; 0 = never. */
  readonly accessLogIntervalMs: number;
  /** Null: requests are not traced. */
  readonly tracing: TracingPlan | null;
  readonly routes: RouteConfigRef;
  /** `upgrade_configs`: lower-case protocol → allowed, where the route says nothing. */
  readonly upgrades: ReadonlyMap<string, boolean>;
  /** HTTP filters in configuration order, the router left out. */
  readonly filters: readonly HttpFilterPlan[];
}

/** `forward_client_cert_details` and `set_current_client_cert_details`. */
export interface ClientCertificatePlan {
  /** FORWARD_ONLY: what the client says goes on, if it has shown a certificate itself. */
  readonly forwardsOnly: boolean;
  /** APPEND_FORWARD: what it says comes first; else (SANITIZE_SET) it is dropped. */
  readonly appends: boolean;
  readonly subject: boolean;
  readonly cert: boolean;
  readonly chain: boolean;
  readonly dns: boolean;
  readonly uri: boolean;
}

export type AccessLogPlan = FileLogPlan | CollectedLogPlan | RequestLogPlan;

export interface FileLogPlan {
  readonly kind: "file";
  /** `/dev/stdout` and `/dev/stderr` are the proxy's own, whatever they are. */
  readonly path: string;
  readonly format: Format;
  /** Null: every stream is logged. */
  readonly filter: StreamTest | null;
}

/** Sent to somebody who collects them. */
export interface CollectedLogPlan {
  readonly kind: "collected";
  readonly collector: LogCollectorPlan;
  /** An entry as it is sent. */
  entry(stream: StreamInfo): Uint8Array;
  readonly filter: StreamTest | null;
}

/** Single requests, within budgets. */
export interface RequestLogPlan {
  readonly kind: "requests";
  readonly collector: LogCollectorPlan;
  /** Of connections, not of requests. */
  readonly connections: boolean;
  readonly slowMs: number;
  readonly notable: TokenBucketPlan;
  readonly others: TokenBucketPlan;
  /** @param share of its like that the entry stands for */
  entry(stream: StreamInfo, share: number): Uint8Array;
  readonly filter: StreamTest | null;
}

/** A filter before the router: `typeName` selects the implementation in http/filters, `config` is what its compile step made. */
export interface HttpFilterPlan {
  readonly name: string;
  /** Message type of its configuration. */
  readonly typeName: string;
  /** `HttpFilter.disabled`: off unless a route switches it on. */
  readonly disabled: boolean;
  readonly config: unknown;
}

/** What a route says for one filter. */
export interface RouteFilterConfig {
  /** Message type of `config`: a filter of another type does not see it. "" if there is none. */
  readonly typeName: string;
  readonly disabled: boolean;
  readonly config: unknown;
}

/** By filter name, the levels of a route merged. */
export type FilterConfigs = ReadonlyMap<string, RouteFilterConfig>;
