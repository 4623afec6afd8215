/** X.509 v3 certificates (RFC 5280): made, and read as far as an issuer must know another's. */
import type { KeyObject } from "node:crypto";
import { DerReader, readOid, readTime } from "./der/reader.ts";
import { TAG } from "./der/tags.ts";
import { bitString, explicit, integer, sequence, time } from "./der/writer.ts";
import type { AlternativeNames, DistinguishedName } from "./names.ts";
import {
  alternativeNames,
  authorityKeyIdentifier,
  basicConstraints,
  encodeName,
  extendedKeyUsage,
  GENERAL_NAME,
  KEY_USAGE,
  keyUsage,
  subjectKeyIdentifier,
} from "./names.ts";
import { OID } from "./oids.ts";
import { signatureWith } from "./signature.ts";

const { hash } = process.getBuiltinModule("node:crypto");

/** Who signs. */
export interface Issuer {
  readonly key: KeyObject;
  /** Its subject as its own certificate has it, byte for byte. */
  readonly name: Uint8Array;
  /** Its certificate's subject key identifier, if that has one. */
  readonly keyId: Uint8Array | undefined;
}

interface CertificateContent {
  /** Big-endian; up to 20 bytes. (RFC 5280 §4.1.2.2) */
  readonly serial: Uint8Array;
  /** Milliseconds since the epoch. */
  readonly notBefore: number;
  readonly notAfter: number;
  readonly publicKey: KeyObject;
  readonly names: AlternativeNames;
}

/** A workload's or a server's certificate, DER: empty subject, therefore critical alternative names (§4.2.1.6). */
export function makeLeaf(issuer: Issuer, content: CertificateContent): Buffer {
  return makeCertificate(issuer, encodeName({}), content, [
    keyUsage(KEY_USAGE.digitalSignature, KEY_USAGE.keyEncipherment),
    extendedKeyUsage(OID.serverAuth, OID.clientAuth),
    basicConstraints(false),
    alternativeNames(content.names, true),
  ]);
}

/** An authority's certificate, DER; `issuer` undefined: it signs itself with `key`. */
export function makeAuthority(
  issuer: Issuer | { readonly key: KeyObject },
  subject: DistinguishedName,
  content: CertificateContent,
): Buffer {
  const name = encodeName(subject);
  const keyId = keyIdOf(content.publicKey);
  const signer = "name" in issuer ? issuer : { key: issuer.key, name, keyId };
  return makeCertificate(signer, name, content, [
    keyUsage(KEY_USAGE.keyCertSign, KEY_USAGE.crlSign),
    basicConstraints(true),
    subjectKeyIdentifier(keyId),
    alternativeNames(content.names, false),
  ]);
}

function makeCertificate(
  issuer: Issuer,
  subject: Uint8Array,
  { serial, notBefore, notAfter, publicKey }: CertificateContent,
  extensions: readonly Uint8Array[],
): Buffer {
  const signature = signatureWith(issuer.key);
  const keyId = issuer.keyId === undefined ? [] : [authorityKeyIdentifier(issuer.keyId)];
  const content = sequence(
    explicit(0, integer(2)), // version 3
    integer(serial),
    signature.algorithm,
    issuer.name,
    sequence(time(notBefore), time(notAfter)),
    subject,
    publicKey.export({ type: "spki", format: "der" }),
    explicit(3, sequence(...extensions, ...keyId)),
  );
  return sequence(content, signature.algorithm, bitString(signature.sign(content)));
}

/** The first method of RFC 5280 §4.2.1.2: SHA-1 of the key's bits, which tells keys apart and protects nothing. */
function keyIdOf(key: KeyObject): Buffer {
  const spki = new DerReader(key.export({ type: "spki", format: "der" })).enter(TAG.sequence, "the key");
  spki.next(TAG.sequence, "its algorithm");
  const bits = spki.next(TAG.bitString, "its bits").content.subarray(1);
  return Buffer.from(hash("sha1", bits, "hex"), "hex");
}

export interface CertificateFacts {
  /** DER. */
  readonly subject: Uint8Array;
  readonly keyId: Uint8Array | undefined;
  /** The URIs among its alternative names: SPIFFE ids. */
  readonly uris: readonly string[];
  /** Upper-case hexadecimal, as Node.js and openssl print it. */
  readonly serial: string;
  /** Milliseconds since the epoch. */
  readonly notBefore: number;
  readonly notAfter: number;
}

/** Throws DerError if it is no certificate. */
export function readCertificate(der: Uint8Array): CertificateFacts {
  const content = new DerReader(der).enter(TAG.sequence, "the certificate").enter(TAG.sequence, "its content");
  if (content.peek() === TAG.contextConstructed) content.next(TAG.contextConstructed, "its version");
  const serial = Buffer.from(content.next(TAG.integer, "its serial number").content).toString("hex").toUpperCase();
  content.next(TAG.sequence, "its algorithm");
  content.next(TAG.sequence, "its issuer");
  const validity = content.enter(TAG.sequence, "its validity");
  const notBefore = readTime(validity, "the start of its validity");
  const notAfter = readTime(validity, "the end of its validity");
  const subject = content.next(TAG.sequence, "its subject").whole;
  content.next(TAG.sequence, "its key");
  const extensions = readExtensions(content);
  const keyId = extensions.get(OID.subjectKeyIdentifier)?.next(TAG.octetString, "the key identifier").content;
  const names = extensions.get(OID.subjectAltName)?.enter(TAG.sequence, "the alternative names");
  return { subject, keyId, uris: names === undefined ? [] : readUris(names), serial, notBefore, notAfter };
}

/** Their values, by object identifier. */
function readExtensions(content: DerReader): ReadonlyMap<string, DerReader> {
  const tag = TAG.contextConstructed | 3;
  const found = new Map<string, DerReader>();
  while (!content.atEnd && content.peek() !== tag) content.any("an identifier");
  if (content.atEnd) return found;
  const list = content.enter(tag, "its extensions").enter(TAG.sequence, "its extensions");
  while (!list.atEnd) {
    const one = list.enter(TAG.sequence, "an extension");
    const id = readOid(one.next(TAG.oid, "an extension's name"));
    if (one.peek() === TAG.boolean) one.next(TAG.boolean, "its criticality");
    found.set(id, one.enter(TAG.octetString, "an extension's value"));
  }
  return found;
}

function readUris(names: DerReader): string[] {
  const uris: string[] = [];
  while (!names.atEnd) {
    const { tag, content } = names.any("an alternative name");
    if (tag === (TAG.context | GENERAL_NAME.uri)) uris.push(Buffer.from(content).toString("latin1"));
  }
  return uris;
}
