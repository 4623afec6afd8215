import { DerError, DerReader, type Element, TAG, readOid, readParts, readTime } from "@tulle/identity/der";
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
const EXTENSIONS = TAG.contextConstructed | 3;

/** GeneralName's choices, by tag number. Source: RFC 5280 §4.2.1.6. */
const NAME_KINDS: Readonly<Record<number, NameKind>> = { 0: "other", 1: "email", 2: "dns", 6: "uri", 7: "ip" };

/**
 * Reads a certificate (RFC 5280). Throws DerError for what is not one, and for names with a NUL in them, which others read as their end
 * (CVE-2026-47778).
 */
export function parseCertificate(der: Uint8Array): Certificate {
  const content = new DerReader(der).enter(TAG.sequence, "a certificate").enter(TAG.sequence, "its content");
  if (content.peek() === TAG.contextConstructed) content.any("its version");
  const serial = integer(content.next(TAG.integer, "its serial number"));
  content.next(TAG.sequence, "its algorithm");
  const issuer = distinguishedName(content.next(TAG.sequence, "its issuer"));
  const validity = content.enter(TAG.sequence, "its validity");
  return {
    der,
    serial,
    issuer,
    validFrom: readTime(validity, "the start of its validity"),
    validTo: readTime(validity, "the end of its validity"),
    subject: distinguishedName(content.next(TAG.sequence, "its subject")),
    publicKeyInfo: content.next(TAG.sequence, "its key").whole,
    names: alternativeNames(content),
  };
}

/** Values of one kind. */
export function namesOf(certificate: Certificate, kind: NameKind): string[] {
  return certificate.names.filter((name) => name.kind === kind).map(({ value }) => value);
}

function integer({ content }: Element): string {
  let text = "";
  for (const byte of content) text += byte.toString(16).padStart(2, "0");
  return text.replace(/^0+(?=.)/, "");
}

/** @param content of a certificate, behind its key: identifiers that nobody uses, then extensions */
function alternativeNames(content: DerReader): AlternativeName[] {
  while (!content.atEnd) {
    const each = content.any("what follows the key");
    if (each.tag !== EXTENSIONS) continue;
    const list = new DerReader(each.content).enter(TAG.sequence, "the extensions");
    while (!list.atEnd) {
      const extension = list.enter(TAG.sequence, "an extension");
      const id = readOid(extension.next(TAG.oid, "an extension's name"));
      if (id !== SUBJECT_ALT_NAME) continue;
      if (extension.peek() === TAG.boolean) extension.any("its criticality");
      const value = new DerReader(extension.next(TAG.octetString, "the alternative names").content);
      return readParts(value.next(TAG.sequence, "the alternative names"), "an alternative name")
        .map(alternativeName)
        .filter((name) => name !== null);
    }
  }
  return [];
}

function alternativeName(element: Element): AlternativeName | null {
  const kind = NAME_KINDS[element.tag & 0x1f];
  if (kind === undefined) return null;
  const { content } = element;
  if (kind === "ip") return { kind, value: ipAddress(content), oid: "" };
  if (kind === "other") {
    const parts = new DerReader(content);
    const oid = readOid(parts.next(TAG.oid, "a name's type"));
    const value = new DerReader(parts.any("a name's value").content).any("a name's value");
    return { kind, value: text(value.content), oid };
  }
  return { kind, value: text(content), oid: "" };
}

function text(bytes: Uint8Array): string {
  if (bytes.includes(0)) throw new DerError("a name contains NUL");
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
