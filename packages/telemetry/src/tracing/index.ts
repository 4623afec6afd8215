export { b3MultiSampled, b3Sampled, formatB3, parseB3, parseB3Multi } from "./b3.ts";
export { encodeOtlpTraces, type OtlpAttribute, type OtlpSource } from "./otlp.ts";
export { Span, type SpanEvent, type SpanKind } from "./span.ts";
export { type ContextFound, TraceContext, ZERO_ID } from "./trace-context.ts";
export { formatTraceparent, parseTraceparent } from "./w3c.ts";
export { encodeZipkinJson, encodeZipkinProto, type ZipkinEndpoint } from "./zipkin.ts";
