import { randomUUID } from "node:crypto";
import { open, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

/** Files being written; sources skip them, and every other name that begins with a dot. */
const PREFIX = ".tulle-";

/** Replaces a file in one step: readers see the old text or the new, and so does the next start after a crash. The umask takes from `mode`. */
export async function writeAtomically(path: string, text: string, mode = 0o666): Promise<void> {
  const temporary = join(dirname(path), `${PREFIX}${basename(path)}.${randomUUID()}`);
  try {
    const file = await open(temporary, "wx", mode);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
