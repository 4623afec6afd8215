// The command in a few files instead of hundreds (scripts/bundle.ts). Plain JavaScript, like the launcher that uses it.
import { readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const FOLDER = join(dirname(fileURLToPath(import.meta.url)), "..", "dist");

/**
 * Whether there is a bundle that says what the sources say: none of them is younger, missing or of another size. Some 5 ms.
 * @param {string} [folder] where the bundle is
 */
export function isBundleFresh(folder = FOLDER) {
  try {
    const { builtAt, sources } = JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8"));
    return Object.entries(sources).every(([path, size]) => {
      const source = statSync(join(folder, path));
      return source.size === size && source.mtimeMs <= builtAt;
    });
  } catch (error) {
    // Nobody has made it, or a source is gone: then the sources as they are.
    if (error.code === "ENOENT") return false;
    throw error;
  }
}
