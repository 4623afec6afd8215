/** The operational log of the parts that this process runs: one line an event on stderr. */
import type { Log } from "@tulle/xds";

const SEVERITY = { trace: 0, debug: 0, info: 1, warn: 2, warning: 2, error: 3, critical: 4, off: 5 } as const;

/** A log for the control plane, of `level` (Envoy's names) and above. */
export function controlPlaneLog(level: Exclude<keyof typeof SEVERITY, "warn">): Log {
  return (severity, message, fields) => {
    if (SEVERITY[severity] < SEVERITY[level]) return;
    const details = Object.entries(fields ?? {}).map(([name, value]) => ` ${name}=${shown(value)}`);
    process.stderr.write(`${new Date().toISOString()} ${severity.padEnd(5)} ${message}${details.join("")}\n`);
  };
}

function shown(value: unknown): string {
  if (value instanceof Error) return JSON.stringify(value.message);
  return typeof value === "string" && /^[\w.:/|@~-]+$/.test(value) ? value : (JSON.stringify(value) ?? "undefined");
}
