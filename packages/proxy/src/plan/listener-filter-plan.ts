/** The plans of listener filters: what looks at a connection's first bytes before its filter chain is chosen. */
import type { TlvTest } from "./proxy-header.ts";
import type { TokenBucketPlan } from "./filters/local-rate-limit.ts";

export interface ListenerFilterPlan {
  readonly name: string;
  /** Connections that it leaves alone; null: none. */
  readonly disabledFor: ConnectionTest | null;
  readonly config: ListenerFilterConfig;
}

/** `filter_disabled`, asked of where a connection goes. */
export type ConnectionTest = (localPort: number) => boolean;

export type ListenerFilterConfig =
  | TlsInspectorPlan
  | { readonly kind: "http-inspector" }
  | { readonly kind: "original-dst" }
  | ProxyProtocolPlan
  | { readonly kind: "local-rate-limit"; readonly statPrefix: string; readonly bucket: TokenBucketPlan };

export interface TlsInspectorPlan {
  readonly kind: "tls-inspector";
  readonly ja3: boolean;
  readonly ja4: boolean;
  /** `max_client_hello_size`, default 16 KiB. */
  readonly maxHelloBytes: number;
  /** `close_connection_on_client_hello_parsing_errors` */
  readonly closesOnErrors: boolean;
}

export interface ProxyProtocolPlan {
  readonly kind: "proxy-protocol";
  readonly statPrefix: string;
  readonly optional: boolean;
  readonly allowsV1: boolean;
  readonly allowsV2: boolean;
  /** What becomes dynamic metadata, by TLV type. */
  readonly rules: ReadonlyMap<number, TlvRulePlan>;
  /** What upstreams may be told. */
  readonly passes: TlvTest;
}

export interface TlvRulePlan {
  readonly namespace: string;
  readonly key: string;
  readonly base64: boolean;
}
