/** HTTP/2 in configurations. */
import type { JsonObject } from "../case.ts";
import { typed } from "../steps.ts";

const EXTENSION = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

/** Fields of a cluster: its HttpProtocolOptions. */
export function httpOptions(fields: JsonObject): JsonObject {
  return {
    typed_extension_protocol_options: {
      [EXTENSION]: typed("extensions.upstreams.http.v3.HttpProtocolOptions", fields),
    },
  };
}

/** Fields of a cluster that speaks HTTP/2. @param options `Http2ProtocolOptions` @param more of its HttpProtocolOptions */
export function http2Cluster(options: JsonObject = {}, more: JsonObject = {}): JsonObject {
  return httpOptions({ explicit_http_config: { http2_protocol_options: options }, ...more });
}

/** Of a cluster's connections and streams, what HTTP/2 counts otherwise than HTTP/1. */
export const UPSTREAM_STATS = [
  "upstream_cx_total",
  "upstream_cx_http1_total",
  "upstream_cx_http2_total",
  "upstream_cx_active",
  "upstream_rq_total",
  "upstream_rq_active",
  "upstream_rq_tx_reset",
  "upstream_rq_rx_reset",
  "upstream_cx_close_notify",
  "upstream_cx_protocol_error",
  "upstream_cx_max_requests",
].map((name) => `cluster.a.${name}`);

/** Of a connection manager. */
export const DOWNSTREAM_STATS = [
  "downstream_cx_total",
  "downstream_cx_http1_total",
  "downstream_cx_http2_total",
  "downstream_cx_http2_active",
  "downstream_cx_protocol_error",
  "downstream_rq_total",
  "downstream_rq_http2_total",
  "downstream_rq_active",
  "downstream_rq_rx_reset",
  "downstream_rq_tx_reset",
].map((name) => `http.in.${name}`);

/** Of one of the two codecs. */
export function codecStats(side: "listener" | "cluster.a", ...names: readonly string[]): string[] {
  return names.map((name) => (side === "listener" ? `http2.${name}` : `cluster.a.http2.${name}`));
}

/** Access-log format of most cases. */
export const LOG = "%PROTOCOL% %RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %BYTES_RECEIVED% %BYTES_SENT%";
