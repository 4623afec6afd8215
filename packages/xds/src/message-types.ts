/** Messages by their names, for configuration that names them: what is packed in an Any. */
import { readdirSync } from "node:fs";
import { createRequire } from "node:module";
import type { DescMessage, Registry } from "@bufbuild/protobuf";
import { StructSchema } from "@bufbuild/protobuf/wkt";

const load = createRequire(import.meta.url);
const generated = new URL("gen/", import.meta.url);

/** Those that have been found: what nobody knows is not remembered, for its names are anybody's. */
const known = new Map<string, DescMessage>([[StructSchema.typeName, StructSchema]]);

/**
 * Files of a package are in the folder of its name (Envoy's style guide, "API versioning"), and are read when the first message in them
 * is asked for.
 */
export function messageType(typeName: string): DescMessage | undefined {
  const before = known.get(typeName);
  if (before !== undefined) return before;
  const [, folder = ""] = /^((?:[a-z][a-z0-9_]*\.)+)[A-Z]/.exec(typeName) ?? [];
  const found = folder === "" ? undefined : searched(folder.replaceAll(".", "/"), typeName);
  if (found !== undefined) known.set(typeName, found);
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
  [Symbol.iterator]: () => known.values(),
};
