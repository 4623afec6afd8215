import type { RouteStats, ServiceDetail, ServicesAnswer } from "@tulle/telemetry/insight";
import { defineCommand } from "../command.ts";
import type { ControlPlaneClient } from "../control-plane/client.ts";
import { connect } from "../control-plane/options.ts";
import { milliseconds, percent, printable } from "../insight/format.ts";
import { outputOption, query, structured, trafficOptions, watch } from "../insight/options.ts";
import { formatTable } from "../terminal/table.ts";

export const top = defineCommand({
  name: "top",
  summary: "shows the busiest routes of services, live",
  usage: ["top [SERVICE…] [-n NS|-A] [--window 1m] [--once] [-o table|json|yaml]"],
  description: `One line a route and version, from the requests that were traced: how many, how many failed, how long they took, and how much of that was
the service's own work on the critical path (SELF). Redrawn until q or Ctrl-C; with --once, or -o json|yaml, printed once.`,
  examples: [
    { command: "tulle top", does: "watch the routes of namespace default" },
    { command: "tulle top reviews --once", does: "the routes of one service, now" },
  ],
  options: { ...trafficOptions, once: { type: "flag", help: "print it once" }, output: outputOption },
  positionals: { min: 0, max: 100 },
  run: async ({ options, positionals }) => {
    const client = connect(options);
    const rows = (): Promise<readonly Row[]> => rowsOf(client, query(options), positionals);
    if (options.output !== "table") console.log(structured(await rows(), options.output));
    else if (options.once) console.log(tableOf(await rows()));
    else await watch(async () => tableOf(await rows()));
    return 0;
  },
});

interface Row extends RouteStats {
  readonly namespace: string;
  readonly service: string;
}

async function rowsOf(
  client: ControlPlaneClient,
  parameters: Record<string, string>,
  names: readonly string[],
): Promise<readonly Row[]> {
  const { services } = await client.insight<ServicesAnswer>("services", parameters);
  // Who was not called has no routes.
  const called = services.filter(({ name, http }) => http !== null && (names.length === 0 || names.includes(name)));
  const details = await Promise.all(
    called.map(({ namespace, name }) =>
      client.insight<ServiceDetail>(
        `services/${encodeURIComponent(namespace)}/${encodeURIComponent(name)}`,
        parameters,
      ),
    ),
  );
  return details
    .flatMap(({ namespace, name, routes }) => routes.map((route) => ({ ...route, namespace, service: name })))
    .sort((a, b) => b.spans - a.spans);
}

function tableOf(rows: readonly Row[]): string {
  if (rows.length === 0) return "no request was traced; send one, or look further back: --window 10m";
  const header = ["SERVICE", "VERSION", "ROUTE", "TRACED", "SUCCESS", "P50", "P95", "P99", "SELF"];
  const cells = rows.map(({ service, version, route, spans, errorShare, latency, selfMs }) => [
    printable(service),
    printable(version) || "-",
    printable(route),
    String(spans),
    percent(1 - errorShare),
    milliseconds(latency.p50Ms),
    milliseconds(latency.p95Ms),
    milliseconds(latency.p99Ms),
    milliseconds(selfMs),
  ]);
  return formatTable(cells, { header, right: [3, 4, 5, 6, 7, 8] });
}
