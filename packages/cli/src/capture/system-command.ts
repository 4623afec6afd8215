/** Programs of the system that set up networks: iptables, nft, ip, sysctl. */
import { spawnSync } from "node:child_process";
import { CliError } from "../errors.ts";

/** Debian's package of each. */
const PACKAGE: Readonly<Record<string, string>> = { ip: "iproute2", nft: "nftables", setpriv: "util-linux" };

/** Runs in this network namespace, or in one that `ip netns` knows. */
export class SystemCommands {
  readonly #prefix: readonly string[];

  constructor(namespace?: string) {
    this.#prefix = namespace === undefined ? [] : ["ip", "netns", "exec", namespace];
  }

  /** Its standard output. Throws a CliError that says what failed and with which words. */
  run(command: readonly string[], input = ""): string {
    const result = this.try(command, input);
    if (result.failure === undefined) return result.output;
    throw result.failure;
  }

  try(command: readonly string[], input = ""): { readonly output: string; readonly failure: CliError | undefined } {
    const [file, ...args] = [...this.#prefix, ...command] as [string, ...string[]];
    const { error, status, stdout, stderr } = spawnSync(file, args, { input, encoding: "utf8", maxBuffer: 1 << 26 });
    if (error === undefined && status === 0) return { output: stdout, failure: undefined };
    return { output: stdout ?? "", failure: failed(command, error, stderr ?? "") };
  }
}

function failed(command: readonly string[], error: NodeJS.ErrnoException | undefined, stderr: string): CliError {
  const [file = ""] = command;
  if (error?.code === "ENOENT") {
    return new CliError(`${file}: no such program`, [`It is in the package ${PACKAGE[file] ?? "iptables"}.`]);
  }
  const said = (error?.message ?? stderr).trim();
  const hints = /permission denied|not permitted|must be root/i.test(said) ? [NEEDED] : [];
  return new CliError(`${command.join(" ")}: ${said || "failed"}`, hints);
}

const NEEDED = "Run it as root (sudo), or with the capabilities CAP_NET_ADMIN and CAP_NET_RAW.";
