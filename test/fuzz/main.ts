/**
 * `npm run fuzz -- [TARGET…] [--seconds N] [--runs N] [--seed S] [--json]`: random inputs for N seconds, or so many, to some targets or to
 * all that need nothing but Node, one after the other. `differential`: random configurations and requests on Envoy and Tulle side by side;
 * `authorization`: random policies and requests, decided by Istio's reference and by us; `promql`: random queries, answered by Prometheus and by us.
 * Ends with 1 if something was found; the seed finds it again.
 */
import { parseArgs } from "node:util";
import { fuzz } from "../../packages/proxy/test/fuzz/fuzzer.ts";
import { TARGETS } from "../../packages/proxy/test/fuzz/targets.ts";
import { compare as compareDecisions } from "../authorization/compare.ts";
import { compare as compareQueries } from "../promql/compare.ts";
import { differential } from "./differential.ts";

const DIFFERENTIAL = "differential";
const AUTHORIZATION = "authorization";
const PROMQL = "promql";
/** Pairs between two looks at the clock. */
const PAIRS = 20_000;
/** Queries of one set of series. */
const QUERIES = 2000;
/** Enough for one to be made small enough to read. */
const REDUCE_MS = 30_000;

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
const [seconds, runs] = [Number(values.seconds), Number(values.runs)];
const names = positionals.length === 0 ? Object.keys(TARGETS) : positionals;

for (const name of names) {
  if (name === DIFFERENTIAL) await compare();
  else if (name === AUTHORIZATION) decideMany();
  else if (name === PROMQL) await queryMany();
  else if (Object.hasOwn(TARGETS, name)) run(name);
  else {
    console.error(
      `no target ${name}; there are ${[...Object.keys(TARGETS), DIFFERENTIAL, AUTHORIZATION, PROMQL].join(", ")}`,
    );
    process.exit(2);
  }
}

function decideMany(): void {
  const until = performance.now() + seconds * 1000;
  let done = 0;
  for (let more = 0; done < runs && performance.now() < until; more++) {
    const { pairs, differences } = compareDecisions(Math.min(PAIRS, runs - done), seed + more);
    done += pairs;
    if (differences.length === 0) continue;
    process.exitCode = 1;
    console.log(JSON.stringify({ target: AUTHORIZATION, seed: seed + more, differences }));
    return;
  }
  console.log(
    values.json
      ? JSON.stringify({ target: AUTHORIZATION, seed, runs: done, differences: [] })
      : `${AUTHORIZATION}: ${done} pairs, seed ${seed}: no differences`,
  );
}

async function queryMany(): Promise<void> {
  const until = performance.now() + seconds * 1000;
  let done = 0;
  for (let more = 0; done < runs && performance.now() < until; more++) {
    const { count, differences } = await compareQueries(Math.min(QUERIES, runs - done), seed + more);
    done += count;
    if (differences.length === 0) continue;
    process.exitCode = 1;
    console.log(JSON.stringify({ target: PROMQL, seed: seed + more, differences }));
    return;
  }
  console.log(
    values.json
      ? JSON.stringify({ target: PROMQL, seed, runs: done, differences: [] })
      : `${PROMQL}: ${done} queries, seed ${seed}: no differences`,
  );
}

function run(name: string): void {
  const started = performance.now();
  const until = started + seconds * 1000;
  const { runs: done, finding } = fuzz(TARGETS[name]!, seed, (count) => count < runs && performance.now() < until);
  const took = Math.round(performance.now() - started) / 1000;
  if (values.json) console.log(JSON.stringify({ target: name, seed, runs: done, seconds: took, finding }));
  else {
    console.log(
      `${name}: ${done} inputs in ${took} s, seed ${seed}: ${finding === null ? "nothing found" : finding.error}`,
    );
    if (finding !== null) console.log(JSON.stringify(finding.pieces));
  }
  if (finding !== null) process.exitCode = 1;
}

async function compare(): Promise<void> {
  const result = await differential({
    seed,
    seconds,
    runs,
    maxFound: 20,
    reduceMs: REDUCE_MS,
    tell: (line) => values.json || console.log(line),
  });
  const { configurations, refused, exchanges, found } = result;
  if (values.json) console.log(JSON.stringify({ target: DIFFERENTIAL, seed, ...result }));
  else {
    console.log(
      `${DIFFERENTIAL}: ${exchanges} exchanges, ${configurations} configurations (${refused} refused by both), seed ${seed}: ${found.length} differences`,
    );
  }
  if (found.length > 0) process.exitCode = 1;
}
