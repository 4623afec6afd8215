import type { SlowAnswer, SlowRow } from "@tulle/telemetry/insight";
import { defineCommand } from "../command.ts";
import { connect } from "../control-plane/options.ts";
import { milliseconds, percent, printable } from "../insight/format.ts";
import { outputOption, query, structured, trafficOptions, watch } from "../insight/options.ts";
import { style } from "../terminal/style.ts";
import { formatTable } from "../terminal/table.ts";

const SHOWN = 12;

export const slow = defineCommand({
  name: "slow",
  summary: "says which service causes the delay",
  usage: ["slow [-n NS] [--window 1m] [--at TIME] [-w] [-o table|json|yaml]"],
  description: `The first line names it: the service, its version and route, how much of what a request takes is spent there, how much for each call, and how
that has changed against the window before. Then where the rest goes, and traces that show it.
  service  the service itself, on the critical path: what its requests waited for, less what it waited for others
  fault    a delay that a rule injects, charged to the route that has it
  network  the way between two proxies, queues among it
  retries  attempts that failed, and waiting between them
LATELY is the same of the last seconds, where what is new shows first. Averages are of traces that were chosen before anybody knew how long
they take; those that were kept because they were slow are shown, not counted. With too few of the former the histograms of both sides
of each call are the basis (docs/guides/where-the-time-goes.md).`,
  examples: [
    { command: "tulle slow", does: "who is to blame" },
    { command: "tulle slow --window 10m -o json", does: "for scripts" },
    { command: "tulle slow -w", does: "watch while you change something" },
  ],
  options: {
    ...trafficOptions,
    namespace: { type: "string", short: "n", value: "NS", help: "only rows of this namespace" },
    at: { type: "string", value: "TIME", help: "when the window ends (default: now)" },
    watch: { type: "flag", short: "w", help: "again and again, until stopped" },
    output: outputOption,
  },
  run: async ({ options }) => {
    const client = connect(options);
    const parameters = {
      ...query({ window: options.window }),
      ...(options.at === undefined ? {} : { at: options.at }),
    };
    const ask = (): Promise<SlowAnswer> => client.insight<SlowAnswer>("slow", parameters);
    const namespace = options["all-namespaces"] ? undefined : options.namespace;
    if (options.output !== "table") console.log(structured(await ask(), options.output));
    else if (options.watch) await watch(async () => textOf(await ask(), namespace));
    else console.log(textOf(await ask(), namespace));
    return 0;
  },
});

function textOf(answer: SlowAnswer, namespace: string | undefined): string {
  const { headline, rows, basis, traces, windowSeconds, recentSeconds, culprit } = answer;
  const lines = [style.bold(printable(headline))];
  if (rows.length === 0) return lines.join("\n");
  const shown = rows.filter((row) => namespace === undefined || row.namespace === namespace).slice(0, SHOWN);
  const header = [
    "WHAT",
    "SERVICE",
    "VERSION",
    "ROUTE",
    "FROM",
    "A REQUEST",
    "LATELY",
    "BEFORE",
    "CHANGE",
    "A CALL",
    "SHARE",
  ];
  lines.push("", formatTable(shown.map(cellsOf), { header, right: [5, 6, 7, 8, 9, 10] }), "");
  const from =
    basis === "traces"
      ? `critical paths of ${traces.sampled} traces`
      : `histograms of both sides of each call: there are too few traces (${traces.sampled})`;
  lines.push(style.dim(`${windowSeconds} s, lately: ${recentSeconds} s, from ${from}`));
  const ids = culprit === null ? [] : rows[culprit]!.traceIds;
  if (ids.length > 0) lines.push(`Traces that show it: ${ids.join(" ")}`);
  return lines.join("\n");
}

function cellsOf(row: SlowRow): readonly string[] {
  const { kind, service, version, route, from, now, recent, before, changeMs } = row;
  const change = Math.abs(changeMs) < 0.05 ? "-" : `${changeMs > 0 ? "+" : "-"}${milliseconds(Math.abs(changeMs))}`;
  return [
    kind,
    printable(service),
    printable(version) || "-",
    printable(route) || "-",
    from === null ? "-" : printable([from.name, from.version].join(" ").trimEnd()),
    milliseconds(now.msPerRequest),
    milliseconds(recent?.msPerRequest ?? null),
    milliseconds(before?.msPerRequest ?? null),
    changeMs > 1 ? style.caution(change) : change,
    milliseconds(now.msPerCall),
    percent(now.share, 0),
  ];
}
