/**
 * What is kept of a mesh's traffic, in the form in which it is stored, queried and sent to the console. Everything in here was
 * said by somebody over the network: texts are data, never markup, and may be as long as `LIMITS` of the store lets them be.
 */

/** Label names and values of one series, `__name__` among them. */
export type Labels = Readonly<Record<string, string>>;

/** A condition on one label, as in PromQL. An absent label is the same as an empty one. */
export interface LabelMatcher {
  readonly name: string;
  readonly op: "=" | "!=" | "=~" | "!~";
  readonly value: string;
}

/** One series in a stretch of time; times in ms since 1970, rising. NaN (Prometheus' stale marker): it ended here. */
export interface Series {
  readonly labels: Labels;
  readonly times: Float64Array;
  readonly values: Float64Array;
}

/** Where queries find series. */
export interface SeriesSource {
  /** All series that satisfy every matcher and have a sample with `fromMs` < time ≤ `toMs`; only those samples. */
  select(matchers: readonly LabelMatcher[], fromMs: number, toMs: number): readonly Series[];
  /** Labels alone, for `series`, `labels` and `label/…/values`. */
  labelSets(matchers: readonly LabelMatcher[], fromMs: number, toMs: number): readonly Labels[];
  exemplars(matchers: readonly LabelMatcher[], fromMs: number, toMs: number): readonly SeriesExemplars[];
}

export interface Exemplar {
  readonly labels: Labels;
  readonly value: number;
  readonly timeMs: number;
}

export interface SeriesExemplars {
  readonly labels: Labels;
  readonly exemplars: readonly Exemplar[];
}

export type RecordedSpanKind = "internal" | "server" | "client" | "producer" | "consumer";

/** One span, whoever made it: a proxy or an application, over Zipkin or OTLP. */
export interface SpanRecord {
  /** 32 hex digits; ids of 64 bits are padded with zeros in front. */
  readonly traceId: string;
  /** 16 hex digits. */
  readonly spanId: string;
  /** "" for a root. */
  readonly parentSpanId: string;
  /** `reviews.default`: OTLP's `service.name`, Zipkin's `localEndpoint.serviceName`. */
  readonly service: string;
  readonly kind: RecordedSpanKind;
  readonly name: string;
  /** µs since 1970. */
  readonly startMicros: number;
  readonly durationMicros: number;
  readonly error: boolean;
  readonly tags: Readonly<Record<string, string>>;
  readonly events: readonly { readonly name: string; readonly atMicros: number }[];
}

/** One request as a proxy saw it, or one connection that was not read as HTTP. Absent text is "". */
export interface RequestRecord {
  /** Node id of the proxy that says so. */
  readonly proxy: string;
  readonly workload: string;
  readonly namespace: string;
  /** Which side of the request this proxy is. */
  readonly reporter: "source" | "destination";
  /** ms since 1970, of its first byte. */
  readonly startMs: number;
  readonly durationMs: number;
  readonly protocol: string;
  readonly method: string;
  readonly authority: string;
  readonly path: string;
  /** 0: there was no response. */
  readonly status: number;
  readonly grpcStatus: string;
  /** Short names, such as `UF,URX`; "" for none. */
  readonly flags: string;
  readonly details: string;
  readonly requestId: string;
  readonly traceId: string;
  readonly routeName: string;
  readonly upstreamCluster: string;
  readonly upstreamHost: string;
  readonly attempts: number;
  readonly bytesReceived: number;
  readonly bytesSent: number;
  readonly downstreamRemote: string;
  readonly downstreamLocal: string;
  readonly userAgent: string;
  readonly transportFailure: string;
  readonly tlsVersion: string;
  /** Of the peer's certificate. */
  readonly peerPrincipal: string;
  readonly localPrincipal: string;
}

/** Who is at one end of a request; "" for what is not known. */
export interface RequestEnd {
  readonly workload: string;
  readonly service: string;
  readonly namespace: string;
  readonly version: string;
}

/** A request as it is kept: with a number to ask for it by, and what its entry says only between the lines. */
export interface KeptRequest extends RequestRecord {
  /** Rising in the order in which they came. */
  readonly id: number;
  readonly source: RequestEnd;
  readonly destination: RequestEnd;
  /** Of the authorization policy that denied it, or would have: `ns[default]-policy[deny-get]-rule[0]`; "" for none. */
  readonly policy: string;
  readonly shadowPolicy: string;
  /** Requests like it that the proxy left out before it, for want of budget. */
  readonly leftOut: number;
  /** It failed, was denied, something was done to it, or it took long. */
  readonly notable: boolean;
}
