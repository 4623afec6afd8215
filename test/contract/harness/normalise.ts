/** Takes out of an observation what must differ from run to run, and shortens what nobody would read. */
import { createHash } from "node:crypto";
import { networkInterfaces } from "node:os";
import type { ContractCase, Observation } from "./case.ts";

export interface Varying {
  /** What the ports of this run are, for the record: `listener`, upstream names, `client`, `proxy`. */
  readonly ports: ReadonlyMap<number, string>;
  readonly mask: ContractCase["mask"];
  /** Everything that the case itself says: an id in it is not a generated one. */
  readonly own: string;
}

const UUID = /\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/g;
const HTTP_DATE = /\b\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT/g;
const ISO_DATE = /\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g;
const RECENT_MS = 24 * 3600 * 1000;

/** The address that a proxy puts in place of a loopback peer's. Envoy source/common/network/utility.cc, getLocalAddress. */
const localAddress = Object.values(networkInterfaces())
  .flatMap((each) => each ?? [])
  .find(({ family, internal }) => family === "IPv4" && !internal)?.address;

export function normalised(observation: Observation, varying: Varying): Observation {
  const ids = new Map<string, string>();
  const text = (value: string): string => shortened(withoutVarying(value, varying, ids));
  const each = (value: unknown): unknown => {
    if (typeof value === "string") return text(value);
    if (Array.isArray(value)) return value.map(each);
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, each(inner)]));
  };
  return each(observation) as Observation;
}

function withoutVarying(value: string, { ports, mask, own }: Varying, ids: Map<string, string>): string {
  let text = value
    .replace(/^x-envoy-upstream-service-time: \d+$/i, "x-envoy-upstream-service-time: {ms}")
    .replace(HTTP_DATE, now)
    .replace(ISO_DATE, now)
    .replace(UUID, (id) => {
      if (own.includes(id)) return id;
      const known = ids.get(id) ?? `{id ${ids.size + 1}${id[14] === "4" ? "" : ` ${id[14]}`}}`;
      ids.set(id, known);
      return known;
    })
    .replace(/(?<=\b127\.0\.0\.[12]:|\blocalhost:|\[::1\]:|\.test\.?:)\d+\b/gi, (port) => {
      const name = ports.get(Number(port));
      return name === undefined ? port : `{port ${name}}`;
    });
  if (localAddress !== undefined) text = text.replaceAll(localAddress, "{local address}");
  for (const [pattern, replacement] of mask ?? []) text = text.replace(pattern, replacement);
  return text;
}

function now(date: string): string {
  return Math.abs(Date.parse(date) - Date.now()) < RECENT_MS ? "{now}" : date;
}

const LONGEST_LINE = 1000;

function shortened(line: string): string {
  const text = line.replace(/(.)\1{63,}/g, (run, byte: string) => `{${run.length} × ${byte}}`);
  if (text.length <= LONGEST_LINE) return text;
  const hash = createHash("sha256").update(line, "latin1").digest("hex").slice(0, 16);
  return `${text.slice(0, 200)}{… ${line.length} bytes, ${hash}}`;
}
