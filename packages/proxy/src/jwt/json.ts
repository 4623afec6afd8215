/** JSON of strangers, as strictly as Envoy's parser takes it where that matters for what is signed. */
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";

/** Arrays and objects in each other. Source: protobuf `JsonParseOptions`, recursion limit. */
const MAX_DEPTH = 100;

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * The object that the bytes say, null if they say none. What could be read in two ways is refused: keys that occur twice, half a surrogate
 * pair, numbers that no double can hold.
 */
export function parseJsonObject(bytes: Uint8Array): JsonObject | null {
  let text: string;
  let value: JsonValue;
  try {
    text = utf8.decode(bytes);
    value = JSON.parse(text) as JsonValue;
  } catch {
    // Whatever is wrong with it: it is no JSON.
    return null;
  }
  // As protobuf has it: null is a message without fields.
  if (value === null) return {};
  if (typeof value !== "object" || Array.isArray(value)) return null;
  return isUnambiguous(text) ? value : null;
}

const STRING = /"(?:[^"\\]|\\.)*"/y;
const NUMBER = /-?[0-9.eE+-]+/y;

/** @param text that is JSON */
function isUnambiguous(text: string): boolean {
  /** The keys of each object that is open; null for arrays. */
  const open: (Set<string> | null)[] = [];
  let keyComes = false;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (character === "{" || character === "[") {
      if (open.length === MAX_DEPTH) return false;
      open.push(character === "{" ? new Set() : null);
      keyComes = character === "{";
    } else if (character === "}" || character === "]") {
      open.pop();
    } else if (character === ",") {
      keyComes = open.at(-1) !== null;
    } else if (character === '"') {
      const literal = matchAt(STRING, text, at);
      const content = literal.includes("\\") ? (JSON.parse(literal) as string) : literal.slice(1, -1);
      if (!content.isWellFormed()) return false;
      const keys = open.at(-1);
      if (keyComes && keys) {
        if (keys.has(content)) return false;
        keys.add(content);
        keyComes = false;
      }
      at += literal.length - 1;
    } else if (character === "-" || (character >= "0" && character <= "9")) {
      const literal = matchAt(NUMBER, text, at);
      if (!Number.isFinite(Number(literal))) return false;
      at += literal.length - 1;
    }
  }
  return true;
}

function matchAt(pattern: RegExp, text: string, at: number): string {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0] ?? "";
}
