/** HPACK as far as a harness needs it: reads all of it, writes literals. Independent of the proxy's. */
import { decodeHuffman } from "./huffman.ts";

export type HeaderField = readonly [name: string, value: string];

/** RFC 7541, appendix A. */
const STATIC: readonly HeaderField[] = (
  ":authority|:method GET|:method POST|:path /|:path /index.html|:scheme http|:scheme https|:status 200|:status 204|:status 206|" +
  ":status 304|:status 400|:status 404|:status 500|accept-charset|accept-encoding gzip, deflate|accept-language|accept-ranges|accept|" +
  "access-control-allow-origin|age|allow|authorization|cache-control|content-disposition|content-encoding|content-language|" +
  "content-length|content-location|content-range|content-type|cookie|date|etag|expect|expires|from|host|if-match|if-modified-since|" +
  "if-none-match|if-range|if-unmodified-since|last-modified|link|location|max-forwards|proxy-authenticate|proxy-authorization|range|" +
  "referer|refresh|retry-after|server|set-cookie|strict-transport-security|transfer-encoding|user-agent|vary|via|www-authenticate"
)
  .split("|")
  .map((entry) => {
    const space = entry.indexOf(" ");
    return space < 0 ? [entry, ""] : [entry.slice(0, space), entry.slice(space + 1)];
  });

const ENTRY_OVERHEAD = 32;

export class HpackDecoder {
  /** The newest first. */
  private table: HeaderField[] = [];
  private maxSize = 4096;

  decode(block: Buffer): HeaderField[] {
    const fields: HeaderField[] = [];
    let at = 0;
    const integer = (bits: number): number => {
      const most = 2 ** bits - 1;
      let value = block[at++]! & most;
      if (value < most) return value;
      for (let shift = 0; ; shift += 7) {
        const byte = block[at++]!;
        value += (byte & 127) * 2 ** shift;
        if (byte < 128) return value;
      }
    };
    const text = (): string => {
      const packed = (block[at]! & 128) !== 0;
      const length = integer(7);
      const bytes = block.subarray(at, (at += length));
      return packed ? decodeHuffman(bytes) : bytes.toString("latin1");
    };
    while (at < block.length) {
      const first = block[at]!;
      if (first >= 128) {
        fields.push(this.entry(integer(7)));
        continue;
      }
      if (first >= 32 && first < 64) {
        this.maxSize = integer(5);
        this.evict();
        continue;
      }
      const index = integer(first >= 64 ? 6 : 4);
      const name = index === 0 ? text() : this.entry(index)[0];
      const field: HeaderField = [name, text()];
      fields.push(field);
      if (first < 64) continue;
      this.table.unshift(field);
      this.evict();
    }
    return fields;
  }

  private entry(index: number): HeaderField {
    const entry = index <= STATIC.length ? STATIC[index - 1] : this.table[index - STATIC.length - 1];
    if (entry === undefined) throw new Error(`HPACK: no entry ${index}`);
    return entry;
  }

  private evict(): void {
    const size = (): number =>
      this.table.reduce((sum, [name, value]) => sum + name.length + value.length + ENTRY_OVERHEAD, 0);
    while (this.table.length > 0 && size() > this.maxSize) this.table.pop();
  }
}

/** A block of literals that no table is asked for, as latin1. */
export function encodeLiterals(fields: readonly HeaderField[]): string {
  return fields.map(([name, value]) => `\0${literal(name)}${literal(value)}`).join("");
}

function literal(text: string): string {
  const most = 127;
  if (text.length < most) return String.fromCharCode(text.length) + text;
  let prefix = String.fromCharCode(most);
  let rest = text.length - most;
  for (; rest >= 128; rest = Math.floor(rest / 128)) prefix += String.fromCharCode((rest % 128) + 128);
  return prefix + String.fromCharCode(rest) + text;
}
