import type { ProtocolError, RequestHead } from "../messages.ts";
import { AUTHORITY } from "./characters.ts";
import { HTTP1_ERRORS } from "./protocol-errors.ts";

/** Envoy `HeaderUtility::authorityIsValid`. */
export function isValidAuthority(authority: string): boolean {
  for (let i = 0; i < authority.length; i++) {
    if (AUTHORITY[authority.charCodeAt(i) & 0xff] === 0) return false;
  }
  return true;
}

/**
 * Splits the request target (RFC 9112 §3.2) into `head`'s path, scheme and authority; the path holds the target on entry.
 * An absolute form's authority replaces Host, its user information is dropped (Envoy `Utility::Url::initialize`).
 */
export function readTarget(head: RequestHead, allowAbsoluteUrl: boolean): ProtocolError | null {
  const target = head.path;
  if (head.method === "CONNECT") return readConnectTarget(head, target);
  if (target.charCodeAt(0) === 0x2f /* / */) return null;
  if (target === "*") return head.method === "OPTIONS" ? null : HTTP1_ERRORS.invalidUrl;
  // Left as it is, it is no path, which the connection manager refuses.
  return allowAbsoluteUrl ? readAbsoluteForm(head, target) : null;
}

function readAbsoluteForm(head: RequestHead, target: string): ProtocolError | null {
  const colon = target.indexOf("://");
  if (colon < 0) return HTTP1_ERRORS.invalidUrl;
  const scheme = target.slice(0, colon).toLowerCase();
  if (scheme !== "http" && scheme !== "https") return HTTP1_ERRORS.invalidScheme;
  let end = colon + 3;
  while (end < target.length && !"/?#".includes(target[end])) end++;
  let authority = target.slice(colon + 3, end);
  authority = authority.slice(authority.lastIndexOf("@") + 1);
  if (authority === "" || authority.startsWith(":") || !isValidAuthority(authority)) return HTTP1_ERRORS.invalidUrl;
  head.scheme = scheme;
  head.authority = authority;
  head.hasAuthority = true;
  head.absoluteForm = true;
  head.path = end === target.length ? "/" : target.slice(end);
  return null;
}

/** authority-form: host and port, nothing else. */
function readConnectTarget(head: RequestHead, target: string): ProtocolError | null {
  if (!isValidAuthority(target) || target.includes("@") || !/:[0-9]{1,5}$/.test(target)) return HTTP1_ERRORS.invalidUrl;
  head.authority = target;
  head.hasAuthority = true;
  head.path = "";
  return null;
}
