/**
 * A message laid over another one, as EnvoyFilter's MERGE does it. (istio/istio `pkg/proto/merge/merge.go`) But for one thing: a wrapper that
 * holds false or 0 replaces one that holds something else; Istio's merge goes by what is set in the wrapper, and takes it for empty.
 */
import { clone, fromBinary } from "@bufbuild/protobuf";
import type { DescMessage, Message } from "@bufbuild/protobuf";
import type { ReflectMessage } from "@bufbuild/protobuf/reflect";
import { reflect } from "@bufbuild/protobuf/reflect";
import { AnySchema, DurationSchema, StructSchema, isWrapperDesc } from "@bufbuild/protobuf/wkt";
import type { Any } from "@bufbuild/protobuf/wkt";
import { messageType } from "@tulle/xds/message-types";
import { packed } from "../packed.ts";

/** Lists grow, or with `replaceLists` are replaced. The source is not touched, and shared with nobody afterwards. */
export function mergeInto(schema: DescMessage, target: Message, source: Message, replaceLists: boolean): void {
  merge(reflect(schema, target), reflect(schema, clone(schema, source)), replaceLists);
}

function merge(target: ReflectMessage, source: ReflectMessage, replaceLists: boolean): void {
  for (const field of source.fields) {
    if (!source.isSet(field)) continue;
    switch (field.fieldKind) {
      case "list": {
        const to = target.get(field);
        if (replaceLists) to.clear();
        for (const item of source.get(field)) to.add(item);
        break;
      }
      case "map": {
        const to = target.get(field);
        for (const [key, value] of source.get(field)) to.set(key, value);
        break;
      }
      case "message": {
        const from = source.get(field);
        if (!target.isSet(field) || isWhole(field.message)) target.set(field, from);
        else {
          const into = target.get(field);
          merge(into, from, replaceLists);
          target.set(field, into);
        }
        break;
      }
      default:
        target.set(field, source.get(field));
    }
  }
}

/** Nobody means a part of it. */
function isWhole(schema: DescMessage): boolean {
  return schema.typeName === DurationSchema.typeName || schema.typeName === AnySchema.typeName || isWrapperDesc(schema);
}

/** Two configurations of one extension; undefined if they are of two, or of one that nobody knows. (`MergeAnyWithAny`) */
export function mergedAny(target: Any, source: Any): Any | undefined {
  const type = typeNameOf(target);
  const schema = type === StructSchema.typeName || type !== typeNameOf(source) ? undefined : messageType(type);
  if (schema === undefined) return undefined;
  const message = fromBinary(schema, target.value);
  mergeInto(schema, message, fromBinary(schema, source.value), false);
  return packed(schema, message);
}

export function typeNameOf({ typeUrl }: Any): string {
  return typeUrl.slice(typeUrl.lastIndexOf("/") + 1);
}
