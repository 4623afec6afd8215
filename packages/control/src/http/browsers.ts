/**
 * What a browser may ask of this API. It runs other people's pages, and this machine's user is often the only guard that there is, so
 * whatever other pages could make a browser send is refused: requests for names that lead here without being ours (DNS rebinding),
 * and changes that come from elsewhere (forged requests).
 */
import type { IncomingHttpHeaders } from "node:http";
import { isIP } from "node:net";
import { HttpError } from "./messages.ts";

/** Sent with every answer. No page may read, embed or reinterpret what is served here. */
export const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-resource-policy": "same-origin",
};

/** Types that no HTML form can send: a browser asks first before it sends them anywhere else. */
const BODY_TYPES = ["application/json", "application/yaml"];

/** What changes nothing. */
const SAFE_METHODS: readonly (string | undefined)[] = ["GET", "HEAD"];

/**
 * Throws HttpError if a page that is not ours could have caused this request.
 *
 * @param isLoopback it came to an address of this machine: then names of other sites have no business here
 */
export function refuseForeignPages(
  method: string | undefined,
  headers: IncomingHttpHeaders,
  isLoopback: boolean,
): void {
  const host = headers.host ?? "";
  if (isLoopback && !namesThisMachine(host)) {
    throw new HttpError(421, "this is served to localhost and 127.0.0.1 only, and the request names another host");
  }
  if (SAFE_METHODS.includes(method)) return;
  const site = headers["sec-fetch-site"];
  const { origin } = headers;
  // Programs send neither.
  if (site === undefined && origin === undefined) return;
  // A browser's own word counts more: behind a reverse proxy the host is another than the page's.
  const isOurs = site === undefined ? originHost(origin!) === host : site === "same-origin";
  if (!isOurs) throw new HttpError(403, "changes are taken from the console's own pages only");
  const type = headers["content-type"]?.split(";")[0]?.trim().toLowerCase();
  const hasBody = (headers["content-length"] ?? "0") !== "0" || headers["transfer-encoding"] !== undefined;
  if (hasBody && !BODY_TYPES.includes(type ?? "")) {
    throw new HttpError(415, `a page's changes have the type ${BODY_TYPES.join(" or ")}`);
  }
}

/** `localhost:15014`, `127.0.0.1`, `[::1]:15014`, `console.localhost`. An absent host is HTTP/1.0, which browsers do not speak. */
function namesThisMachine(host: string): boolean {
  if (host === "") return true;
  const name = host.replace(/:\d+$/, "").toLowerCase();
  if (name === "localhost" || name.endsWith(".localhost")) return true;
  return isIP(name.replace(/^\[(.*)\]$/, "$1")) !== 0;
}

function originHost(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined;
}
