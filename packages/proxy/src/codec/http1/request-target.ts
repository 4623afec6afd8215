import type { ProtocolError, RequestHead } from "../messages.ts";
import { AUTHORITY } from "./characters.ts";
import { HTTP1_ERRORS } from "./protocol-errors.ts";
import type { Http1ServerOptions } from "./server-codec.ts";

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
export function readTarget(
  head: RequestHead,
  { allowAbsoluteUrl, refusesHttpsUrl }: Pick<Http1ServerOptions, "allowAbsoluteUrl" | "refusesHttpsUrl">,
): ProtocolError | null {
  const target = head.path;
  if (head.method === "CONNECT") return readConnectTarget(head, target);
  if (target.charCodeAt(0) === 0x2f /* / */) return null;
  // Where absolute forms are not looked at, the connection manager refuses all that is no path.
  if (target.startsWith("*")) return head.method === "OPTIONS" || !allowAbsoluteUrl ? null : HTTP1_ERRORS.invalidUrl;
  if (!allowAbsoluteUrl) return null;
  const error = readAbsoluteForm(head, target);
  return error === null && refusesHttpsUrl && head.scheme === "https" ? HTTP1_ERRORS.httpsUrl : error;
}

/**
 * Whether this can be a request target at all, which is asked before anything else of the head. Envoy
 * `source/common/http/http1/balsa_parser.cc`, isUrlValid; what a query may hold the scanner has seen to.
 */
export function isTarget(target: string, isConnect: boolean): boolean {
  if (target.startsWith("/") || target.startsWith("*")) return true;
  return (isConnect ? CONNECT_TARGET : URL).test(target) && !target.includes("@@");
}

const URL = /^[A-Za-z][-+.A-Za-z0-9]*:\/\/[!$%&'()*+,\-.0-9:;=@A-Z[\]_a-z~]*(?:[/?].*)?$/;

const CONNECT_TARGET = /^[!$%&'()*+,\-.0-9:;=@A-Z[\]_a-z~]*(?:[/?].*)?$/;

/** User information, host and port, as Envoy reads them in a URL (`Utility::Url::initialize`). */
const AUTHORITY_OF_URL = /^(?:[-!$%&'()*+,.0-9:;=A-Z_a-z~]*@)?((?:[-.0-9A-Za-z]+|\[[.0-9:A-Fa-f]+\])(?::([0-9]+))?)$/;

const LAST_PORT = 65_535;

/** Without user information; "" if it is none. */
export function authorityOfUrl(text: string): string {
  const [, authority = "", port = ""] = AUTHORITY_OF_URL.exec(text) ?? [];
  return Number(port) > LAST_PORT ? "" : authority;
}

/** A URL as Envoy reads it: what is no part of these is dropped. */
export interface Url {
  /** As written. */
  readonly scheme: string;
  /** Without user information. */
  readonly authority: string;
  /** With query, without fragment. */
  readonly path: string;
}

/** Null for what is none, or is relative. */
export function readUrl(text: string): Url | null {
  if (!ABSOLUTE_URL.test(text)) return null;
  const colon = text.indexOf("://");
  const end = endOfAuthority(text, colon + 3);
  const authority = authorityOfUrl(text.slice(colon + 3, end));
  if (authority === "") return null;
  const fragment = text.indexOf("#", end);
  const path = text.slice(end, fragment < 0 ? text.length : fragment);
  return { scheme: text.slice(0, colon), authority, path: path === "" ? "/" : path };
}

/** Visible ASCII. */
const ABSOLUTE_URL = /^[A-Za-z][-+.A-Za-z0-9]*:\/\/[^/?#]+(?:[/?][!-~]*)?$/;

function endOfAuthority(url: string, start: number): number {
  let end = start;
  while (end < url.length && !"/?#".includes(url[end])) end++;
  return end;
}

function readAbsoluteForm(head: RequestHead, target: string): ProtocolError | null {
  const colon = target.indexOf("://");
  const end = endOfAuthority(target, colon + 3);
  const authority = authorityOfUrl(target.slice(colon + 3, end));
  if (authority === "") return HTTP1_ERRORS.invalidUrl;
  const scheme = target.slice(0, colon).toLowerCase();
  if (scheme !== "http" && scheme !== "https") return HTTP1_ERRORS.invalidScheme;
  head.scheme = scheme;
  head.authority = authority;
  head.hasAuthority = true;
  head.absoluteForm = true;
  head.path = end === target.length ? "/" : target.slice(end);
  return null;
}

/** authority-form: host and port, nothing else. */
function readConnectTarget(head: RequestHead, target: string): ProtocolError | null {
  if (authorityOfUrl(target) !== target || !/:[0-9]+$/.test(target)) return HTTP1_ERRORS.invalidUrl;
  head.authority = target;
  head.hasAuthority = true;
  head.path = "";
  return null;
}
