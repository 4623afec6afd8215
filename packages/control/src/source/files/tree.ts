/** Finds the configuration files of a directory tree. */
import { readdir, realpath, stat } from "node:fs/promises";
import { join, relative, sep } from "node:path";

/** Tells versions of a file apart without reading it. */
export type Signature = string;

const EXTENSIONS = [".yaml", ".yml", ".json"];

/** Hidden names are editors', git's and Kubernetes' own: `..data` of a mounted ConfigMap is reached through its links. */
function isConfigFile(name: string): boolean {
  return !name.startsWith(".") && EXTENSIONS.some((extension) => name.endsWith(extension));
}

/** A relative path all of whose parts are seen. */
export function isConfigPath(path: string): boolean {
  const parts = path.split(sep);
  return isConfigFile(parts.at(-1)!) && parts.every((part) => !part.startsWith("."));
}

/** Undefined if there is no such regular file. */
export async function signatureOf(path: string): Promise<Signature | undefined> {
  try {
    const { mtimeNs, size, ino, isFile } = await statOf(path);
    return isFile ? `${mtimeNs}:${size}:${ino}` : undefined;
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

async function statOf(path: string) {
  const found = await stat(path, { bigint: true });
  return { mtimeNs: found.mtimeNs, size: found.size, ino: found.ino, isFile: found.isFile() };
}

/** Signatures by path relative to `root`, in path order. Links are followed, each directory once. */
export async function scanTree(root: string): Promise<Map<string, Signature>> {
  const found: [string, Signature][] = [];
  const visited = new Set<string>();
  const visit = async (directory: string): Promise<void> => {
    const real = await realpath(directory);
    if (visited.has(real)) return;
    visited.add(real);
    for (const entry of await readdir(directory, { withFileTypes: true })) {
      if (entry.name.startsWith(".")) continue;
      const path = join(directory, entry.name);
      try {
        const isDirectory = entry.isDirectory() || (entry.isSymbolicLink() && (await stat(path)).isDirectory());
        if (isDirectory) {
          await visit(path);
        } else if (isConfigFile(entry.name)) {
          const signature = await signatureOf(path);
          if (signature !== undefined) found.push([relative(root, path), signature]);
        }
      } catch (error) {
        // Removed while we looked, or a link that leads nowhere.
        if (!isGone(error)) throw error;
      }
    }
  };
  await visit(root);
  return new Map(found.sort(([a], [b]) => (a < b ? -1 : 1)));
}

export function isGone(error: unknown): boolean {
  return (
    error instanceof Error &&
    "code" in error &&
    (error.code === "ENOENT" || error.code === "ENOTDIR" || error.code === "ELOOP")
  );
}
