import type { Place } from "./problems.ts";

/** What a connection manager's and a route's `upgrade_configs` have in common. */
interface UpgradeConfig {
  readonly upgradeType: string;
  readonly enabled?: boolean | undefined;
}

/** Lower-case protocol → allowed; null where nothing is said. */
export function compileUpgrades(configs: readonly UpgradeConfig[], place: Place): ReadonlyMap<string, boolean> | null {
  if (configs.length === 0) return null;
  const upgrades = new Map<string, boolean>();
  configs.forEach(({ upgradeType, enabled = true }, i) => {
    const type = upgradeType.toLowerCase();
    if (upgrades.has(type)) place.item("upgrade_configs", i).refuse(`Duplicate upgrade ${upgradeType}`);
    upgrades.set(type, enabled);
  });
  return upgrades;
}
