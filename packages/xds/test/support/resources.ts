/**
 * Small resources whose content is told apart by a tag. Nothing here decodes them, so they have of a message only what
 * all of these have: a name in field 1. (Loading the generated messages would be most of the time the tests take.)
 */
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import type { EncodedResource, ResourceSet, ResourceView } from "../../src/resource.ts";
import { resourceSet, resourceView } from "../../src/resource.ts";
import type { TypeUrl } from "../../src/type-url.ts";
import { TYPE } from "../../src/type-url.ts";

/** A field that no message has. */
const TAG_FIELD = 1_000;
const LEN = WireType.LengthDelimited;

function resource(typeUrl: TypeUrl, name: string, tag: string, more: Partial<EncodedResource> = {}): EncodedResource {
  const value = new BinaryWriter().tag(1, LEN).string(name).tag(TAG_FIELD, LEN).string(tag).finish();
  const any = new BinaryWriter().tag(1, LEN).string(typeUrl).tag(2, LEN).bytes(value).finish();
  return { name, version: `${name}:${tag}`, any, ...more };
}

export const cluster = (name: string, tag = "") => resource(TYPE.cluster, name, tag);

export const endpoints = (name: string, tag = 0) => resource(TYPE.endpoints, name, `${tag}`);

export const listener = (name: string, tag = "") => resource(TYPE.listener, name, tag);

export const route = (name: string, tag = "") => resource(TYPE.route, name, tag);

export const virtualHost = (routeName: string, name: string, tag = "") =>
  resource(TYPE.virtualHost, `${routeName}/${name}`, tag, { aliases: [`${routeName}/${name}.alias`] });

/** A view of everything given, by type. */
export interface World {
  readonly clusters?: readonly EncodedResource[];
  readonly endpoints?: readonly EncodedResource[];
  readonly listeners?: readonly EncodedResource[];
  readonly routes?: readonly EncodedResource[];
  readonly virtualHosts?: readonly EncodedResource[];
}

/** Sets that did not change are taken over from `previous`, as a control plane does. */
export function view(world: World, previous?: ResourceView): ResourceView {
  const sets: ResourceSet[] = [];
  const add = (typeUrl: TypeUrl, resources: readonly EncodedResource[] | undefined): void => {
    if (resources !== undefined) sets.push(resourceSet(typeUrl, resources, previous?.set(typeUrl)));
  };
  add(TYPE.cluster, world.clusters);
  add(TYPE.endpoints, world.endpoints);
  add(TYPE.listener, world.listeners);
  add(TYPE.route, world.routes);
  add(TYPE.virtualHost, world.virtualHosts);
  return resourceView(sets);
}
