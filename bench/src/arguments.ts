/** Options that both benchmarks read alike; mistakes are BenchErrors. */
import { BenchError } from "./errors.ts";
import { allowedCpus } from "./process-tree.ts";

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
