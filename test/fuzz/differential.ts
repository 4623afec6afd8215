/** Random configurations and exchanges on a live Envoy and on Tulle, until the time is over. */
import { differenceOf } from "../contract/harness/diff.ts";
import { Host } from "../contract/harness/host.ts";
import { envoySubject, tulleSubject } from "../contract/harness/subjects.ts";
import { bout, confirmed } from "./bout.ts";
import type { Subjects } from "./bout.ts";
import { Choice } from "./choice.ts";
import type { Configuration, Exchange } from "./exchange.ts";
import { randomExchange } from "./random-exchange.ts";
import { rawExchange } from "./raw-exchange.ts";
import { filters } from "./random-filters.ts";
import { http1, manager, router } from "./random-manager.ts";
import { routeConfig, virtualHosts } from "./random-routes.ts";
import { Reducer } from "./smallest.ts";
import type { Found } from "./smallest.ts";
import { signature } from "./signature.ts";

/** Exchanges with one configuration: an Envoy takes 100 ms to start. */
const EXCHANGES = 150;
const AT_A_TIME = 4;
/** So many of 100 configurations are for bytes that are nearly HTTP. */
const RAW_PERCENT = 35;

export interface Options {
  readonly seed: number;
  readonly seconds: number;
  /** Ends after so many exchanges, too. */
  readonly runs: number;
  /** Ends when so many different things have been found. */
  readonly maxFound: number;
  /** Milliseconds for making one finding small. */
  readonly reduceMs: number;
  readonly tell: (line: string) => void;
}

export interface Result {
  readonly configurations: number;
  readonly refused: number;
  readonly exchanges: number;
  readonly found: readonly { readonly seed: number; readonly found: Found }[];
}

/** What one seed stands for. */
function scene(seed: number): { configuration: Configuration; exchanges: readonly Exchange[] } {
  const choice = new Choice(seed);
  if (choice.chance(RAW_PERCENT)) {
    const configuration = { manager: { http_protocol_options: http1(choice) } };
    return { configuration, exchanges: Array.from({ length: EXCHANGES }, () => rawExchange(choice)) };
  }
  const configuration = {
    virtualHosts: virtualHosts(choice),
    routeConfig: routeConfig(choice),
    manager: manager(choice),
    filters: filters(choice),
    router: router(choice),
    clusters: { a: {}, b: {}, c: {} },
  };
  return { configuration, exchanges: Array.from({ length: EXCHANGES }, () => randomExchange(choice)) };
}

export async function differential({ seed, seconds, runs, maxFound, reduceMs, tell }: Options): Promise<Result> {
  const host = new Host();
  const subjects: Subjects = { envoy: envoySubject(host), tulle: tulleSubject(host) };
  const until = performance.now() + seconds * 1000;
  const found: { seed: number; found: Found }[] = [];
  const known = new Set<string>();
  let [configurations, refused, exchanges] = [0, 0, 0];
  const worker = async (): Promise<void> => {
    while (performance.now() < until && exchanges < runs && found.length < maxFound) {
      const own = seed + configurations++;
      const { configuration, exchanges: all } = scene(own);
      const result = await bout(configuration, all, subjects);
      exchanges += result.played;
      if (result.refused) refused++;
      for (const { at, ...seen } of result.differences) {
        if (known.has(signature({ at, ...seen }))) continue;
        if (performance.now() > until || found.length >= maxFound) return;
        const one = await confirm(configuration, all, at, subjects);
        if (one === null || known.has(signature(one.difference))) continue;
        known.add(signature(one.difference));
        const small = await new Reducer(one, subjects, reduceMs).reduce();
        const what = `small ${signature(small.difference)}`;
        if (known.has(what)) continue;
        known.add(what);
        found.push({ seed: own, found: small });
        tell(shown(own, small));
      }
    }
  };
  try {
    await Promise.all(Array.from({ length: AT_A_TIME }, worker));
  } finally {
    await host.end();
  }
  return { configurations, refused, exchanges, found };
}

/** By itself; and where that shows nothing, after all that came before it. */
async function confirm(
  configuration: Configuration,
  all: readonly Exchange[],
  at: number,
  subjects: Subjects,
): Promise<Found | null> {
  const alone = at < 0 ? [] : [all[at]!];
  const difference = await confirmed(configuration, alone, subjects);
  if (difference !== null) return { configuration, exchanges: alone, difference };
  let first = at;
  while (first > 0 && !all[first]!.fresh) first--;
  const together = all.slice(first, at + 1);
  const again = together.length > 1 ? await confirmed(configuration, together, subjects) : null;
  return again === null ? null : { configuration, exchanges: together, difference: again };
}

function shown(seed: number, { configuration, exchanges, difference }: Found): string {
  return [
    `seed ${seed}: Envoy (-) and Tulle (+) differ`,
    JSON.stringify(configuration, null, 1).replaceAll(/\n\s*/g, " "),
    ...exchanges.flatMap(({ request, answer }) => [
      `  sent: ${JSON.stringify(request)}`,
      `  answer: ${JSON.stringify(answer)}`,
    ]),
    differenceOf(difference.envoy, difference.tulle),
    "",
  ].join("\n");
}
