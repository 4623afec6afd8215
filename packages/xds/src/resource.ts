/**
 * What travels over xDS: named, versioned, already encoded resources, and immutable sets of them.
 *
 * A resource is encoded once and its bytes are shared by every proxy that gets it; sets are compared by identity first,
 * so whoever builds them must hand out the same object while nothing changed.
 */
import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import { toBinary } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import type { TypeUrl } from "./type-url.ts";

/** One resource, ready for the wire. */
export interface EncodedResource {
  /** Unique within its type. A virtual host is called `<route configuration>/<virtual host>`. */
  readonly name: string;
  /** Differs whenever the bytes differ, also between restarts of the server: take it from the content. */
  readonly version: string;
  /** An encoded `google.protobuf.Any`: type URL and value. */
  readonly any: Uint8Array;
  /** Other names a client may subscribe to, such as `<route configuration>/<host>` for a virtual host. */
  readonly aliases?: readonly string[];
}

/** All resources of one type that a class of proxies is to hold. Immutable: the same object means "unchanged". */
export interface ResourceSet {
  readonly typeUrl: TypeUrl;
  /** Differs whenever the content differs; shown as version_info (state of the world) or system_version_info (delta). */
  readonly version: string;
  readonly resources: ReadonlyMap<string, EncodedResource>;
}

/** What one class of proxies is to hold, of every type. Shared between all proxies that see the same. */
export interface ResourceView {
  readonly version: string;
  /** Undefined: this view has nothing of the type. Must return the same object each time. */
  set(typeUrl: string): ResourceSet | undefined;
  /** Resources that are found by name but are in no wildcard answer, such as the listeners that gRPC clients ask for. */
  resolve?(typeUrl: string, name: string): EncodedResource | undefined;
}

// Not by `import`: that evaluates every export of node:crypto, Web Crypto included (2 MB resident in every proxy).
const { hash } = process.getBuiltinModule("node:crypto");

/** Characters of a content version: 15 of base64url are 90 bits. */
const VERSION_LENGTH = 15;

function contentVersion(content: Uint8Array | string): string {
  return hash("sha1", content, "base64url").slice(0, VERSION_LENGTH);
}

/** Encodes a message to a resource whose version is a hash of its bytes. */
export function encodeResource<Desc extends DescMessage>(
  name: string,
  schema: Desc,
  message: MessageShape<Desc>,
  aliases?: readonly string[],
): EncodedResource {
  const value = toBinary(schema, message);
  // google.protobuf.Any: type_url = 1, value = 2
  const any = new BinaryWriter()
    .tag(1, WireType.LengthDelimited)
    .string(`type.googleapis.com/${schema.typeName}`)
    .tag(2, WireType.LengthDelimited)
    .bytes(value)
    .finish();
  const resource = { name, version: contentVersion(value), any };
  return aliases === undefined || aliases.length === 0 ? resource : { ...resource, aliases };
}

/**
 * Makes a set. When `previous` has the same names and versions it is returned itself, so that everything downstream
 * sees by identity that nothing changed. Throws RangeError if two resources have the same name.
 */
export function resourceSet(
  typeUrl: TypeUrl,
  resources: Iterable<EncodedResource>,
  previous?: ResourceSet,
): ResourceSet {
  const byName = new Map<string, EncodedResource>();
  let unchanged = previous !== undefined;
  let content = "";
  for (const resource of resources) {
    if (byName.has(resource.name)) throw new RangeError(`two resources of ${typeUrl} are called ${resource.name}`);
    byName.set(resource.name, resource);
    content += `${resource.name}\n${resource.version}\n`;
    unchanged &&= previous?.resources.get(resource.name)?.version === resource.version;
  }
  if (previous !== undefined && unchanged && previous.resources.size === byName.size) return previous;
  return { typeUrl, version: contentVersion(content), resources: byName };
}

/** Makes a view of sets; its version is derived from theirs. */
export function resourceView(
  sets: Iterable<ResourceSet>,
  resolve?: (typeUrl: string, name: string) => EncodedResource | undefined,
): ResourceView {
  const byType = new Map<string, ResourceSet>();
  for (const set of sets) byType.set(set.typeUrl, set);
  const version = contentVersion([...byType.values()].map((set) => set.version).join());
  const view = { version, set: (typeUrl: string) => byType.get(typeUrl) };
  return resolve === undefined ? view : { ...view, resolve };
}
