import type { Graph } from "@tulle/telemetry/insight";
import { defineCommand } from "../command.ts";
import { connect } from "../control-plane/options.ts";
import { dot, labelOf, mermaid } from "../insight/drawings.ts";
import { milliseconds, percent, printable, rate } from "../insight/format.ts";
import { query, structured, trafficOptions } from "../insight/options.ts";
import { style } from "../terminal/style.ts";
import { formatTable } from "../terminal/table.ts";

export const graph = defineCommand({
  name: "graph",
  summary: "shows who talks to whom, as a table or for programs that draw",
  usage: ["graph [-n NS|-A] [--type TYPE] [--collapse] [--at TIME] [--window 1m] [-o table|json|yaml|dot|mermaid]"],
  description: `The edges of the mesh in a window: how many requests, which share failed, how long they took (P95 as the called has measured it),
and how much went by mutual TLS. --type says what a node is; --collapse makes each namespace one. --at looks back: a time as RFC 3339 has
it, or ms since 1970. The same as the console's graph.`,
  examples: [
    { command: "tulle graph -A", does: "all edges" },
    { command: "tulle graph -o dot | dot -Tsvg > mesh.svg", does: "draw it with Graphviz" },
    { command: "tulle graph -A --type service -o mermaid", does: "for a page in Markdown" },
  ],
  options: {
    ...trafficOptions,
    type: {
      type: "choice",
      value: "TYPE",
      choices: ["versionedApp", "app", "service", "workload"],
      default: "versionedApp",
      help: "what a node is",
    },
    collapse: { type: "flag", help: "one node for each namespace" },
    at: { type: "string", value: "TIME", help: "when the window ends (default: now)" },
    output: {
      type: "choice",
      short: "o",
      value: "FORMAT",
      choices: ["table", "json", "yaml", "dot", "mermaid"],
      default: "table",
      help: "how to print it",
    },
  },
  run: async ({ options }) => {
    const answer = await connect(options).insight<Graph>("graph", {
      ...query(options),
      type: options.type,
      ...(options.collapse ? { collapse: "ns" } : {}),
      ...(options.at === undefined ? {} : { at: options.at }),
    });
    if (answer.emptyBecause !== "") process.stderr.write(`${answer.emptyBecause}\n`);
    if (options.output === "dot") console.log(dot(answer));
    else if (options.output === "mermaid") console.log(mermaid(answer));
    else if (options.output !== "table") console.log(structured(answer, options.output));
    else if (answer.edges.length > 0) console.log(tableOf(answer));
    return 0;
  },
});

function tableOf({ nodes, edges }: Graph): string {
  const names = new Map(nodes.map((node) => [node.id, printable(labelOf(node))]));
  const rows = edges.map((edge) => {
    const stats = edge.http ?? edge.grpc;
    const { p95Ms } = edge.latency.destination.p95Ms === null ? edge.latency.source : edge.latency.destination;
    return [
      names.get(edge.source) ?? edge.source,
      names.get(edge.target) ?? edge.target,
      `${edge.protocols.join("+")}${edge.isCopies ? " copies" : ""}`,
      stats === null ? "-" : rate(stats.rps),
      stats === null ? "-" : percent(stats.errorShare),
      milliseconds(p95Ms),
      percent(edge.mtls.share, 0),
      stateText(edge.health.state),
    ];
  });
  const header = ["FROM", "TO", "PROTOCOL", "RPS", "FAILED", "P95", "MTLS", "HEALTH"];
  return formatTable(rows, { header, right: [3, 4, 5, 6] });
}

function stateText(state: string): string {
  if (state === "healthy") return style.good(state);
  return state === "failure" ? style.bad(state) : style.caution(state);
}
