/** What commands about traffic have in common: where, how long, how often, in which form. */
import { setTimeout as delay } from "node:timers/promises";
import { stringify } from "yaml";
import { apiOptions, namespaceOption } from "../control-plane/options.ts";
import { onStop } from "../process/stop-signal.ts";
import { openLiveBlock } from "../terminal/live.ts";

const windowOption = {
  type: "duration",
  value: "DURATION",
  default: 60_000,
  help: "how far back to look",
} as const;

export const trafficOptions = {
  namespace: { ...namespaceOption, help: "the namespace" },
  "all-namespaces": { type: "flag", short: "A", help: "of all namespaces" },
  window: windowOption,
  ...apiOptions,
} as const;

export const outputOption = {
  type: "choice",
  short: "o",
  value: "FORMAT",
  choices: ["table", "json", "yaml"],
  default: "table",
  help: "how to print it",
} as const;

/** Parameters of the API. */
export function query(options: {
  readonly namespace?: string;
  readonly "all-namespaces"?: boolean;
  readonly window: number;
}): Record<string, string> {
  const { namespace } = options;
  const everywhere = options["all-namespaces"] === true || namespace === undefined;
  return { window: `${options.window}ms`, ...(everywhere ? {} : { ns: namespace }) };
}

/** For scripts. */
export function structured(value: unknown, output: string): string {
  return output === "yaml" ? stringify(value).trimEnd() : JSON.stringify(value, undefined, 2);
}

/** Proxies report every 5 s. */
const REFRESH_MS = 2_000;

/** Prints again and again until stopped: in place on a terminal, else one after the other. */
export async function watch(draw: () => Promise<string>): Promise<void> {
  const stop = new AbortController();
  onStop(() => stop.abort());
  const block = process.stdout.isTTY ? openLiveBlock(() => stop.abort()) : undefined;
  try {
    while (!stop.signal.aborted) {
      const text = await draw();
      if (block === undefined) console.log(`${text}\n`);
      else block.draw(text);
      await delay(REFRESH_MS, undefined, { signal: stop.signal }).catch(() => undefined);
    }
  } finally {
    block?.close();
  }
}
