/** Names in certificates: of subjects and issuers, and the alternative ones that identities are. */
import { bitString, boolean, element, implicit, octetString, oid, sequence, setOf, utf8String } from "./der/writer.ts";
import { TAG } from "./der/tags.ts";
import { OID } from "./oids.ts";

/** What a certificate is for: peers compare these, never its subject. */
export interface AlternativeNames {
  readonly uris?: readonly string[];
  readonly dns?: readonly string[];
  /** IPv4 and IPv6 addresses, as bytes. */
  readonly addresses?: readonly Uint8Array[];
}

/** (RFC 5280 §4.2.1.6 GeneralName) */
export const GENERAL_NAME = { dns: 2, uri: 6, address: 7 } as const;

/** Workloads have the empty one: their identity is the alternative name. */
export interface DistinguishedName {
  readonly organization?: string;
  readonly commonName?: string;
}

export function encodeName({ organization, commonName }: DistinguishedName): Buffer {
  const attribute = (type: string, value: string | undefined): Buffer[] =>
    value === undefined ? [] : [setOf(sequence(oid(type), utf8String(value)))];
  return sequence(...attribute(OID.organization, organization), ...attribute(OID.commonName, commonName));
}

function extension(id: string, critical: boolean, value: Uint8Array): Buffer {
  return sequence(oid(id), ...(critical ? [boolean(true)] : []), octetString(value));
}

export function alternativeNames(names: AlternativeNames, critical: boolean): Buffer {
  const { uris = [], dns = [], addresses = [] } = names;
  const general = [
    ...uris.map((uri) => implicit(GENERAL_NAME.uri, Buffer.from(uri))),
    ...dns.map((name) => implicit(GENERAL_NAME.dns, Buffer.from(name))),
    ...addresses.map((address) => implicit(GENERAL_NAME.address, address)),
  ];
  return extension(OID.subjectAltName, critical, sequence(...general));
}

/** Bits by their number in RFC 5280 §4.2.1.3; the first is the highest of the byte. */
export const KEY_USAGE = { digitalSignature: 0, keyEncipherment: 2, keyCertSign: 5, crlSign: 6 } as const;

export function keyUsage(...usages: readonly number[]): Buffer {
  const byte = usages.reduce((bits, usage) => bits | (0x80 >> usage), 0);
  return extension(OID.keyUsage, true, bitString(Buffer.from([byte]), 7 - Math.max(...usages)));
}

/** DER leaves out what is the default: an empty sequence says that it is no authority. */
export function basicConstraints(authority: boolean): Buffer {
  return extension(OID.basicConstraints, true, sequence(...(authority ? [boolean(true)] : [])));
}

export function extendedKeyUsage(...purposes: readonly string[]): Buffer {
  return extension(OID.extendedKeyUsage, false, sequence(...purposes.map(oid)));
}

export const subjectKeyIdentifier = (id: Uint8Array): Buffer =>
  extension(OID.subjectKeyIdentifier, false, octetString(id));

export const authorityKeyIdentifier = (id: Uint8Array): Buffer =>
  extension(OID.authorityKeyIdentifier, false, sequence(element(TAG.context, id)));
