/** ExportTraceServiceResponse: empty, or with how many spans were refused and why. (opentelemetry-proto collector/trace/v1) */
import type { IngestReport } from "../ingest/ingest-report.ts";

export function otlpReport({ refused, reason }: IngestReport): object {
  return refused === 0 ? {} : { partialSuccess: { rejectedSpans: String(refused), errorMessage: reason } };
}

export function encodeOtlpReport({ refused, reason }: IngestReport): Uint8Array {
  if (refused === 0) return new Uint8Array();
  const partialSuccess = Buffer.concat([Buffer.of(0x08, ...varint(refused)), textField(2, reason)]);
  return Buffer.concat([Buffer.of(0x0a, ...varint(partialSuccess.length)), partialSuccess]);
}

/** google.rpc.Status, which OTLP over HTTP answers failures with. */
export function encodeStatus(code: number, message: string): Uint8Array {
  return Buffer.concat([Buffer.of(0x08, ...varint(code)), textField(2, message)]);
}

function textField(field: number, text: string): Buffer {
  const bytes = Buffer.from(text);
  return Buffer.concat([Buffer.of(field * 8 + 2, ...varint(bytes.length)), bytes]);
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  for (; value >= 0x80; value = Math.floor(value / 128)) bytes.push((value % 128) | 0x80);
  return [...bytes, value];
}
