/** PEM: DER in base64 between lines that say what it is. (RFC 7468) */

export function toPem(label: string, der: Uint8Array): string {
  const lines = Buffer.from(der)
    .toString("base64")
    .replaceAll(/.{64}(?!$)/g, "$&\n");
  return `-----BEGIN ${label}-----\n${lines}\n-----END ${label}-----\n`;
}

const BLOCK = /-----BEGIN ([A-Z0-9 ]+)-----\r?\n([A-Za-z0-9+/=\s]*)-----END \1-----/g;

/** The blocks of a text with this label, as DER; what stands between blocks is no concern of anybody's. */
export function pemBlocks(label: string, text: string): Buffer[] {
  return [...text.matchAll(BLOCK)]
    .filter(([, found]) => found === label)
    .map(([, , base64]) => Buffer.from(base64!, "base64"));
}
