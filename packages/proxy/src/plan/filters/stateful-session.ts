import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import type {
  StatefulSession,
  StatefulSessionPerRoute,
} from "@tulle/xds/gen/envoy/extensions/filters/http/stateful_session/v3/stateful_session_pb.js";
import type { CookieBasedSessionState } from "@tulle/xds/gen/envoy/extensions/http/stateful_session/cookie/v3/cookie_pb.js";
import type { HeaderBasedSessionState } from "@tulle/xds/gen/envoy/extensions/http/stateful_session/header/v3/header_pb.js";
import { milliseconds } from "../duration.ts";
import { bytesOf } from "../format/byte-text.ts";
import { unpackExtension } from "../schemas.ts";
import { SESSION_COOKIE, STATEFUL_SESSION_PER_ROUTE } from "../supported-fields/index.ts";
import type { FilterCompiler } from "./filter-compiler.ts";

export interface StatefulSessionPlan {
  /** Null: there are no sessions. */
  readonly state: SessionStatePlan | null;
  /** The host of the session or none. */
  readonly strict: boolean;
}

export type SessionStatePlan = SessionCookiePlan | SessionHeaderPlan;

interface SessionHeaderPlan {
  readonly kind: "header";
  /** Lower-case. */
  readonly name: string;
}

interface SessionCookiePlan {
  readonly kind: "cookie";
  /** Bytes. */
  readonly name: string;
  /** "" for every path. */
  readonly path: string;
  /** 0 for as long as the client likes. */
  readonly ttlSeconds: number;
  /** What follows the value, bytes. */
  readonly attributes: string;
}

const NO_SESSION: StatefulSessionPlan = { state: null, strict: false };

export const statefulSession: FilterCompiler = {
  compile: ({ message }) => compile(message as StatefulSession),
  compileRoute: {
    typeName: STATEFUL_SESSION_PER_ROUTE,
    compile: ({ message }) => {
      const { override } = message as StatefulSessionPerRoute;
      return override.case === "statefulSession" ? compile(override.value) : NO_SESSION;
    },
    merge: null,
  },
};

function compile({ sessionState, strict }: StatefulSession): StatefulSessionPlan {
  if (sessionState?.typedConfig === undefined) return NO_SESSION;
  const { typeName, message } = unpackExtension(sessionState.typedConfig);
  if (typeName !== SESSION_COOKIE) {
    const { name } = message as HeaderBasedSessionState;
    return { state: { kind: "header", name: name.toLowerCase() }, strict };
  }
  const { name = "", path = "", ttl } = (message as CookieBasedSessionState).cookie ?? {};
  const ttlSeconds = Math.floor(milliseconds(ttl, 0) / 1000);
  const attributes = [...(ttlSeconds === 0 ? [] : [`Max-Age=${ttlSeconds}`]), ...(path === "" ? [] : [`Path=${path}`])];
  return {
    state: {
      kind: "cookie",
      name: bytesOf(name),
      path: bytesOf(path),
      ttlSeconds,
      attributes: bytesOf([...attributes, "HttpOnly"].map((each) => `; ${each}`).join("")),
    },
    strict,
  };
}

/** @param expiresAt in seconds, 0 for never */
export function encodeCookie(address: string, expiresAt: number): string {
  const writer = new BinaryWriter().tag(1, WireType.LengthDelimited).string(address);
  if (expiresAt > 0) writer.tag(2, WireType.Varint).int64(expiresAt);
  return Buffer.from(writer.finish()).toString("base64");
}

/**
 * The address that a cookie holds: in a message with the time when it expires, or alone, as older proxies wrote it. "" for none.
 * Source: Envoy `source/extensions/http/stateful_session/cookie/cookie.{proto,h}`.
 * @param now in seconds
 */
export function decodeCookie(value: string, now: number): string {
  const bytes = decodeSession(value);
  let address = "";
  let expiresAt = 0;
  try {
    const reader = new BinaryReader(bytes);
    while (reader.pos < reader.len) {
      const [field, type] = reader.tag();
      if (field === 1 && type === WireType.LengthDelimited) address = reader.string();
      else if (field === 2 && type === WireType.Varint) expiresAt = Number(reader.int64());
      else reader.skip(type, field);
    }
  } catch {
    // Not such a message.
    return bytes.toString("latin1");
  }
  return expiresAt !== 0 && expiresAt < now ? "" : address;
}

/** Base64; empty where it is none. */
export function decodeSession(value: string): Buffer {
  return BASE64.test(value) ? Buffer.from(value, "base64") : Buffer.alloc(0);
}

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** Whether a cookie of that path comes with requests of this one (RFC 6265 §5.1.4). */
export function cookieCovers(path: string, requestPath: string): boolean {
  if (path === "" || path === "/") return true;
  if (!requestPath.startsWith(path)) return false;
  if (path.endsWith("/") || requestPath.length === path.length) return true;
  const next = requestPath[path.length];
  return next === "/" || next === "?" || next === "#";
}
