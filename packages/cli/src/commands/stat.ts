import type { EdgeRow, GoldenSignals, ServiceDetail, ServicesAnswer } from "@tulle/telemetry/insight";
import { defineCommand } from "../command.ts";
import type { ControlPlaneClient } from "../control-plane/client.ts";
import { connect } from "../control-plane/options.ts";
import { CliError } from "../errors.ts";
import { bytesPerSecond, milliseconds, percent, printable, rate } from "../insight/format.ts";
import { outputOption, query, structured, trafficOptions, watch } from "../insight/options.ts";
import { style } from "../terminal/style.ts";
import { formatTable } from "../terminal/table.ts";

export const stat = defineCommand({
  name: "stat",
  summary: "shows success, rate and latency of services, their versions or their callers",
  usage: [
    "stat [SERVICE…] [-n NS|-A] [--by service|version|caller] [--from NAME] [--window 1m] [-w] [-o table|json|yaml]",
  ],
  description: `One line a service, as its callers have counted it: SUCCESS is the share of requests that were not answered with 5xx, a gRPC error
or not at all; latencies are the service's own, interpolated within the buckets of Istio's histograms; MTLS is the share that came by
mutual TLS. --by version has one line for each version, --by caller one for each workload that calls it, --from only those of one caller.
A service that was not called has no numbers.`,
  examples: [
    { command: "tulle stat", does: "the services of namespace default" },
    { command: "tulle stat reviews --by version -w", does: "versions side by side, live" },
    { command: "tulle stat -A --from productpage", does: "what one workload gets from whom" },
  ],
  options: {
    ...trafficOptions,
    by: {
      type: "choice",
      value: "WHAT",
      choices: ["service", "version", "caller"],
      default: "service",
      help: "one line for each",
    },
    from: { type: "string", value: "NAME", help: "only what this service or workload sends" },
    watch: { type: "flag", short: "w", help: "again and again, until stopped" },
    output: outputOption,
  },
  positionals: { min: 0, max: 100 },
  run: async ({ options, positionals }) => {
    const client = connect(options);
    const parameters = query(options);
    const by = options.from === undefined ? options.by : "caller";
    const rows = (): Promise<readonly Row[]> => rowsOf(client, parameters, positionals, by, options.from);
    if (options.output !== "table") {
      console.log(structured(await rows(), options.output));
      return 0;
    }
    const table = async (): Promise<string> => tableOf(await rows(), options["all-namespaces"], by);
    if (options.watch) await watch(table);
    else console.log(await table());
    return 0;
  },
});

interface Row extends Pick<GoldenSignals, "http" | "tcp" | "mtls"> {
  readonly namespace: string;
  readonly service: string;
  /** Version or caller. */
  readonly of: string;
}

async function rowsOf(
  client: ControlPlaneClient,
  parameters: Record<string, string>,
  names: readonly string[],
  by: string,
  from: string | undefined,
): Promise<readonly Row[]> {
  const { services, at, windowSeconds, since } = await client.insight<ServicesAnswer>("services", parameters);
  if (since > at - windowSeconds * 1000) {
    const seconds = Math.max(1, Math.round((at - since) / 1000));
    process.stderr.write(`${style.dim(`rates are over ${seconds} s: nothing was counted before`, process.stderr)}\n`);
  }
  const missing = names.filter((name) => !services.some((service) => service.name === name));
  if (missing.length > 0) {
    throw new CliError(`nothing is known of a service ${missing.join(", ")}`, ["All that there are: tulle stat -A"]);
  }
  const wanted = services.filter(({ name }) => names.length === 0 || names.includes(name));
  if (by === "service") return wanted.map((service) => ({ ...service, service: service.name, of: "" }));
  const details = await Promise.all(
    wanted.map(({ namespace, name }) =>
      client.insight<ServiceDetail>(
        `services/${encodeURIComponent(namespace)}/${encodeURIComponent(name)}`,
        parameters,
      ),
    ),
  );
  return details.flatMap(({ namespace, name, byVersion, callers }): readonly Row[] =>
    by === "version"
      ? byVersion.map((version) => ({ ...version, namespace, service: name, of: version.version }))
      : callers
          .filter((edge) => from === undefined || isFrom(edge, from))
          .map((edge) => callerRow(edge, namespace, name)),
  );
}

function isFrom({ from }: EdgeRow, name: string): boolean {
  return from.name === name || from.workload === name;
}

function callerRow({ from, http, grpc, tcp, mtls }: EdgeRow, namespace: string, service: string): Row {
  return { namespace, service, of: [from.name, from.version].join(" ").trimEnd(), http: http ?? grpc, tcp, mtls };
}

function tableOf(rows: readonly Row[], withNamespace: boolean, by: string): string {
  const header = [
    ...(withNamespace ? ["NAMESPACE"] : []),
    "SERVICE",
    ...(by === "service" ? [] : [by === "version" ? "VERSION" : "FROM"]),
    "SUCCESS",
    "RPS",
    "P50",
    "P95",
    "P99",
    "MTLS",
    "TCP",
  ];
  const cells = rows.map(({ namespace, service, of, http, tcp, mtls }) => [
    ...(withNamespace ? [printable(namespace) || "-"] : []),
    printable(service),
    ...(by === "service" ? [] : [printable(of) || "-"]),
    http === null ? "-" : success(http.errorShare),
    http === null ? "-" : rate(http.rps),
    milliseconds(http?.latency.p50Ms ?? null),
    milliseconds(http?.latency.p95Ms ?? null),
    milliseconds(http?.latency.p99Ms ?? null),
    percent(mtls.share, 0),
    tcp === null ? "-" : bytesPerSecond(tcp.sentBytesPerSecond + tcp.receivedBytesPerSecond),
  ]);
  if (cells.length === 0) return "nothing was called";
  const first = header.indexOf("SUCCESS");
  return formatTable(cells, { header, right: Array.from({ length: 7 }, (_, i) => first + i) });
}

function success(errorShare: number): string {
  const text = percent(1 - errorShare, errorShare > 0 && errorShare < 0.001 ? 2 : 1);
  if (errorShare === 0) return style.good(text);
  return errorShare < 0.1 ? style.caution(text) : style.bad(text);
}
