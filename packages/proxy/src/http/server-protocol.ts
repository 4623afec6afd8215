/** Which HTTP a client speaks: Envoy `HttpConnectionManagerUtility::determineNextProtocol`. */
import { CLIENT_PREFACE } from "../codec/http2/frames.ts";

/** So much of the preface tells it from a request (Envoy `Http2::CLIENT_MAGIC_PREFIX`). */
const MAGIC = CLIENT_PREFACE.slice(0, "PRI * HTTP/2".length);

/**
 * By the first bytes. Null: they may be the beginning of either; Envoy takes that for HTTP/1, and answers a preface that comes in two pieces by 400.
 */
export function sniffHttp2(bytes: Uint8Array, length: number): boolean | null {
  const enough = Math.min(length, MAGIC.length);
  for (let i = 0; i < enough; i++) if (bytes[i] !== MAGIC.charCodeAt(i)) return false;
  return enough === MAGIC.length ? true : null;
}
