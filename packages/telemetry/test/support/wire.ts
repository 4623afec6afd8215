/** Reads protobuf without a schema: fields in order, by number. */
export type WireValue = bigint | Uint8Array;

export interface WireField {
  readonly field: number;
  readonly value: WireValue;
}

export function fields(bytes: Uint8Array): WireField[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const found: WireField[] = [];
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++];
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  while (at < bytes.length) {
    const tag = Number(varint());
    const field = tag >> 3;
    switch (tag & 7) {
      case 0:
        found.push({ field, value: varint() });
        break;
      case 1:
        found.push({ field, value: view.getBigUint64(at, true) });
        at += 8;
        break;
      case 5:
        found.push({ field, value: BigInt(view.getUint32(at, true)) });
        at += 4;
        break;
      case 2: {
        const length = Number(varint());
        found.push({ field, value: bytes.subarray(at, at + length) });
        at += length;
        break;
      }
      default:
        throw new RangeError(`wire type ${tag & 7}`);
    }
  }
  return found;
}

/** The values of one field: nested messages, bytes. */
export function bytesOf(bytes: Uint8Array, field: number): Uint8Array[] {
  return fields(bytes)
    .filter((each) => each.field === field)
    .map((each) => each.value as Uint8Array);
}

export function textOf(bytes: Uint8Array, field: number): string {
  return bytesOf(bytes, field)
    .map((each) => Buffer.from(each).toString("utf8"))
    .join("|");
}

export function hexOf(bytes: Uint8Array, field: number): string {
  return bytesOf(bytes, field)
    .map((each) => Buffer.from(each).toString("hex"))
    .join("|");
}

export function numberOf(bytes: Uint8Array, field: number): bigint | undefined {
  return fields(bytes).find((each) => each.field === field)?.value as bigint | undefined;
}
