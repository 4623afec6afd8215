/** What kind of difference it is: two findings of one kind are most likely one. */
import type { Difference } from "./bout.ts";

export function signature({ envoy, tulle }: Difference): string {
  if (envoy.refused !== tulle.refused) return `refused ${masked(`${envoy.stuck ?? ""}${tulle.stuck ?? ""}`)}`;
  const kinds = new Set<string>();
  const [left, right] = [envoy.client?.["c"], tulle.client?.["c"]];
  if (left?.end !== right?.end) kinds.add(`end ${left?.end} ${right?.end}`);
  lines("response", left?.received ?? [], right?.received ?? [], kinds);
  const upstreams = (seen: Difference["envoy"]): string[] =>
    Object.values(seen.upstreams ?? {}).flatMap((streams) => streams.flatMap(({ received }) => received));
  lines("request", upstreams(envoy), upstreams(tulle), kinds);
  logs(envoy.log ?? [], tulle.log ?? [], kinds);
  return [...kinds].sort().join("; ");
}

/** Names of headers that only one of them has, or has otherwise; first lines as they are. */
function lines(where: string, left: readonly string[], right: readonly string[], kinds: Set<string>): void {
  const only = (mine: readonly string[], other: readonly string[], sign: string): void => {
    for (const line of mine.filter((each) => !other.includes(each))) {
      const name = /^[-\w]+(?=:)/.exec(line)?.[0];
      kinds.add(`${where} ${sign}${name ?? (line.startsWith("HTTP/") ? line : masked(line))}`);
    }
  };
  only(left, right, "-");
  only(right, left, "+");
  if (kinds.size === 0 && left.join("\n") !== right.join("\n")) kinds.add(`${where} order`);
}

/** Fields of a line of the log that are not the same. */
function logs(left: readonly string[], right: readonly string[], kinds: Set<string>): void {
  if (left.length !== right.length) kinds.add(`log lines ${left.length} ${right.length}`);
  for (const [i, line] of left.entries()) {
    const other = right[i]?.split(" ");
    for (const [field, text] of line.split(" ").entries()) {
      if (other !== undefined && other[field] !== text)
        kinds.add(`log ${field}: ${masked(text)} ${masked(other[field] ?? "")}`);
    }
  }
}

function masked(text: string): string {
  return text
    .replaceAll(/[a-z]+/gi, "a")
    .replaceAll(/\d+/g, "0")
    .slice(0, 40);
}
