/** Distinguished names as text: RFC 2253, as OpenSSL writes it (`XN_FLAG_RFC2253`) and Envoy shows it. */
import { DerError, type Element, TAG, readOid, readParts } from "@tulle/identity/der";

/** OpenSSL's short names. */
const SHORT_NAMES: Readonly<Record<string, string>> = {
  "2.5.4.3": "CN",
  "2.5.4.4": "SN",
  "2.5.4.5": "serialNumber",
  "2.5.4.6": "C",
  "2.5.4.7": "L",
  "2.5.4.8": "ST",
  "2.5.4.9": "street",
  "2.5.4.10": "O",
  "2.5.4.11": "OU",
  "2.5.4.12": "title",
  "2.5.4.17": "postalCode",
  "2.5.4.41": "name",
  "2.5.4.42": "GN",
  "2.5.4.43": "initials",
  "2.5.4.46": "dnQualifier",
  "0.9.2342.19200300.100.1.1": "UID",
  "0.9.2342.19200300.100.1.25": "DC",
  "1.2.840.113549.1.9.1": "emailAddress",
};

/** The last part comes first. */
export function distinguishedName(name: Element): string {
  return readParts(name, "a part of a name")
    .toReversed()
    .map((set) => readParts(set, "an attribute").toReversed().map(attribute).join("+"))
    .join(",");
}

function attribute(pair: Element): string {
  const [type, value] = readParts(pair, "an attribute");
  if (type === undefined || value === undefined) throw new DerError("an attribute is cut off");
  const oid = readOid(type);
  const short = SHORT_NAMES[oid];
  // What has no name is shown by its bytes.
  if (short === undefined) return `${oid}=#${hex(value.whole)}`;
  return `${short}=${escaped(utf8Of(value))}`;
}

function hex(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += byte.toString(16).padStart(2, "0").toUpperCase();
  return text;
}

const encoder = new TextEncoder();

function utf8Of({ tag, content: bytes }: Element): Uint8Array {
  if (tag === TAG.utf8String) return bytes;
  const width = tag === TAG.bmpString ? 2 : tag === TAG.universalString ? 4 : 1;
  let text = "";
  for (let i = 0; i + width <= bytes.length; i += width) {
    let code = 0;
    for (let j = 0; j < width; j++) code = code * 256 + bytes[i + j];
    text += String.fromCodePoint(Math.min(code, 0x10ffff));
  }
  return encoder.encode(text);
}

/** RFC 2253 §2.4; control characters and what is not ASCII by their bytes. */
function escaped(bytes: Uint8Array): string {
  let text = "";
  for (const [i, byte] of bytes.entries()) {
    const char = String.fromCharCode(byte);
    if (byte < 0x20 || byte > 0x7e) text += `\\${byte.toString(16).padStart(2, "0").toUpperCase()}`;
    else if (',+"\\<>;'.includes(char) || (i === 0 && (char === "#" || char === " "))) text += `\\${char}`;
    else if (char === " " && i === bytes.length - 1) text += "\\ ";
    else text += char;
  }
  return text;
}
