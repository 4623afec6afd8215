import {
  type DerElement,
  DerError,
  Tag,
  derChildren,
  derContent,
  derElement,
  objectIdentifier,
  present,
} from "./der.ts";
import { distinguishedName } from "./names.ts";

/** Of what kind a subject alternative name is, as matchers and logs tell them apart. */
export type NameKind = "uri" | "dns" | "email" | "ip" | "other";

export interface AlternativeName {
  readonly kind: NameKind;
  readonly value: string;
  /** Of kind `other`: its type; else "". */
  readonly oid: string;
}

/** What of a certificate is matched, logged and forwarded. */
export interface Certificate {
  readonly der: Uint8Array;
  /** Hexadecimal, lower case, without leading zeros. */
  readonly serial: string;
  /** RFC 2253. */
  readonly subject: string;
  readonly issuer: string;
  /** Milliseconds since 1970. */
  readonly validFrom: number;
  readonly validTo: number;
  /** The public key with its algorithm, DER: what pins are hashes of. */
  readonly publicKeyInfo: Uint8Array;
  /** In the order of the certificate. */
  readonly names: readonly AlternativeName[];
}

const SUBJECT_ALT_NAME = "2.5.29.17";

/** GeneralName's choices, by tag number. Source: RFC 5280 §4.2.1.6. */
const NAME_KINDS: Readonly<Record<number, NameKind>> = { 0: "other", 1: "email", 2: "dns", 6: "uri", 7: "ip" };

/**
 * Reads a certificate (RFC 5280). Throws DerError for what is not one, and for names with a NUL in them, which others read as their end
 * (CVE-2026-47778).
 */
export function parseCertificate(der: Uint8Array): Certificate {
  const [body] = derChildren(derElement(der, 0, der.length));
  const fields = derChildren(body);
  // The version has a tag of its own and may be left out.
  const first = fields[0]?.tag === 0xa0 ? 1 : 0;
  const [serial, , issuer, validity, subject, key] = fields.slice(first);
  if (key === undefined) throw new DerError("a certificate is cut short");
  const [from, to] = derChildren(validity);
  const extensions = fields.slice(first + 6).find(({ tag }) => tag === 0xa3);
  return {
    der,
    serial: integer(serial),
    subject: distinguishedName(subject),
    issuer: distinguishedName(issuer),
    validFrom: time(from),
    validTo: time(to),
    publicKeyInfo: key.bytes.subarray(key.begin, key.end),
    names: extensions === undefined ? [] : alternativeNames(derChildren(extensions)[0]),
  };
}

/** Values of one kind. */
export function namesOf(certificate: Certificate, kind: NameKind): string[] {
  return certificate.names.filter((name) => name.kind === kind).map(({ value }) => value);
}

function integer(element: DerElement): string {
  let text = "";
  for (const byte of derContent(element)) text += byte.toString(16).padStart(2, "0");
  return text.replace(/^0+(?=.)/, "");
}

/** RFC 5280 §4.1.2.5: two digits of a year mean 1950 to 2049. */
function time(element: DerElement): number {
  const text = ascii(derContent(element));
  const century = element.tag === Tag.utcTime ? (Number(text.slice(0, 2)) < 50 ? "20" : "19") : "";
  const [, year, month, day, hour, minute, second] =
    /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(century + text) ?? [];
  if (second === undefined) throw new DerError("a time is not DER");
  return Date.UTC(Number(year), Number(month) - 1, Number(day), Number(hour), Number(minute), Number(second));
}

function alternativeNames(extensions: DerElement): AlternativeName[] {
  for (const extension of derChildren(extensions)) {
    const parts = derChildren(extension);
    if (objectIdentifier(parts[0]) !== SUBJECT_ALT_NAME) continue;
    const value = present(parts.at(-1));
    return derChildren(derElement(value.bytes, value.start, value.end))
      .map(alternativeName)
      .filter((name) => name !== null);
  }
  return [];
}

function alternativeName(element: DerElement): AlternativeName | null {
  const kind = NAME_KINDS[element.tag & 0x1f];
  if (kind === undefined) return null;
  const bytes = derContent(element);
  if (kind === "ip") return { kind, value: ipAddress(bytes), oid: "" };
  if (kind === "other") {
    const [type, wrapped] = derChildren(element);
    const [value] = derChildren(wrapped);
    return { kind, value: text(derContent(value)), oid: objectIdentifier(type) };
  }
  return { kind, value: text(bytes), oid: "" };
}

function text(bytes: Uint8Array): string {
  if (bytes.includes(0)) throw new DerError("a name contains NUL");
  return ascii(bytes);
}

function ascii(bytes: Uint8Array): string {
  let result = "";
  for (const byte of bytes) result += String.fromCharCode(byte);
  return result;
}

function ipAddress(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join(".");
  const groups: number[] = [];
  for (let i = 0; i + 1 < bytes.length; i += 2) groups.push(bytes[i] * 256 + bytes[i + 1]);
  return compressed(groups);
}

/** RFC 5952: the longest run of zeros, the first of several, becomes `::`. */
function compressed(groups: readonly number[]): string {
  let best = -1;
  let length = 1;
  for (let i = 0; i < groups.length; i++) {
    let end = i;
    while (groups[end] === 0) end++;
    if (end - i > length) [best, length] = [i, end - i];
  }
  const hex = groups.map((group) => group.toString(16));
  if (best < 0) return hex.join(":");
  return `${hex.slice(0, best).join(":")}::${hex.slice(best + length).join(":")}`;
}

const PEM =
  /-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----([A-Za-z0-9+/=\s]*)-----END (?:TRUSTED |X509 )?CERTIFICATE-----/g;

/** The certificates in a PEM file, as DER. */
export function pemCertificates(pem: string): Uint8Array[] {
  // cold: when configuration comes
  return [...pem.matchAll(PEM)].map(([, base64]) => Buffer.from(base64, "base64"));
}

/** A certificate as PEM, lines of 64 characters. */
export function certificatePem(der: Uint8Array): string {
  const base64 = Buffer.from(der.buffer, der.byteOffset, der.length).toString("base64");
  return `-----BEGIN CERTIFICATE-----\n${base64.replace(/.{1,64}/g, "$&\n")}-----END CERTIFICATE-----\n`;
}
