/** What is made of a good token's claims: headers and metadata. Envoy `jwt_authn/authenticator.cc`, `addJWTClaimToHeader`. */
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import type { HeaderBlock } from "../../codec/header-block.ts";
import type { Jwt } from "../../jwt/token.ts";
import type { JwtProviderPlan } from "../../plan/filters/jwt-provider.ts";
import { bytesOf } from "../../plan/format/byte-text.ts";
import { jsonOf } from "../../plan/format/json-text.ts";

export interface WrittenClaims {
  /** Some have become headers. */
  readonly claims: boolean;
  /** A header whose claim could end the line: nothing was written; "" for none. */
  readonly invalidHeader: string;
}

export function writeClaims(headers: HeaderBlock, jwt: Jwt, plan: JwtProviderPlan): WrittenClaims {
  if (plan.payloadHeader !== "") {
    headers.appendNamed(plan.payloadHeader, plan.padPayload ? padded(jwt.encodedPayload) : jwt.encodedPayload);
  }
  let claims = false;
  let invalidHeader = "";
  for (const { name, path } of plan.claimHeaders) {
    const value = claimText(claimAt(jwt.payload, path));
    if (value === "") continue;
    if (UNSENDABLE.test(value)) invalidHeader = name;
    else headers.appendNamed(name, value);
    claims = true;
  }
  return { claims, invalidHeader };
}

// eslint-disable-next-line no-control-regex
const UNSENDABLE = /[\x00-\x08\x0a-\x1f\x7f]/;

function padded(encoded: string): string {
  return encoded + "=".repeat((4 - (encoded.length % 4)) % 4);
}

function claimAt(payload: JsonObject, path: readonly string[]): JsonValue | undefined {
  let at: JsonValue | undefined = payload;
  for (const key of path) {
    if (typeof at !== "object" || at === null || Array.isArray(at) || !Object.hasOwn(at, key)) return undefined;
    at = (at as JsonObject)[key];
  }
  return at;
}

/** Bytes; "" for what is no header. */
function claimText(value: JsonValue | undefined): string {
  if (value === undefined || value === null) return "";
  if (typeof value === "string") return bytesOf(value);
  if (typeof value === "number") return numberText(value);
  if (typeof value === "boolean") return value ? "true" : "false";
  return Buffer.from(jsonOf(value), "latin1").toString("base64");
}

/** Whole numbers of 64 bits as they are, others with six places (`std::to_string`). */
function numberText(value: number): string {
  if (!Number.isInteger(value)) return value.toFixed(6);
  const digits = BigInt(value).toString();
  return value >= 0 && value < 2 ** 64 ? digits : `${digits}.000000`;
}

/** Claims that are lists with spaces between their items become lists. */
export function payloadForMetadata(payload: JsonObject, spaceDelimited: readonly string[]): JsonObject {
  if (spaceDelimited.length === 0) return payload;
  const normalized: Record<string, JsonValue> = { ...payload };
  for (const name of spaceDelimited) {
    const value = Object.hasOwn(payload, name) ? payload[name] : undefined;
    if (typeof value !== "string" || value === "") continue;
    // cold: once a request with a token, where a provider asks for it
    normalized[name] = value.split(" ").filter((item) => item !== "");
  }
  return normalized;
}
