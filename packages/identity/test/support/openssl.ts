/** The openssl command, where there is one: what it accepts nobody here wrote. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const hasOpenssl = (() => {
  try {
    execFileSync("openssl", ["version"], { stdio: "ignore" });
    return true;
  } catch {
    return false; // not installed
  }
})();

/** Runs it on files by name; gives what it printed, throws with what it complained of. */
export function openssl(files: Readonly<Record<string, string | Uint8Array>>, ...args: readonly string[]): string {
  const folder = mkdtempSync(join(tmpdir(), "tulle-openssl-"));
  try {
    for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
    return execFileSync("openssl", args, { cwd: folder, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
