/** Which responses may be given to somebody else later, and for how long they are fresh. RFC 9111, as a shared cache. */
import { AUTHORIZATION, CACHE_CONTROL, COOKIE, SET_COOKIE, VARY } from "../../codec/header-names.ts";
import type { RequestHead, ResponseHead } from "../../codec/messages.ts";

/** Directives by lower-case name; the value is "" where there is none. */
type Directives = ReadonlyMap<string, string>;

/** What must not be kept, or not be used when it is stale (sections 5.2.2.3 to 5.2.2.8). */
const FORBID = ["no-store", "no-cache", "private", "must-revalidate", "proxy-revalidate"] as const;

/** A request is answered with what was kept of a GET. */
export function mayBeAnswered(method: string): boolean {
  return method === "GET" || method === "HEAD";
}

/** @param isKnown the client has proved who it is, by whatever means */
export function mayBeKept(request: RequestHead, response: ResponseHead, isKnown: boolean): boolean {
  if (request.method !== "GET" || response.status !== 200) return false;
  const { headers } = response;
  if (headers.has(SET_COOKIE) || variedHeaders(response).includes("*")) return false;
  const control = directives(headers.get(CACHE_CONTROL));
  if (FORBID.some((directive) => control.has(directive))) return false;
  if (directives(request.headers.get(CACHE_CONTROL)).has("no-store")) return false;
  // Answers to somebody in particular are for others only where they say so (section 3.5; cookies are treated alike).
  // A filter or the route may have removed them: a token that was verified goes no further.
  const personal = isKnown || request.headers.hasHad(AUTHORIZATION) || request.headers.hasHad(COOKIE);
  return !personal || control.has("public") || control.has("s-maxage");
}

/** Names in `vary`, lower-case. */
export function variedHeaders({ headers }: ResponseHead): readonly string[] {
  return items(headers.get(VARY));
}

/** In milliseconds; 0 where the response does not say. */
export function freshnessMs({ headers }: ResponseHead): number {
  const control = directives(headers.get(CACHE_CONTROL));
  return seconds(control.get("s-maxage") ?? control.get("max-age") ?? "") * 1000;
}

/** `age`, or a directive's value: 0 where it is no number. */
export function seconds(text: string): number {
  return /^"?\d{1,10}"?$/.test(text) ? Number(text.replaceAll('"', "")) : 0;
}

function directives(value: string): Directives {
  return new Map(
    items(value).map((item) => {
      const equals = item.indexOf("=");
      return equals < 0 ? [item, ""] : [item.slice(0, equals).trimEnd(), item.slice(equals + 1).trimStart()];
    }),
  );
}

function items(value: string): string[] {
  if (value === "") return [];
  return (
    value
      .toLowerCase()
      // cold: only where a policy keeps good responses
      .split(",")
      .map((item) => item.trim())
  );
}
