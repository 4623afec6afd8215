import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import type { LayeredRuntime } from "@tulle/xds/gen/envoy/config/bootstrap/v3/bootstrap_pb.js";
import type { Place } from "./problems.ts";
import { Runtime, type RuntimeLayer, entryOf, isFraction } from "./runtime-values.ts";

/** `layered_runtime` of a bootstrap; layers of other kinds than these have been refused. */
export function compileRuntime(message: LayeredRuntime | undefined, place: Place): Runtime {
  const layers: RuntimeLayer[] = [];
  let admin: RuntimeLayer | null = null;
  for (const [i, { name, layerSpecifier }] of (message?.layers ?? []).entries()) {
    const at = place.item("layers", i);
    const layer: RuntimeLayer = { name, entries: new Map() };
    if (layers.some((other) => other.name === name)) at.refuse(`Duplicate layer name: ${name}`);
    layers.push(layer);
    if (layerSpecifier.case === "staticLayer") {
      walk(layerSpecifier.value, "", layer, at.field("static_layer"));
    } else if (layerSpecifier.case === "adminLayer") {
      if (admin !== null) {
        at.refuse("Too many admin layers specified in LayeredRuntime, at most one may be specified");
      }
      admin = layer;
    }
  }
  return new Runtime(layers, admin);
}

/** Keys of structures within structures are joined by dots. */
function walk(fields: JsonObject, prefix: string, layer: RuntimeLayer, place: Place): void {
  for (const [name, value] of Object.entries(fields)) {
    const key = prefix + name;
    if (isStructure(value) && !isFraction(value)) walk(value, `${key}.`, layer, place);
    else if (value === null || Array.isArray(value)) place.refuse(`Invalid runtime entry value for ${key}`);
    else layer.entries.set(key, entryOf(value));
  }
}

function isStructure(value: JsonValue): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
