/** What the push benchmark prints, and its JSON. */
import type { Spread } from "../statistics.ts";
import { table } from "../table.ts";
import { BUDGET, ISTIOD } from "./istiod.ts";

export interface ChangeResult {
  /** From the file's replacement until the first and the last proxy had it, milliseconds. */
  firstMs: Spread;
  lastMs: Spread;
  /** CPU of the control plane from the file's replacement until all was quiet, milliseconds. */
  cpuMs: Spread;
  /** gRPC message bytes. */
  bytesPerProxy: Spread;
}

export interface PushResult {
  services: number;
  proxies: number;
  changes: number;
  /** From the start of the process until it says that it is ready, with all of the configuration read. */
  startMs: number;
  /** RSS before the first proxy connects, MiB. */
  idleRssMb: number;
  cold: { ms: number; cpuMs: number; rssMb: number; peakRssMb: number; bytesPerProxy: number };
  weight: ChangeResult;
  endpoint: ChangeResult;
  /** RSS after all changes, MiB. */
  rssMb: number;
}

export function format(result: PushResult): string {
  const { services, proxies, changes, cold, weight, endpoint } = result;
  const comparable = services === ISTIOD.services && proxies === ISTIOD.proxies;
  const rows = [
    ["cold connect, last complete", `${cold.ms.toFixed(0)} ms`, "", `${BUDGET.cold.ms} ms`, `${ISTIOD.cold.ms} ms`],
    ["  control-plane CPU", `${cold.cpuMs.toFixed(0)} ms`, "", "", `${ISTIOD.cold.cpuMs} ms`],
    ["  RSS after", `${cold.rssMb.toFixed(0)} MB`, "", `${BUDGET.cold.rssMb} MB`, `${ISTIOD.cold.rssMb} MB`],
    ["  RSS peak", `${cold.peakRssMb.toFixed(0)} MB`, "", "", `${ISTIOD.cold.peakRssMb} MB`],
    ["  bytes to each proxy", cold.bytesPerProxy.toFixed(0), "", "", ""],
    ...changeRows("weight", weight, BUDGET.weight, ISTIOD.weight),
    ...changeRows("endpoint", endpoint, BUDGET.endpoint, ISTIOD.endpoint),
  ];
  const shown = comparable ? rows : rows.map((row) => row.slice(0, 3));
  const header = ["", "Tulle", "min–max", "budget", "istiod (quoted)"];
  return [
    `${services} services, ${proxies} proxies, ${changes} changes of each kind\n`,
    `ready after ${result.startMs.toFixed(0)} ms; RSS ${result.idleRssMb.toFixed(0)} MB before the first proxy, ${result.rssMb.toFixed(0)} MB at the end\n\n`,
    table(comparable ? header : header.slice(0, 3), shown),
    comparable
      ? `\nistiod: other machine time, changes given to it as objects; from a directory of YAML, as here: weight ${ISTIOD.weight.fromFilesMs} ms, endpoint ${ISTIOD.endpoint.fromFilesMs} ms\n`
      : "",
  ].join("");
}

interface Reference {
  lastMs: number;
  cpuMs: number;
  bytesPerProxy: number;
}

function changeRows(name: string, result: ChangeResult, budget: Reference, istiod: Reference): string[][] {
  const { firstMs, lastMs, cpuMs, bytesPerProxy } = result;
  const row = (label: string, spread: Spread, unit: string, ...references: (number | undefined)[]): string[] => {
    const digits = unit === "" ? 0 : 1;
    const range = `${spread.min.toFixed(digits)}–${spread.max.toFixed(digits)}`;
    const cells = references.map((value) => (value === undefined ? "" : `${value}${unit}`));
    return [label, `${spread.median.toFixed(digits)}${unit}`, range, ...cells];
  };
  return [
    row(`${name} change, last proxy has it`, lastMs, " ms", budget.lastMs, istiod.lastMs),
    row("  first proxy has it", firstMs, " ms", undefined, undefined),
    row("  control-plane CPU", cpuMs, " ms", budget.cpuMs, istiod.cpuMs),
    row("  bytes to each proxy", bytesPerProxy, "", budget.bytesPerProxy, istiod.bytesPerProxy),
  ];
}
