/** Messages by their names, for configuration that names them: what is packed in an Any. */
import { readdirSync } from "node:fs";
import { createRequire } from "node:module";
import type { DescMessage, Registry } from "@bufbuild/protobuf";
import { StructSchema } from "@bufbuild/protobuf/wkt";

const load = createRequire(import.meta.url);
const generated = new URL("gen/", import.meta.url);

const known = new Map<string, DescMessage | undefined>([[StructSchema.typeName, StructSchema]]);

/**
 * Files of a package are in the folder of its name (Envoy's style guide, "API versioning"), and are read when the first message in them
 * is asked for.
 */
export function messageType(typeName: string): DescMessage | undefined {
  if (known.has(typeName)) return known.get(typeName);
  const [, folder = ""] = /^((?:[a-z][a-z0-9_]*\.)+)[A-Z]/.exec(typeName) ?? [];
  const found = folder === "" ? undefined : searched(folder.replaceAll(".", "/"), typeName);
  known.set(typeName, found);
  return found;
}

function searched(folder: string, typeName: string): DescMessage | undefined {
  for (const file of filesIn(folder)) {
    const exported = load(`./gen/${folder}${file}`) as Readonly<Record<string, unknown>>;
    for (const value of Object.values(exported)) if (isMessage(value) && value.typeName === typeName) return value;
  }
  return undefined;
}

function filesIn(folder: string): readonly string[] {
  try {
    return readdirSync(new URL(folder, generated)).filter((file) => file.endsWith("_pb.js"));
  } catch (error) {
    // A package that nobody has heard of.
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
    throw error;
  }
}

function isMessage(value: unknown): value is DescMessage {
  return typeof value === "object" && value !== null && "kind" in value && value.kind === "message";
}

/** For protobuf-es, which looks up nothing but messages in it. */
export const messageTypes: Registry = {
  kind: "registry",
  get: messageType,
  getMessage: messageType,
  getEnum: () => undefined,
  getExtension: () => undefined,
  getExtensionFor: () => undefined,
  getService: () => undefined,
  [Symbol.iterator]: () => [...known.values()].filter((each) => each !== undefined).values(),
};
