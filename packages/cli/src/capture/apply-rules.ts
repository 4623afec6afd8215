/** Puts capture rules into the kernel, and takes them out. Both may be done again. */
import { addressesAndRoutes } from "./addresses.ts";
import { iptablesCleanup, iptablesScript, ownState } from "./iptables.ts";
import { nftCleanup, nftScript } from "./nftables.ts";
import type { Family } from "./rule.ts";
import type { CaptureRuleOptions } from "./rules.ts";
import { captureRules } from "./rules.ts";
import type { SystemCommands } from "./system-command.ts";

type Backend = "iptables" | "nft";

export interface RuleSet {
  readonly options: CaptureRuleOptions;
  readonly backend: Backend;
  readonly tproxyTable: number;
}

/** The text of what `applyRules` does, with the commands that take it. */
export function describeRules({ options, backend, tproxyTable }: RuleSet): string {
  const rules = captureRules(options);
  const scripts =
    backend === "nft"
      ? ["# nft -f -", nftScript(rules, options.families)]
      : options.families.flatMap((family) => [
          `# ${iptables(family)}-restore --noflush`,
          iptablesScript(rules, family),
        ]);
  const commands = addressesAndRoutes(options, tproxyTable).map((args) => `# ip ${args.join(" ")}`);
  return [...scripts, ...commands, ""].join("\n").trimEnd();
}

export function applyRules(commands: SystemCommands, { options, backend, tproxyTable }: RuleSet): void {
  const rules = captureRules(options);
  if (backend === "nft") commands.run(["nft", "-f", "-"], nftScript(rules, options.families));
  else {
    for (const family of options.families) {
      const present = ownState(commands.run([`${iptables(family)}-save`]));
      commands.run([`${iptables(family)}-restore`, "--noflush"], iptablesScript(rules, family, present));
    }
  }
  removeAddressesAndRoutes(commands, options, tproxyTable);
  for (const args of addressesAndRoutes(options, tproxyTable)) commands.run(["ip", ...args]);
}

/** Removes what is there, whichever backend and options it was made with. */
export function removeRules(commands: SystemCommands, { options, backend, tproxyTable }: RuleSet): void {
  if (backend === "nft") commands.run(["nft", "-f", "-"], nftCleanup());
  else {
    for (const family of options.families) {
      const script = iptablesCleanup(ownState(commands.run([`${iptables(family)}-save`])));
      if (script !== "") commands.run([`${iptables(family)}-restore`, "--noflush"], script);
    }
  }
  removeAddressesAndRoutes(commands, { ...options, mode: "TPROXY" }, tproxyTable);
}

/** What is not there is as good as gone. */
function removeAddressesAndRoutes(commands: SystemCommands, options: CaptureRuleOptions, table: number): void {
  for (const args of addressesAndRoutes(options, table)) {
    commands.try(["ip", ...args.map((argument) => (argument === "add" ? "del" : argument))]);
  }
}

function iptables(family: Family): string {
  return family === 6 ? "ip6tables" : "iptables";
}
