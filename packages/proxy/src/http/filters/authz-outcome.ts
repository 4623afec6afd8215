/** What an authorization server says of a request, whatever it was asked by, and what is made of it. */
import type { JsonObject } from "@bufbuild/protobuf";
import type { HeaderBlock } from "../../codec/header-block.ts";
import { withQuery } from "../../plan/query-mutations.ts";
import type { HeaderMutation } from "../../plan/route-plan.ts";
import type { Exchange } from "../exchange.ts";
import { type LocalReply, localReply } from "../local-replies.ts";

export type AuthzOutcome = AuthzAllowed | AuthzDenied | AuthzError | AuthzInvalid;

/** A question that is on its way. */
export interface AuthzCall {
  /** @param partial only the beginning of the request's body is there; null: none of it was asked for */
  start(exchange: Exchange, body: Uint8Array, partial: boolean | null): void;
  /** Nobody waits for it any more. */
  cancel(): void;
}

export interface AuthzAllowed {
  readonly kind: "ok";
  /** In order. */
  readonly requestHeaders: readonly AuthzHeader[];
  /** Lower-case. */
  readonly headersToRemove: readonly string[];
  readonly responseHeaders: readonly AuthzHeader[];
  readonly queryToSet: readonly (readonly [name: string, value: string])[];
  readonly queryToRemove: readonly string[];
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

/** The answer says something that no message can hold. */
interface AuthzInvalid {
  readonly kind: "invalid";
}

export const AUTHZ_INVALID: AuthzInvalid = { kind: "invalid" };

export const AUTHZ_ERROR: AuthzError = { kind: "error" };

/** Name lower-case, value bytes. */
export interface AuthzHeader {
  /** `join`: to the line that there is, if there is one. */
  readonly op: "set" | "append" | "add-if-absent" | "set-if-exists" | "join";
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

const HEADER_NAME = /^:?[!#$%&'*+.^_`|~0-9a-z-]+$/;
// eslint-disable-next-line no-control-regex
const UNSENDABLE = /[\x00-\x08\x0a-\x1f\x7f]/;

export function isSendable(name: string, value: string): boolean {
  return HEADER_NAME.test(name) && !UNSENDABLE.test(value);
}

export function applyToRequest(exchange: Exchange, allowed: AuthzAllowed): void {
  const { request } = exchange;
  const { requestHeaders, headersToRemove, queryToSet, queryToRemove } = allowed;

  for (const header of requestHeaders) {
    const { name, value } = header;
    if (name === "host" || name === ":authority") request.authority = value;
    else if (name !== ":path") applyHeader(request.headers, header);
    else if (value.startsWith("/")) request.path = value;
  }
  for (const name of headersToRemove) if (name !== "host" && mayBeSet(name)) request.headers.removeNamed(name);
  if (queryToSet.length > 0 || queryToRemove.length > 0) {
    request.path = withQuery(request.path, queryToSet, queryToRemove);
  }
}

export function applyHeader(headers: HeaderBlock, { op, name, value }: AuthzHeader): void {
  if (!mayBeSet(name)) return;
  if (op === "join") {
    headers.joinNamed(name, value);
    return;
  }
  const present = headers.first(name) !== undefined;
  if ((op === "add-if-absent" && present) || (op === "set-if-exists" && !present)) return;
  if (op === "set" || op === "set-if-exists") headers.removeNamed(name);
  headers.appendNamed(name, value);
}

/** In place of what routes and this proxy say under the same names; a name that comes twice has both. */
export function denialReply({ status, body, headers }: AuthzDenied): LocalReply {
  const seen = new Set<string>();
  const mutations = headers
    .filter(({ name }) => !name.startsWith(":"))
    .map(({ name, value }): HeaderMutation => {
      const op = seen.has(name) ? "append" : "overwrite";
      seen.add(name);
      return { op, name, value, format: null, keepEmpty: true, together: 0 };
    });
  return { ...localReply(status, body, "UAEX", "ext_authz_denied"), headers: mutations };
}

export const INVALID_REPLY = localReply(500, "", "UAEX", "ext_authz_invalid");

export function errorReply(status: number): LocalReply {
  return localReply(status, "", "UAEX", "ext_authz_error");
}
