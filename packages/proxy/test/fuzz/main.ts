/**
 * `npm run fuzz -- [TARGET] [--seconds N] [--runs N] [--seed S] [--json]`: random inputs for N seconds, or so many, to one target or to
 * all, one after the other. Ends with 1 if something was found; the seed finds it again.
 */
import { parseArgs } from "node:util";
import { fuzz } from "./fuzzer.ts";
import { TARGETS } from "./targets.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: "string", default: "10" },
    runs: { type: "string", default: "Infinity" },
    seed: { type: "string" },
    json: { type: "boolean", default: false },
  },
});
const seed = Number(values.seed ?? Date.now() % 1_000_000_007);
const names = positionals.length === 0 ? Object.keys(TARGETS) : positionals;

for (const name of names) {
  if (!Object.hasOwn(TARGETS, name)) {
    console.error(`no target ${name}; there are ${Object.keys(TARGETS).join(", ")}`);
    process.exit(2);
  }
  const started = performance.now();
  const until = started + Number(values.seconds) * 1000;
  const { runs, finding } = fuzz(
    TARGETS[name],
    seed,
    (done) => done < Number(values.runs) && performance.now() < until,
  );
  const seconds = Math.round(performance.now() - started) / 1000;
  if (values.json) console.log(JSON.stringify({ target: name, seed, runs, seconds, finding }));
  else {
    console.log(
      `${name}: ${runs} inputs in ${seconds} s, seed ${seed}: ${finding === null ? "nothing found" : finding.error}`,
    );
    if (finding !== null) console.log(JSON.stringify(finding.pieces));
  }
  if (finding !== null) process.exitCode = 1;
}
