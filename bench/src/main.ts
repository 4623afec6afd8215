/** `npm run bench -- hop|push`: the benchmarks, as ratios in one run. See bench/README.md. */
import { BenchError } from "./errors.ts";
import { hop } from "./hop/hop.ts";
import { push } from "./push/push.ts";

const USAGE = `Usage: npm run bench -- BENCHMARK [options]

  hop     one proxy hop: Tulle, Envoy, nginx and haproxy side by side
  push    the control plane: a change, from the file to the last proxy

BENCHMARK --help shows its options.
`;

const [benchmark, ...args] = process.argv.slice(2);
try {
  if (process.platform !== "linux") throw new BenchError("the benchmarks pin to cores and read /proc: they need Linux");
  if (benchmark === "hop") await hop(args);
  else if (benchmark === "push") await push(args);
  else if (benchmark === "--help" || benchmark === undefined) process.stdout.write(USAGE);
  else throw new BenchError(`no such benchmark: ${benchmark}\n\n${USAGE}`);
} catch (error) {
  const badOption = error instanceof TypeError && "code" in error && String(error.code).startsWith("ERR_PARSE_ARGS");
  if (!(error instanceof BenchError || badOption)) throw error;
  process.stderr.write(`bench: ${error.message}\n`);
  process.exitCode = 1;
}
