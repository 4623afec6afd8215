/** Words for values and schemas: "is <describeValue>, expected <describeSchema>". */
import { formatDuration } from "../duration.ts";
import type { AnySchema, NumberSchema } from "./schema.ts";

const MAX_SHOWN = 60;

export function describeValue(value: unknown): string {
  if (value === null || value === undefined) return "empty";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "an object";
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  if (typeof value !== "string") return `a ${typeof value}`;
  return JSON.stringify(value.length > MAX_SHOWN ? `${value.slice(0, MAX_SHOWN)}…` : value);
}

export function describeSchema(schema: AnySchema): string {
  switch (schema.type) {
    case "object":
      return "an object";
    case "list":
      return describeList(schema.min, schema.max);
    case "map":
      return `an object whose values are each ${describeSchema(schema.value)}`;
    case "string":
      return schema.format?.expected ?? "a string";
    case "number":
      return describeNumber(schema);
    case "boolean":
      return "true or false";
    case "enum":
      return schema.values.length === 1 ? schema.values[0]! : `one of ${schema.values.join(", ")}`;
    case "duration":
      return schema.minMs > 0
        ? `a duration of at least ${formatDuration(schema.minMs)}, such as "1.5s"`
        : 'a duration such as "1.5s"';
    case "regex":
      return "a regular expression in RE2 syntax";
    case "intOrString":
      return "an integer or a string";
    default:
      return "a value";
  }
}

function describeList(min: number, max: number): string {
  if (max !== Number.POSITIVE_INFINITY) {
    return min > 0 ? `a list of ${min} to ${max} items` : `a list of at most ${max} items`;
  }
  return min > 0 ? `a list of at least ${min} item${min === 1 ? "" : "s"}` : "a list";
}

function describeNumber({ integer, min, max }: NumberSchema): string {
  const noun = integer ? "an integer" : "a number";
  // Bounds that only say "int32", "uint32" or "exactly representable" are noise.
  const bounded = max !== Number.POSITIVE_INFINITY && max !== 2147483647 && max !== 4294967295 && max !== 2 ** 53 - 1;
  if (bounded) return `${noun} from ${min} to ${max}`;
  return min >= 0 ? `${noun}, ${min} or more` : noun;
}
