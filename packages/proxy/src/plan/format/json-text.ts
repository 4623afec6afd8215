/** JSON as Envoy writes it (`source/common/json/json_sanitizer.cc`, `json_utility.cc`), over strings of bytes. */
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { bytesOf } from "./byte-text.ts";

/** Anything but printable ASCII without quote and backslash. */
const NEEDS_CARE = /[^ !#-[\]-~]/;
const BEYOND_ASCII = /[\x80-\xff]/;

/** A JSON string with its quotes. @param bytes one character a byte */
export function jsonString(bytes: string): string {
  return NEEDS_CARE.test(bytes) ? `"${escapeJson(bytes)}"` : `"${bytes}"`;
}

/** The inside of a JSON string. Valid UTF-8 stays as it is; in what is not UTF-8 every suspicious byte becomes `\u00xx`. */
export function escapeJson(bytes: string): string {
  if (!NEEDS_CARE.test(bytes)) return bytes;
  if (!BEYOND_ASCII.test(bytes) || isUtf8(bytes)) return JSON.stringify(bytes).slice(1, -1);
  let out = "";
  for (const byte of bytes) {
    out += NEEDS_CARE.test(byte) ? `\\u${byte.charCodeAt(0).toString(16).padStart(4, "0")}` : byte;
  }
  return out;
}

const utf8 = new TextDecoder("utf-8", { fatal: true });

function isUtf8(bytes: string): boolean {
  try {
    utf8.decode(Buffer.from(bytes, "latin1"));
    return true;
  } catch {
    return false;
  }
}

/** A value of a configuration or of metadata. Keys are sorted. @param omitEmpty leaves out nulls, and objects of which nothing is left */
export function jsonOf(value: JsonValue): string {
  if (value === null) return "null";
  if (typeof value === "string") return jsonString(bytesOf(value));
  if (typeof value === "number") return jsonNumber(value);
  if (typeof value === "boolean") return String(value);
  if (Array.isArray(value)) return `[${value.map(jsonOf).join(",")}]`;
  return `{${sortedEntries(value)
    .map(([key, each]) => `${jsonString(bytesOf(key))}:${jsonOf(each)}`)
    .join(",")}}`;
}

/** By the bytes of the keys. */
export function sortedEntries(object: JsonObject): [string, JsonValue][] {
  return Object.entries(object).sort(([a], [b]) => (bytesOf(a) < bytesOf(b) ? -1 : 1));
}

/** The shortest text that is the same double, as `std::to_chars` writes it: the plain form unless the one with an exponent is shorter. */
export function jsonNumber(value: number): string {
  if (Number.isNaN(value)) return "null";
  if (!Number.isFinite(value)) return value < 0 ? "-inf" : "inf";
  const [mantissa, exponent] = value.toExponential().split("e");
  const power = Number(exponent);
  const scientific = `${mantissa}e${power < 0 ? "-" : "+"}${String(Math.abs(power)).padStart(2, "0")}`;
  const plain = Number.isInteger(value) ? BigInt(value).toString() : plainFraction(mantissa, power);
  return plain.length <= scientific.length ? plain : scientific;
}

/** `1.5e-7` → `0.00000015`. */
function plainFraction(mantissa: string, power: number): string {
  const sign = mantissa.startsWith("-") ? "-" : "";
  const digits = mantissa.replace("-", "").replace(".", "");
  if (power < 0) return `${sign}0.${"0".repeat(-power - 1)}${digits}`;
  return `${sign}${digits.slice(0, power + 1)}.${digits.slice(power + 1)}`;
}
