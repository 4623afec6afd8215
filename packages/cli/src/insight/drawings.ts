/** The graph in the languages that draw it elsewhere. Names are quoted by each language's rules: they may hold anything. */
import type { Graph, GraphEdge } from "@tulle/telemetry/insight";
import { milliseconds, percent, printable, rate } from "./format.ts";

/** Graphviz. (graphviz.org/doc/info/lang.html: in double-quoted strings only `"` is escaped, and `\` would begin an escape) */
export function dot({ nodes, edges }: Graph): string {
  const quoted = (text: string): string => `"${printable(text).replace(/[\\"]/g, (character) => `\\${character}`)}"`;
  return [
    "digraph mesh {",
    "  rankdir=LR;",
    "  node [shape=box, style=rounded];",
    ...nodes.map(({ id, ...node }) => `  ${quoted(id)} [label=${quoted(labelOf(node))}];`),
    ...edges.map((edge) => `  ${quoted(edge.source)} -> ${quoted(edge.target)} [label=${quoted(trafficOf(edge))}];`),
    "}",
  ].join("\n");
}

/** Mermaid. (mermaid.js.org/syntax/flowchart.html: entity codes in quoted text) */
export function mermaid({ nodes, edges }: Graph): string {
  const names = new Map(nodes.map(({ id }, index) => [id, `n${index}`]));
  const quoted = (text: string): string =>
    `"${printable(text).replace(/[^\p{L}\p{N} .,:/%_@()-]/gu, (character) => `#${character.codePointAt(0)};`)}"`;
  return [
    "flowchart LR",
    ...nodes.map(({ id, ...node }) => `  ${names.get(id)}[${quoted(labelOf(node))}]`),
    ...edges.map((edge) => `  ${names.get(edge.source)} -->|${quoted(trafficOf(edge))}| ${names.get(edge.target)}`),
  ].join("\n");
}

export function labelOf({ name, version }: { readonly name: string; readonly version: string }): string {
  return version === "" || name.endsWith(version) ? name : `${name} ${version}`;
}

function trafficOf({ http, grpc, tcp, latency }: GraphEdge): string {
  const stats = http ?? grpc;
  if (stats === null) return tcp === null ? "" : "tcp";
  const failed = stats.errorShare > 0 ? `, ${percent(stats.errorShare)} failed` : "";
  const { p95Ms } = latency.destination.p95Ms === null ? latency.source : latency.destination;
  return `${rate(stats.rps)} rps${failed}${p95Ms === null ? "" : `, p95 ${milliseconds(p95Ms)}`}`;
}
