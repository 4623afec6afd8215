/**
 * Reads a DeltaDiscoveryResponse as far as a simulated proxy needs it, without making messages of a thousand resources:
 * the proxies share one core and must not be slower than the control plane that they measure.
 * Field numbers: envoy/service/discovery/v3/discovery.proto, google/protobuf/any.proto.
 */

interface DeltaResource {
  name: string;
  version: string;
  /** The encoded resource, without its Any; a view of the response's bytes. */
  value: Buffer;
}

export interface DeltaResponse {
  typeUrl: string;
  nonce: string;
  resources: DeltaResource[];
  removed: string[];
}

const RESPONSE = { resources: 2, typeUrl: 4, nonce: 5, removedResources: 6 } as const;
const RESOURCE = { version: 1, resource: 2, name: 3 } as const;
const ANY_VALUE = 2;
/** Wire types (protobuf.dev/programming-guides/encoding). */
const WIRE = { varint: 0, fixed64: 1, lengthDelimited: 2, fixed32: 5 } as const;
const NO_BYTES: Buffer = Buffer.alloc(0);

/** Throws a RangeError if the bytes are no protobuf message. */
export function readDeltaResponse(bytes: Buffer): DeltaResponse {
  const response: DeltaResponse = { typeUrl: "", nonce: "", resources: [], removed: [] };
  for (const fields = new Fields(bytes, 0, bytes.length); fields.next();) {
    if (fields.number === RESPONSE.resources) response.resources.push(readResource(fields));
    else if (fields.number === RESPONSE.typeUrl) response.typeUrl = fields.text();
    else if (fields.number === RESPONSE.nonce) response.nonce = fields.text();
    else if (fields.number === RESPONSE.removedResources) response.removed.push(fields.text());
  }
  return response;
}

function readResource(of: Fields): DeltaResource {
  const resource: DeltaResource = { name: "", version: "", value: NO_BYTES };
  for (const fields = of.nested(); fields.next();) {
    if (fields.number === RESOURCE.name) resource.name = fields.text();
    else if (fields.number === RESOURCE.version) resource.version = fields.text();
    else if (fields.number === RESOURCE.resource) resource.value = readAnyValue(fields);
  }
  return resource;
}

function readAnyValue(of: Fields): Buffer {
  let value: Buffer = NO_BYTES;
  for (const fields = of.nested(); fields.next();) if (fields.number === ANY_VALUE) value = fields.bytes();
  return value;
}

/** Walks over the fields of one message inside a buffer. */
class Fields {
  readonly #bytes: Buffer;
  readonly #end: number;
  #at: number;
  /** Number of the current field. */
  number = 0;
  /** Content of the current field, if it is length-delimited; else empty. */
  #start = 0;
  #stop = 0;

  constructor(bytes: Buffer, start: number, end: number) {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
  }

  /** Goes to the next field; false at the end of the message. */
  next(): boolean {
    if (this.#at >= this.#end) return false;
    const tag = this.#varint();
    this.number = tag >>> 3;
    const wireType = tag & 7;
    this.#start = this.#at;
    this.#stop = this.#at;
    if (wireType === WIRE.lengthDelimited) {
      const length = this.#varint();
      this.#start = this.#at;
      this.#stop = this.#at += length;
    } else if (wireType === WIRE.varint) this.#varint();
    else if (wireType === WIRE.fixed64) this.#at += 8;
    else if (wireType === WIRE.fixed32) this.#at += 4;
    else throw new RangeError(`field ${this.number} has wire type ${wireType}`);
    if (this.#at > this.#end) throw new RangeError(`field ${this.number} ends after its message`);
    return true;
  }

  text(): string {
    return this.#bytes.toString("utf8", this.#start, this.#stop);
  }

  bytes(): Buffer {
    return this.#bytes.subarray(this.#start, this.#stop);
  }

  nested(): Fields {
    return new Fields(this.#bytes, this.#start, this.#stop);
  }

  /** The low 32 bits of a varint: all that tags and lengths have. */
  #varint(): number {
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = this.#bytes[this.#at++];
      if (byte === undefined) throw new RangeError("the message ends inside a varint");
      if (shift < 32) value |= (byte & 127) << shift;
      if (byte < 128) return value >>> 0;
    }
    throw new RangeError("a varint is longer than ten bytes");
  }
}
