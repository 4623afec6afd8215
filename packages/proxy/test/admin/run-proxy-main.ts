/** What `tulle proxy` does, as a process of its own: bootstrap file and drain time in milliseconds as arguments. */
import { runProxy } from "../../src/index.ts";

const [file, drainTimeMs] = process.argv.slice(2);
process.exitCode = await runProxy({
  file,
  logLevel: "info",
  drainTimeMs: Number(drainTimeMs),
  onReady: (proxy) => process.stdout.write(`${JSON.stringify(proxy.listenerAddresses())}\n`),
});
