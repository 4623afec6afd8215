/**
 * The name of a resource that came without one, as in state-of-the-world responses. In all types that we subscribe to
 * it is the string in field 1: `name`, in ClusterLoadAssignment `cluster_name`.
 */
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";

const NAME_FIELD = 1;

/** Throws what BinaryReader throws if `value` is no protobuf message. */
export function resourceName(value: Uint8Array): string {
  const reader = new BinaryReader(value);
  let name = "";
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (field === NAME_FIELD && wireType === WireType.LengthDelimited) name = reader.string();
    else reader.skip(wireType, field);
  }
  return name;
}
