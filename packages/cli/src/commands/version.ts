import { readFileSync } from "node:fs";
import { join } from "node:path";
import { defineCommand } from "../command.ts";
import { outputOption, structured } from "../insight/options.ts";

export const version = defineCommand({
  name: "version",
  summary: "prints the version",
  usage: ["version [-o table|json|yaml]"],
  description: "The version of this command, and of the Node.js that runs it.",
  examples: [
    { command: "tulle version", does: "for people" },
    { command: "tulle version -o json", does: "for scripts" },
  ],
  options: { output: outputOption },
  run: async ({ options }) => {
    const { version } = JSON.parse(readFileSync(join(import.meta.dirname, "../../package.json"), "utf8")) as {
      version: string;
    };
    const node = process.versions.node;
    if (options.output === "json") console.log(JSON.stringify({ version, node }));
    else if (options.output === "yaml") console.log(structured({ version, node }, options.output));
    else console.log(`tulle ${version} (Node.js ${node})`);
    return 0;
  },
});
