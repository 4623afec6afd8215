import type { HpackDecoder } from "../../../src/codec/http2/hpack/decoder.ts";
import { CODES, LENGTHS } from "../../../src/codec/http2/hpack/huffman.ts";

export type Fields = readonly (readonly [name: string, value: string])[];

/** Null: it is malformed. */
export function decodeBlock(decoder: HpackDecoder, block: Buffer): Fields | null {
  const fields: [string, string][] = [];
  const done = decoder.decode(block, 0, block.length, { onField: ({ name, value }) => fields.push([name, value]) });
  return done ? fields : null;
}

export function encodeHuffman(text: string): Buffer {
  let bits = "";
  for (const byte of Buffer.from(text, "latin1")) bits += CODES[byte].toString(2).padStart(LENGTHS[byte], "0");
  bits = bits.padEnd(Math.ceil(bits.length / 8) * 8, "1");
  return Buffer.from((bits.match(/.{8}/g) ?? []).map((octet) => Number.parseInt(octet, 2)));
}
