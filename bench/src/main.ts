/** `npm run bench -- hop|full|mesh|telemetry|bodies|soak|push`: the benchmarks, as ratios in one run. See bench/README.md. */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { BenchError } from "./errors.ts";
import { bodies } from "./bodies/bodies.ts";
import { FULL_FEATURED, ROUTER_ONLY, hop } from "./hop/hop.ts";
import { mesh } from "./mesh/mesh.ts";
import { push } from "./push/push.ts";
import { soak } from "./soak/soak.ts";
import { telemetry } from "./telemetry/telemetry.ts";

const USAGE = `Usage: npm run bench -- BENCHMARK [options]

  hop        one proxy hop, router only: Tulle, Envoy, nginx and haproxy side by side
  full       the same hop with everything that a sidecar has switched on
  mesh       two sidecars with mutual TLS between them
  telemetry  one gateway with more and more telemetry switched on
  bodies     long bodies, down and up: CPU for each gigabyte, and memory with readers that are slow
  soak       whether the proxy grows: its memory over millions of requests
  push       the control plane: a change, from the file to the last proxy

BENCHMARK --help shows its options.
`;

const BUNDLE = join(import.meta.dirname, "..", "..", "scripts", "bundle.ts");

const [benchmark, ...args] = process.argv.slice(2);
try {
  // As installed: of sources that have changed since, the launcher would take the sources.
  execFileSync(process.execPath, [BUNDLE], { stdio: "ignore" });
  if (process.platform !== "linux") throw new BenchError("the benchmarks pin to cores and read /proc: they need Linux");
  if (benchmark === "hop") await hop(args, ROUTER_ONLY);
  else if (benchmark === "full") await hop(args, FULL_FEATURED);
  else if (benchmark === "mesh") await mesh(args);
  else if (benchmark === "telemetry") await telemetry(args);
  else if (benchmark === "bodies") await bodies(args);
  else if (benchmark === "soak") await soak(args);
  else if (benchmark === "push") await push(args);
  else if (benchmark === "--help" || benchmark === undefined) process.stdout.write(USAGE);
  else throw new BenchError(`no such benchmark: ${benchmark}\n\n${USAGE}`);
} catch (error) {
  const badOption = error instanceof TypeError && "code" in error && String(error.code).startsWith("ERR_PARSE_ARGS");
  if (!(error instanceof BenchError || badOption)) throw error;
  process.stderr.write(`bench: ${error.message}\n`);
  process.exitCode = 1;
}
