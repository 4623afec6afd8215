import { defineCommand } from "../command.ts";
import { UsageError } from "../errors.ts";
import { LOG_LEVELS } from "../sidecar/options.ts";

export const proxy = defineCommand({
  name: "proxy",
  summary: "runs a proxy from an Envoy bootstrap file",
  usage: ["proxy -c BOOTSTRAP [--log-level LEVEL]"],
  description: `Does what envoy -c does: static resources, ADS, admin endpoint, as the file says. YAML or JSON. A field or extension that Tulle does
not have is refused by its path and type URL, never ignored. SIGTERM and Ctrl-C drain, then stop.`,
  examples: [
    { command: "tulle proxy -c envoy.yaml", does: "a proxy by itself" },
    { command: "tulle proxy -c envoy.yaml --log-level debug", does: "with what it does on stderr" },
  ],
  options: {
    "config-path": { type: "string", short: "c", value: "BOOTSTRAP", help: "the bootstrap file" },
    "log-level": {
      type: "choice",
      short: "l",
      value: "LEVEL",
      choices: LOG_LEVELS,
      default: "info",
      help: "what it writes to stderr",
    },
  },
  run: async ({ options }) => {
    const file = options["config-path"];
    if (file === undefined) throw new UsageError("no bootstrap file given: -c FILE");
    const { runProxy } = await import("@tulle/proxy");
    return runProxy({ file, logLevel: options["log-level"] });
  },
});
