/** Network namespaces of a test's own. */
import { execFileSync, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";

const NEEDED = ["ip", "iptables", "ip6tables", "nft"] as const;

/** Why tests that need namespaces cannot run here; false if they can. */
export function whyNoNamespaces(programs: readonly string[] = []): string | false {
  if (process.platform !== "linux") return "needs Linux";
  if (process.getuid?.() !== 0) return "needs root: it makes network namespaces";
  const missing = [...NEEDED, ...programs].filter((name) => spawnSync("which", [name]).status !== 0);
  if (missing.length > 0) return `needs ${missing.join(", ")}`;
  const probe = new Namespace();
  try {
    probe.create();
    return false;
  } catch (error) {
    return `this machine makes no network namespaces: ${String(error)}`;
  } finally {
    probe.remove();
  }
}

export class Namespace {
  readonly name = `tulle-test-${randomBytes(4).toString("hex")}`;

  create(): void {
    run("ip", "netns", "add", this.name);
    this.exec("ip", "link", "set", "lo", "up");
  }

  /** Standard output; throws if it fails. */
  exec(...command: readonly string[]): string {
    return run("ip", "netns", "exec", this.name, ...command);
  }

  remove(): void {
    spawnSync("ip", ["netns", "del", this.name]);
  }
}

function run(file: string, ...args: readonly string[]): string {
  return execFileSync(file, args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}
