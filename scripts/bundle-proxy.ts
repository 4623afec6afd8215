/**
 * Bundles the proxy into packages/proxy/dist, which git ignores. Runs at install (`prepare`), in a second or two.
 *
 * 360 modules of TypeScript cost a process 9 MB and half of its start-up time that their contents in a few files don't
 * (docs/decisions/0014). The launcher takes the bundle as long as no source is younger; sources are what runs otherwise.
 */
import { mkdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { rolldown } from "rolldown";

const root = join(import.meta.dirname, "..");
const out = join(root, "packages/proxy/dist");

rmSync(out, { recursive: true, force: true });
// Of a source that changes while it is bundled, what the bundle has is older.
const startedAt = Date.now();
const build = await rolldown({
  input: { index: join(root, "packages/proxy/src/index.ts") },
  platform: "node",
  // Other people's packages stay as they are; of the generated messages only some are loaded, most when they are asked for.
  external: (id) =>
    (/^[^./]/.test(id) && !id.startsWith("@tulle/")) || /^@tulle\/xds\/gen\/|\/xds\/src\/gen\//.test(id),
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
console.log(`bundled ${sources.size} modules into packages/proxy/dist`);

/** One character beyond Latin-1 and V8 keeps all of a source with two bytes for each. They occur in literals only: comments are gone. */
function asciiOnly(code: string): string {
  return code.replace(/[^ -~\s]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
