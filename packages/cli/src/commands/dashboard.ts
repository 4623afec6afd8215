import { spawn } from "node:child_process";
import { defineCommand } from "../command.ts";
import { apiOptions, connect } from "../control-plane/options.ts";
import { defaultStateDir, locate } from "../control-plane/locate.ts";
import { formatAddress } from "../options.ts";

export const dashboard = defineCommand({
  name: "dashboard",
  summary: "opens the console in a browser",
  usage: ["dashboard [--no-open]"],
  description: `Prints the console's address, which is the control plane's, and opens it in this machine's browser. Where there is none, as over ssh, the
address is what you need: --no-open prints no more than that.`,
  examples: [
    { command: "tulle dashboard", does: "open it" },
    { command: "tulle dashboard --no-open", does: "print where it is" },
  ],
  options: { "no-open": { type: "flag", help: "print the address only" }, ...apiOptions },
  run: async ({ options }) => {
    // Says what is wrong if nobody is there.
    await connect(options).version();
    const { address } = locate("http", options.http, options["state-dir"] ?? defaultStateDir());
    const url = `http://${formatAddress(address)}/`;
    console.log(url);
    if (!options["no-open"]) await open(url);
    return 0;
  },
});

const OPENERS: Partial<Record<NodeJS.Platform, readonly string[]>> = {
  darwin: ["open"],
  win32: ["cmd", "/c", "start", ""],
};

/** A machine without a browser is no error: the address has been printed. */
function open(url: string): Promise<void> {
  const [command, ...args] = OPENERS[process.platform] ?? ["xdg-open"];
  return new Promise((resolve) => {
    const child = spawn(command!, [...args, url], { stdio: "ignore", detached: true });
    child.once("spawn", () => {
      child.unref();
      resolve();
    });
    child.once("error", () => {
      process.stderr.write("no browser could be opened\n");
      resolve();
    });
  });
}
