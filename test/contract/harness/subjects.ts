import { EnvoyError, startEnvoy } from "../../support/envoy.ts";
import type { Host } from "./host.ts";
import type { Subject } from "./subject.ts";

/** Access logs are written this often instead of every 10 s. */
const FLUSH = ["--file-flush-interval-msec", "10"];

/** A stock Envoy, a process for each case: it is up in well under 100 ms. */
export function envoySubject(host: Host): Subject {
  return {
    start: async (bootstrap) => {
      try {
        const envoy = await startEnvoy({ bootstrap, args: FLUSH, logLevel: "error" });
        return { ports: await envoy.listenerPorts(), adminPort: envoy.adminPort, stop: envoy.stop };
      } catch (error) {
        if (error instanceof EnvoyError && error.message.includes("exited with 1")) return { refusal: error.message };
        throw error;
      }
    },
    controlPlane: (folder, identities) => host.controlPlane(folder, identities),
  };
}

export function tulleSubject(host: Host): Subject {
  return {
    start: (bootstrap) => host.proxy(bootstrap),
    controlPlane: (folder, identities) => host.controlPlane(folder, identities),
  };
}
