/**
 * Bundles the command, and with it the proxy and the control plane, into packages/cli/dist, which git ignores. Runs at install (`prepare`),
 * in a second or two.
 *
 * Hundreds of modules of TypeScript cost a process memory and most of its start-up time that their contents in a few files don't
 * (docs/decisions/0014). The launcher takes the bundle as long as no source is younger; sources are what runs otherwise.
 */
import { mkdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { type Plugin, rolldown } from "rolldown";

const root = join(import.meta.dirname, "..");
const out = join(root, "packages/cli/dist");

const MESSAGES = "@tulle/xds/gen/";
const generated = join(root, "packages/xds/src/gen");

/** What is started by its file: the command, and the thread that control/telemetry keeps its store in. */
const input = {
  main: join(root, "packages/cli/src/main.ts"),
  worker: join(root, "packages/control/src/telemetry/worker.ts"),
};

rmSync(out, { recursive: true, force: true });
// Of a source that changes while it is bundled, what the bundle has is older.
const startedAt = Date.now();
const build = await rolldown({
  input,
  platform: "node",
  // Other people's packages stay as they are; of the generated messages only some are loaded, most when they are asked for.
  external: (id) => (/^[^./]/.test(id) && !id.startsWith("@tulle/")) || id.startsWith(MESSAGES),
  plugins: [generatedMessages(), placesOfSources()],
});
const { output } = await build.generate({ format: "esm", comments: false });
await build.close();
mkdirSync(out, { recursive: true });
for (const chunk of output) {
  if (chunk.type === "chunk") writeFileSync(join(out, chunk.fileName), asciiOnly(chunk.code));
}

const sources = new Set<string>();
for (const chunk of output) {
  if (chunk.type !== "chunk") continue;
  for (const id of chunk.moduleIds) if (id.startsWith(root)) sources.add(id);
}
const manifest = {
  builtAt: startedAt,
  /** Sizes in bytes by path, relative to the folder. */
  sources: Object.fromEntries([...sources].sort().map((path) => [relative(out, path), statSync(path).size])),
};
writeFileSync(join(out, "manifest.json"), `${JSON.stringify(manifest, undefined, 1)}\n`);
console.log(`bundled ${sources.size} modules into packages/cli/dist`);

/** However they are named, generated messages are the one module that everybody has. */
function generatedMessages(): Plugin {
  return {
    name: "generated messages",
    resolveId(source, importer) {
      if (!source.startsWith(".") || importer === undefined) return null;
      const path = relative(generated, join(dirname(importer), source));
      return path.startsWith("..") ? null : { id: MESSAGES + path, external: true };
    },
  };
}

/** A module that looks for files beside itself finds them where its source is. */
function placesOfSources(): Plugin {
  return {
    name: "places of sources",
    transform(code, id) {
      if (!code.includes("import.meta") || !id.startsWith(root)) return null;
      const file = relative(out, id);
      const moved = code
        .replace(/new URL\("\.\/worker\.ts", import\.meta\.url\)/g, 'new URL("./worker.js", import.meta[`url`])')
        .replace(/import\.meta\.resolve\("\.\//g, `import.meta.resolve("${dirname(file)}/`)
        .replace(/import\.meta\.dirname/g, `placeOfSource(import.meta[\`dirname\`], "${dirname(file)}")`)
        .replace(/import\.meta\.url/g, `new URL("${file}", import.meta[\`url\`]).href`);
      return `import { join as placeOfSource } from "node:path";\n${moved}`;
    },
  };
}

/** One character beyond Latin-1 and V8 keeps all of a source with two bytes for each. They occur in literals only: comments are gone. */
function asciiOnly(code: string): string {
  return code.replace(/[^ -~\s]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
