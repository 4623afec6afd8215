/**
 * Generates the xDS types from the protos that ship inside @grpc/grpc-js-xds. Runs at install (`prepare`).
 *
 * Nothing is vendored: the roots below are the messages Tulle speaks, their imports are followed, and protoc-gen-es
 * writes JavaScript with declarations to packages/xds/src/gen, which git ignores. JavaScript, because stripping two megabytes of
 * types at each start would cost a proxy 100 ms and 40 MB (docs/decisions/0002).
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { NEWER_FIELDS, NEWER_FILES } from "./newer-protos.ts";
import { PROTO_ROOTS } from "./proto-roots.ts";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const deps = join(root, "node_modules/@grpc/grpc-js-xds/deps");
const out = join(root, "packages/xds/src/gen");
const overlay = join(root, "build/proto-overlay");
/** Of our own filters. */
const own = join(root, "packages/xds/proto");
const includes = [overlay, own, join(deps, "envoy-api"), join(deps, "xds"), join(deps, "googleapis")];

/**
 * The bundled protoc-gen-validate predates `ignore_empty`, which the Envoy protos use: add the field, with the number
 * that upstream gave it, to a copy. (bufbuild/protoc-gen-validate, validate.proto)
 */
const IGNORE_EMPTY_FIELD_NUMBER: Record<string, number> = {
  StringRules: 26,
  BytesRules: 14,
  RepeatedRules: 6,
  MapRules: 6,
  FloatRules: 8,
  DoubleRules: 8,
  Int32Rules: 8,
  Int64Rules: 8,
  UInt32Rules: 8,
  UInt64Rules: 8,
};

/** A third of the generated JavaScript is comments, which a process would keep with its sources; the declarations have them too. */
function withoutComments(): void {
  for (const file of readdirSync(out, { recursive: true, encoding: "utf8" })) {
    if (!file.endsWith(".js")) continue;
    const path = join(out, file);
    writeFileSync(path, readFileSync(path, "utf8").replace(/^\/\*\*[^]*?\*\/\n/gm, ""));
  }
}

function writeOverlay(): void {
  let text = readFileSync(join(deps, "protoc-gen-validate/validate/validate.proto"), "utf8");
  if (!text.includes("ignore_empty")) {
    for (const [message, number] of Object.entries(IGNORE_EMPTY_FIELD_NUMBER)) {
      text = text.replace(`message ${message} {`, `message ${message} {\n  optional bool ignore_empty = ${number};`);
    }
  }
  mkdirSync(join(overlay, "validate"), { recursive: true });
  writeFileSync(join(overlay, "validate/validate.proto"), text);
}

function writeNewerProtos(): void {
  const texts = new Map(Object.entries(NEWER_FILES));
  for (const { file, imports, before, text, lifted = [] } of NEWER_FIELDS) {
    let proto = texts.get(file) ?? readFileSync(join(deps, "envoy-api", file), "utf8").replaceAll("\r\n", "\n");
    for (const line of [before, ...lifted]) {
      if (!proto.includes(line)) throw new Error(`${file} has no ${JSON.stringify(line)} any more`);
    }
    for (const constraint of lifted) {
      proto = proto.replace(constraint, constraint.includes(" [") ? constraint.slice(0, constraint.indexOf(" [")) : "");
    }
    if (!proto.includes("(validate.")) proto = proto.replace('import "validate/validate.proto";\n', "");
    const lines = imports.map((name) => `import "${name}";\n`).join("");
    texts.set(file, proto.replace(before, text + before).replace(/^import /m, `${lines}import `));
  }
  for (const [file, text] of texts) {
    mkdirSync(dirname(join(overlay, file)), { recursive: true });
    writeFileSync(join(overlay, file), text);
  }
}

/** All protos that the roots import, the roots included; google/protobuf comes with protoc and with protobuf-es. */
function closure(roots: readonly string[]): string[] {
  const seen = new Set<string>();
  const visit = (file: string): void => {
    if (seen.has(file) || file.startsWith("google/protobuf/")) return;
    const folder = includes.find((include) => existsSync(join(include, file)));
    if (folder === undefined) throw new Error(`proto ${file} is in none of ${includes.join(", ")}`);
    seen.add(file);
    for (const match of readFileSync(join(folder, file), "utf8").matchAll(/^import (?:public )?"([^"]+)";/gm)) {
      visit(match[1] as string);
    }
  };
  for (const file of roots) visit(file);
  return [...seen].sort();
}

/** What the generated files were made from: a hash of the scripts and of our own protos. */
const stampFile = join(root, "build/proto-stamp");
const stamp = createHash("sha256")
  .update(
    [
      ...["generate-protos.ts", "newer-protos.ts", "proto-roots.ts"].map((name) => join(root, "scripts", name)),
      ...PROTO_ROOTS.map((name) => join(own, name)).filter((file) => existsSync(file)),
    ]
      .map((file) => readFileSync(file))
      .join(),
  )
  .digest("hex");
if (process.argv.includes("--if-stale") && existsSync(stampFile) && readFileSync(stampFile, "utf8") === stamp) {
  process.exit(0);
}

writeOverlay();
writeNewerProtos();
const files = closure(PROTO_ROOTS);
rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
const bin = join(root, "node_modules/.bin");
execFileSync(
  join(bin, "protoc"),
  [
    ...includes.flatMap((include) => ["-I", include]),
    `--plugin=${join(bin, "protoc-gen-es")}`,
    `--es_out=${out}`,
    "--es_opt=target=js+dts,import_extension=js",
    ...files,
  ],
  { stdio: "inherit" },
);
withoutComments();
writeFileSync(stampFile, stamp);
console.log(`generated ${files.length} files in packages/xds/src/gen`);
