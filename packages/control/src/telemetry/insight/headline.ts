/** One sentence that says which service causes the delay, with the numbers. */
import type { ObjectRef, SlowAnswer, SlowRow } from "@tulle/telemetry/insight";

type Said = Pick<SlowAnswer, "rows" | "culprit" | "requests" | "windowSeconds" | "recentSeconds">;

export function headlineOf({ rows, culprit, requests, windowSeconds, recentSeconds }: Said): string {
  const row = culprit === null ? undefined : rows[culprit];
  if (row === undefined) return "Nothing stands out.";
  const spent = row.recent ?? row.now;
  const seconds = row.recent === null ? windowSeconds : recentSeconds;
  const whole = spent.share === 0 ? 0 : spent.msPerRequest / spent.share;
  const numbers = [
    `${milliseconds(spent.msPerRequest)} of the ${milliseconds(whole)} that a request takes (${percent(spent.share)})`,
    `${milliseconds(spent.msPerCall)} for each of ${Math.round(spent.calls)} calls in ${seconds} s`,
  ];
  if (requests.before !== null && Math.abs(row.changeMs) >= 0.1) {
    const sign = row.changeMs > 0 ? "+" : "−";
    numbers.push(`${sign}${milliseconds(Math.abs(row.changeMs))} a request against the ${windowSeconds} s before`);
  }
  return `${subjectOf(row)}: ${numbers.join(", ")}.`;
}

function subjectOf(row: SlowRow): string {
  const { service, version, route, from, kind, because } = row;
  const called = [service, version].filter((part) => part !== "").join(" ");
  const name = route === "" ? called : `${called} (route ${route})`;
  const caller = from === null ? "" : [from.name, from.version].filter((part) => part !== "").join(" ");
  if (kind === "service") return `Most of the delay is ${name} itself`;
  if (kind === "network") return `The way from ${caller} to ${name}`;
  if (kind === "retries") return `Retries of ${caller} to ${name}`;
  const by = because.length === 0 ? "" : `, by ${because.map(objectText).join(" and ")}`;
  return `A delay injected into ${name}, called by ${caller}${by}`;
}

function objectText({ kind, namespace, name, field, file, line }: ObjectRef): string {
  const at = file === undefined ? "" : ` (${file}${line === undefined ? "" : `:${line}`})`;
  return `${kind} ${namespace}/${name}${field === undefined ? "" : ` ${field}`}${at}`;
}

function milliseconds(ms: number): string {
  if (ms >= 10_000) return `${(ms / 1000).toFixed(1)} s`;
  return `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}
