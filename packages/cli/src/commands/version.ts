import { readFileSync } from "node:fs";
import { join } from "node:path";
import { defineCommand } from "../command.ts";

export const version = defineCommand({
  name: "version",
  summary: "prints the version",
  usage: ["version [-o table|json]"],
  description: "The version of this command, and of the Node.js that runs it.",
  examples: [
    { command: "tulle version", does: "for people" },
    { command: "tulle version -o json", does: "for scripts" },
  ],
  options: {
    output: {
      type: "choice",
      short: "o",
      value: "FORMAT",
      choices: ["table", "json"],
      default: "table",
      help: "how to print it",
    },
  },
  run: async ({ options }) => {
    const { version } = JSON.parse(readFileSync(join(import.meta.dirname, "../../package.json"), "utf8")) as {
      version: string;
    };
    const node = process.versions.node;
    console.log(options.output === "json" ? JSON.stringify({ version, node }) : `tulle ${version} (Node.js ${node})`);
    return 0;
  },
});
