import { latin1 } from "../latin1.ts";

/**
 * The methods that Envoy 1.40 takes on HTTP/1.1 (`source/common/http/http1/balsa_parser.cc`, `isMethodValid`, and QUERY):
 * any other token is 400.
 */
const METHODS: readonly string[] = [
  "ACL", "BIND", "CHECKOUT", "CONNECT", "COPY", "DELETE", "GET", "HEAD", "LINK", "LOCK", "MERGE", "MKACTIVITY", "MKCALENDAR",
  "MKCOL", "MOVE", "MSEARCH", "NOTIFY", "OPTIONS", "PATCH", "POST", "PROPFIND", "PROPPATCH", "PURGE", "PUT", "QUERY", "REBIND",
  "REPORT", "SEARCH", "SOURCE", "SUBSCRIBE", "TRACE", "UNBIND", "UNLINK", "UNLOCK", "UNSUBSCRIBE",
]; // prettier-ignore

const KNOWN = new Map(METHODS.map((method) => [method, method]));

/** Without a body they get no `content-length: 0` (Envoy `codec_impl.cc`, `bodiless_request`). */
const WITHOUT_BODY = new Set(["GET", "HEAD", "DELETE", "CONNECT", "TRACE"]);

const GET = 0x474554;
const PUT = 0x505554;
const POST = 0x504f5354;
const HEAD = 0x48454144;

/** The method in bytes `start` to `end`, "" if Envoy would not take it. The frequent ones cost no string. */
export function readMethod(bytes: Buffer, start: number, end: number): string {
  const length = end - start;
  if (length === 3) {
    const word = (bytes[start] << 16) | (bytes[start + 1] << 8) | bytes[start + 2];
    if (word === GET) return "GET";
    if (word === PUT) return "PUT";
  } else if (length === 4) {
    const word = (bytes[start] << 24) | (bytes[start + 1] << 16) | (bytes[start + 2] << 8) | bytes[start + 3];
    if (word === POST) return "POST";
    if (word === HEAD) return "HEAD";
  }
  return length > 16 ? "" : (KNOWN.get(latin1(bytes, start, end)) ?? "");
}

export function usuallyHasNoBody(method: string): boolean {
  return method === "GET" || WITHOUT_BODY.has(method);
}
