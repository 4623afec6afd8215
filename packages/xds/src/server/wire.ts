/**
 * Discovery responses as bytes. Protobuf fields may come in any order, so a response is a body that all proxies share
 * (type URL, version, resources) followed by the few bytes that are a stream's own (the nonce).
 */
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import type { EncodedResource } from "../resource.ts";
import type { Selection } from "./set-diff.ts";

export type Variant = "delta" | "sotw";

/** Field numbers of envoy.service.discovery.v3.DeltaDiscoveryResponse and DiscoveryResponse; equal but for removals. */
const RESPONSE = { version: 1, resources: 2, typeUrl: 4, nonce: 5, removedResources: 6 } as const;
/** Field numbers of envoy.service.discovery.v3.Resource. */
const RESOURCE = { version: 1, resource: 2, name: 3, aliases: 4 } as const;

const LEN = WireType.LengthDelimited;

const chunks: Record<Variant, WeakMap<EncodedResource, Uint8Array>> = { delta: new WeakMap(), sotw: new WeakMap() };
const bodies: Record<Variant, WeakMap<Selection, Buffer>> = { delta: new WeakMap(), sotw: new WeakMap() };

/** One entry of `resources`, its tag and length included. */
function chunk(variant: Variant, resource: EncodedResource): Uint8Array {
  let found = chunks[variant].get(resource);
  if (found === undefined) {
    const writer = new BinaryWriter().tag(RESPONSE.resources, LEN);
    found = (variant === "sotw" ? writer.bytes(resource.any) : deltaResource(writer.fork(), resource).join()).finish();
    chunks[variant].set(resource, found);
  }
  return found;
}

function deltaResource(writer: BinaryWriter, resource: EncodedResource): BinaryWriter {
  writer.tag(RESOURCE.version, LEN).string(resource.version);
  writer.tag(RESOURCE.resource, LEN).bytes(resource.any);
  writer.tag(RESOURCE.name, LEN).string(resource.name);
  for (const alias of resource.aliases ?? []) writer.tag(RESOURCE.aliases, LEN).string(alias);
  return writer;
}

/**
 * Everything of a response but its nonce. The same selection gives the same Buffer: a selection belongs to one type
 * and leads to one version.
 */
export function encodeBody(variant: Variant, typeUrl: string, version: string, selection: Selection): Buffer {
  let body = bodies[variant].get(selection);
  if (body === undefined) {
    const head = new BinaryWriter();
    head.tag(RESPONSE.version, LEN).string(version).tag(RESPONSE.typeUrl, LEN).string(typeUrl);
    if (variant === "delta")
      for (const name of selection.removed) head.tag(RESPONSE.removedResources, LEN).string(name);
    body = Buffer.concat([head.finish(), ...selection.resources.map((resource) => chunk(variant, resource))]);
    bodies[variant].set(selection, body);
  }
  return body;
}

const NONCE_TAG = (RESPONSE.nonce << 3) | LEN;

/** @param nonce ASCII, fewer than 128 characters */
export function encodeNonce(nonce: string): Buffer {
  return Buffer.from(String.fromCharCode(NONCE_TAG, nonce.length) + nonce, "latin1");
}

/**
 * A response in its two parts, as far as @grpc/grpc-js looks at a message (`BaseServerInterceptingCall.serializeMessage`, 1.14.7): it asks how long
 * it is and has it copied behind the five bytes of its own. Joined first, megabytes for each of a fleet's proxies would be copied twice, and
 * V8 collects its whole heap each time that so much has been allocated beside it.
 */
class JoinedWhenCopied {
  readonly byteLength: number;
  private readonly body: Buffer;
  private readonly tail: Buffer;

  constructor(body: Buffer, tail: Buffer) {
    this.body = body;
    this.tail = tail;
    this.byteLength = body.length + tail.length;
  }

  copy(target: Buffer, at: number): number {
    return this.body.copy(target, at) + this.tail.copy(target, at + this.body.length);
  }
}

/** What a gRPC stream is given to write. */
export function joined(body: Buffer, tail: Buffer): Buffer {
  return new JoinedWhenCopied(body, tail) as unknown as Buffer;
}
