/** What an authorization server says of a request, whatever it was asked by, and what is made of it. */
import type { JsonObject } from "@bufbuild/protobuf";
import type { HeaderBlock } from "../../codec/header-block.ts";
import type { RequestHead } from "../../codec/messages.ts";
import type { HeaderMutation } from "../../plan/route-plan.ts";
import { type LocalReply, localReply } from "../local-replies.ts";

export type AuthzOutcome = AuthzAllowed | AuthzDenied | AuthzError;

export interface AuthzAllowed {
  readonly kind: "ok";
  /** In order. */
  readonly requestHeaders: readonly AuthzHeader[];
  /** Lower-case. */
  readonly headersToRemove: readonly string[];
  readonly responseHeaders: readonly AuthzHeader[];
  /** Null for none. */
  readonly metadata: JsonObject | null;
}

export interface AuthzDenied {
  readonly kind: "denied";
  readonly status: number;
  readonly body: string;
  readonly headers: readonly AuthzHeader[];
  readonly metadata: JsonObject | null;
}

/** Nobody could decide. */
export interface AuthzError {
  readonly kind: "error";
}

export const AUTHZ_ERROR: AuthzError = { kind: "error" };

/** Name lower-case, value bytes. */
export interface AuthzHeader {
  readonly op: "set" | "append";
  readonly name: string;
  readonly value: string;
}

/** What says where a message ends is for nobody else to say, and pseudo-headers are the request itself. */
const NOT_FOR_OTHERS: ReadonlySet<string> = new Set([
  "connection",
  "content-length",
  "keep-alive",
  "proxy-connection",
  "te",
  "transfer-encoding",
  "upgrade",
]);

export function mayBeSet(name: string): boolean {
  return !name.startsWith(":") && !NOT_FOR_OTHERS.has(name);
}

export function applyToRequest(request: RequestHead, { requestHeaders, headersToRemove }: AuthzAllowed): void {
  for (const header of requestHeaders) {
    if (header.name === "host") request.authority = header.value;
    else applyHeader(request.headers, header);
  }
  for (const name of headersToRemove) if (name !== "host" && mayBeSet(name)) request.headers.removeNamed(name);
}

export function applyHeader(headers: HeaderBlock, { op, name, value }: AuthzHeader): void {
  if (op === "set") headers.removeNamed(name);
  headers.appendNamed(name, value);
}

/** In place of what routes and this proxy say under the same names; a name that comes twice has both. */
export function denialReply({ status, body, headers }: AuthzDenied): LocalReply {
  const seen = new Set<string>();
  const mutations = headers.map(({ name, value }): HeaderMutation => {
    const op = seen.has(name) ? "append" : "overwrite";
    seen.add(name);
    return { op, name, value, format: null, keepEmpty: true, together: 0 };
  });
  return { ...localReply(status, body, "UAEX", "ext_authz_denied"), headers: mutations };
}

export function errorReply(status: number): LocalReply {
  return localReply(status, "", "UAEX", "ext_authz_error");
}
