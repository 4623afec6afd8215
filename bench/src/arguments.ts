/** Options that benchmarks have in common, and how they are read; mistakes are BenchErrors. */
import { BenchError } from "./errors.ts";
import { allowedCpus } from "./process-tree.ts";

export const COMMON_OPTIONS = {
  cores: { type: "string" },
  json: { type: "boolean", default: false },
  help: { type: "boolean", default: false },
} as const;

/** Of those that compare peers, saturated and at one rate. */
export const LOAD_OPTIONS = {
  rounds: { type: "string", default: "5" },
  seconds: { type: "string", default: "4" },
  connections: { type: "string", default: "32,4" },
  rate: { type: "string" },
  tulle: { type: "string" },
  ...COMMON_OPTIONS,
} as const;

interface LoadValues {
  readonly rounds: string;
  readonly seconds: string;
  readonly connections: string;
  readonly rate?: string;
}

/** @param peers those that are measured: without a rate of the user's it is half of what Envoy reaches */
export function readLoad(values: LoadValues, peers: readonly string[]) {
  const rate = values.rate === undefined ? undefined : positive("rate", values.rate);
  if (rate === undefined && !peers.includes("envoy")) throw new BenchError("without envoy among --peers give a --rate");
  return {
    rounds: positive("rounds", values.rounds),
    seconds: positive("seconds", values.seconds),
    connections: values.connections.split(",").map((count) => positive("connections", count)),
    rate,
  };
}

export function positive(name: string, value: string): number {
  const number = Number(value);
  if (!(number > 0) || !Number.isInteger(number))
    throw new BenchError(`--${name} ${value}: expected a whole number above 0`);
  return number;
}

/** A comma-separated list of known names. */
export function list<T extends string>(name: string, value: string, known: readonly T[]): T[] {
  return value.split(",").map((item) => {
    const found = known.find((each) => each === item);
    if (found === undefined) throw new BenchError(`--${name} ${item}: expected one of ${known.join(", ")}`);
    return found;
  });
}

/** Two different cores: for what is measured, and for what loads it. */
export function chooseCores(value: string | undefined): [measured: number, load: number] {
  const allowed = allowedCpus();
  const [measured, load] = value === undefined ? allowed : value.split(",").map(Number);
  if (
    measured === undefined ||
    load === undefined ||
    measured === load ||
    ![measured, load].every((core) => allowed.includes(core))
  ) {
    throw new BenchError(
      `two cores are needed, such as --cores 0,1; this process may use ${allowed.join(",") || "none"}`,
    );
  }
  return [measured, load];
}
