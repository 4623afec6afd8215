/** What filter chains of one listener ask of connections, so that no two of them ask the same: Envoy refuses such a listener. */
import { maskedAddress } from "@tulle/api";

export interface ChainConditions {
  /** Names that clients ask for by TLS; none: any, and no TLS as well. */
  readonly serverNames: readonly string[];
  /** Blocks of addresses that connections are made to, and by; none: any. */
  readonly destinationSubnets: readonly string[];
  readonly sourceSubnets: readonly string[];
}

const ANY = "";

/** What two chains ask for is the first's. The other keeps the rest, if there is any. */
export function withoutOverlaps<C extends ChainConditions>(chains: readonly C[]): readonly C[] {
  const taken = new Set<string>();
  return chains.flatMap((chain): C[] => {
    const parts = partsOf(chain);
    const free = parts.filter(({ key }) => !taken.has(key));
    for (const { key } of free) taken.add(key);
    if (free.length === parts.length) return [chain];
    return free.map(({ name, destination, source }) => ({
      ...chain,
      serverNames: name === ANY ? [] : [name],
      destinationSubnets: destination === ANY ? [] : [destination],
      sourceSubnets: source === ANY ? [] : [source],
    }));
  });
}

/** Whether every connection satisfies it. */
export function isUnconditional({ serverNames, destinationSubnets, sourceSubnets }: ChainConditions): boolean {
  return serverNames.length + destinationSubnets.length + sourceSubnets.length === 0;
}

function partsOf({ serverNames, destinationSubnets, sourceSubnets }: ChainConditions) {
  const names = orAny(serverNames.map((name) => name.toLowerCase()));
  const destinations = orAny(destinationSubnets.map(maskedAddress));
  const sources = orAny(sourceSubnets.map(maskedAddress));
  return names.flatMap((name) =>
    destinations.flatMap((destination) =>
      sources.map((source) => ({ name, destination, source, key: `${name} ${destination} ${source}` })),
    ),
  );
}

function orAny(values: readonly string[]): readonly string[] {
  return values.length === 0 ? [ANY] : [...new Set(values)];
}
