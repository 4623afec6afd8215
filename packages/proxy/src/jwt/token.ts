/** Tokens as they come with requests, before anything of them is believed. Envoy `source/common/jwt/jwt.cc`. */
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { decodeBase64Url } from "./base64.ts";
import { parseJsonObject } from "./json.ts";
import { JWT_STATUS, type JwtStatus } from "./status.ts";

export interface Jwt {
  /** Header and payload as they came: what is signed. */
  readonly signed: string;
  /** The payload as it came. */
  readonly encodedPayload: string;
  readonly header: JsonObject;
  readonly payload: JsonObject;
  readonly alg: string;
  /** "" for none; so are the texts that follow. */
  readonly kid: string;
  readonly issuer: string;
  readonly subject: string;
  readonly audiences: readonly string[];
  /** Seconds since 1970; 0 for none. */
  readonly notBefore: number;
  readonly expires: number;
  readonly signature: Uint8Array;
}

const ALGORITHMS: ReadonlySet<string> = new Set([
  "ES256",
  "ES384",
  "ES512",
  "HS256",
  "HS384",
  "HS512",
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "EdDSA",
]);

/** Beyond the numbers that 64 bits hold. */
const TOO_LARGE = 2 ** 64;

export type ParsedJwt =
  | { readonly jwt: Jwt; readonly status: null }
  | { readonly jwt: null; readonly status: JwtStatus };

/** In Envoy's order: of several faults it is the first that is told. */
export function parseJwt(text: string): ParsedJwt {
  // Empty sections do not count: `.a.b.c` is a token.
  const [encodedHeader, encodedPayload, encodedSignature, ...more] = text
    .split(".")
    .filter((section) => section !== "");
  if (encodedSignature === undefined || more.length > 0) return refused(JWT_STATUS.badFormat);

  const headerBytes = decodeBase64Url(encodedHeader);
  if (headerBytes === null) return refused(JWT_STATUS.headerBadBase64);
  const header = parseJsonObject(headerBytes);
  if (header === null) return refused(JWT_STATUS.headerBadJson);
  const alg = claim(header, "alg");
  if (typeof alg !== "string") return refused(JWT_STATUS.headerBadAlg);
  if (!ALGORITHMS.has(alg)) return refused(JWT_STATUS.headerNotImplementedAlg);
  const kid = claim(header, "kid") ?? "";
  if (typeof kid !== "string" || isNull(header, "kid")) return refused(JWT_STATUS.headerBadKid);

  const payloadBytes = decodeBase64Url(encodedPayload);
  if (payloadBytes === null) return refused(JWT_STATUS.payloadBadBase64);
  const payload = parseJsonObject(payloadBytes);
  if (payload === null) return refused(JWT_STATUS.payloadBadJson);
  const fault = faultOf(payload);
  if (fault !== null) return refused(fault);
  const signature = decodeBase64Url(encodedSignature);
  if (signature === null) return refused(JWT_STATUS.signatureBadBase64);
  return {
    status: null,
    jwt: {
      signed: `${encodedHeader}.${encodedPayload}`,
      encodedPayload,
      header,
      payload,
      alg,
      kid,
      issuer: textOf(payload, "iss"),
      subject: textOf(payload, "sub"),
      audiences: audiencesOf(payload),
      notBefore: secondsOf(payload, "nbf"),
      expires: secondsOf(payload, "exp"),
      signature,
    },
  };
}

function refused(status: JwtStatus): ParsedJwt {
  return { jwt: null, status };
}

/** Undefined where there is none. Null counts as a value of another type. */
function claim(object: JsonObject, name: string): JsonValue | undefined {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}

function isNull(object: JsonObject, name: string): boolean {
  return claim(object, name) === null;
}

const TEXTS = [
  ["iss", JWT_STATUS.issNotString],
  ["sub", JWT_STATUS.subNotString],
] as const;

const TIMES = [
  ["iat", JWT_STATUS.iatNotInteger, JWT_STATUS.iatOutOfRange],
  ["nbf", JWT_STATUS.nbfNotInteger, JWT_STATUS.nbfOutOfRange],
  ["exp", JWT_STATUS.expNotInteger, JWT_STATUS.expOutOfRange],
] as const;

function faultOf(payload: JsonObject): JwtStatus | null {
  for (const [name, status] of TEXTS) if (!isTextOrAbsent(claim(payload, name))) return status;
  for (const [name, notInteger, outOfRange] of TIMES) {
    const value = claim(payload, name);
    if (value === undefined) continue;
    if (typeof value !== "number") return notInteger;
    if (value < 0 || value >= TOO_LARGE) return outOfRange;
  }
  if (!isTextOrAbsent(claim(payload, "jti"))) return JWT_STATUS.jtiNotString;
  const audiences = claim(payload, "aud");
  const isList = Array.isArray(audiences) && audiences.every((each) => typeof each === "string");
  return isList || isTextOrAbsent(audiences) ? null : JWT_STATUS.audNotString;
}

function isTextOrAbsent(value: JsonValue | undefined): boolean {
  return value === undefined || typeof value === "string";
}

function textOf(payload: JsonObject, name: string): string {
  const value = claim(payload, name);
  return typeof value === "string" ? value : "";
}

/** A part of a second is none. */
function secondsOf(payload: JsonObject, name: string): number {
  const value = claim(payload, name);
  return typeof value === "number" ? Math.floor(value) : 0;
}

function audiencesOf(payload: JsonObject): readonly string[] {
  const value = claim(payload, "aud");
  if (typeof value === "string") return [value];
  return Array.isArray(value) ? value.filter((each) => typeof each === "string") : [];
}

/** Source: Envoy `source/common/jwt/verify.h`, kClockSkewInSecond. */
export const DEFAULT_CLOCK_SKEW_S = 60;

/** Null if it is in force. @param nowS whole seconds since 1970 */
export function timeFault({ notBefore, expires }: Jwt, nowS: number, clockSkewS: number): JwtStatus | null {
  if (nowS + clockSkewS < notBefore) return JWT_STATUS.notYetValid;
  return expires > 0 && nowS > expires + clockSkewS ? JWT_STATUS.expired : null;
}

/** What audiences are compared by: scheme and a slash at the end do not count. Envoy `source/common/jwt/check_audience.cc`. */
export function comparableAudience(audience: string): string {
  return audience.replace(/^https?:\/\//, "").replace(/\/$/, "");
}
