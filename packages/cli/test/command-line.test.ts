import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { COMMANDS } from "../src/commands/index.ts";
import { commandHelp } from "../src/help.ts";

const LAUNCHER = join(import.meta.dirname, "../bin/tulle.js");

interface Result {
  code: number | null;
  stdout: string;
  stderr: string;
}

function tulle(...args: string[]): Promise<Result> {
  return new Promise((resolve, reject) => {
    const env = { ...process.env, TULLE_HTTP: "127.0.0.1:1", TULLE_XDS: "127.0.0.1:1" };
    const child = spawn(process.execPath, [LAUNCHER, ...args], { env });
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
    child.once("error", reject);
    child.once("close", (code) => resolve({ code, stdout, stderr }));
  });
}

describe("the command line", () => {
  test("without a command shows the overview and ends with 2", async () => {
    const { code, stdout, stderr } = await tulle();
    assert.equal(code, 2);
    assert.equal(stdout, "");
    assert.match(stderr, /Commands/);
  });

  test("help names every command and goes to stdout without colours", async () => {
    const { code, stdout } = await tulle("help");
    assert.equal(code, 0);
    for (const name of Object.keys(COMMANDS)) assert.match(stdout, new RegExp(`^  ${name} `, "m"));
    assert.ok(!stdout.includes("\x1b"), "colours on what is no terminal");
  });

  test("help of a command is the same in all its forms", async () => {
    const [first, ...others] = await Promise.all([tulle("help", "run"), tulle("run", "--help"), tulle("run", "-h")]);
    for (const other of others) assert.equal(other.stdout, first.stdout);
    assert.match(first.stdout, /--service NAME/);
  });

  test("an unknown command is a usage error with a suggestion", async () => {
    const { code, stderr } = await tulle("aply", "-f", "x");
    assert.equal(code, 2);
    assert.match(stderr, /unknown command aply/);
    assert.match(stderr, /Did you mean tulle apply\?/);
  });

  test("an unknown option, a missing argument and a missing -- are usage errors that name the way out", async () => {
    const [option, argument, program, kind] = await Promise.all([
      tulle("up", "--confg", "x"),
      tulle("get"),
      tulle("run", "--service", "web", "node", "server.js"),
      tulle("get", "virtualservise"),
    ]);
    assert.equal(option.code, 2);
    assert.match(option.stderr, /Did you mean --config\?/);
    assert.equal(argument.code, 2);
    assert.match(argument.stderr, /Usage: tulle get KIND/);
    assert.equal(program.code, 2);
    assert.match(program.stderr, /put -- before the program/);
    assert.equal(kind.code, 2);
    assert.match(kind.stderr, /Did you mean virtualservice\?/);
  });

  test("a control plane that is not there is an error that says how to start one", async () => {
    const { code, stderr } = await tulle("proxies");
    assert.equal(code, 1);
    assert.match(stderr, /no control plane at 127\.0\.0\.1:1 \(from TULLE_HTTP\)/);
    assert.match(stderr, /tulle up/);
  });

  test("version says the version of package.json, also as JSON", async () => {
    const { code, stdout } = await tulle("version", "-o", "json");
    assert.equal(code, 0);
    assert.deepEqual(JSON.parse(stdout), { version: "0.1.0", node: process.versions.node });
  });

  test("a demo of a directory that is not there is refused at once, and makes none", async () => {
    const missing = join(tmpdir(), "tulle-no-such-directory");
    const { code, stderr } = await tulle("demo", "--once", "--port", "0", "--config", missing);
    assert.equal(code, 1);
    assert.match(stderr, /--config .*tulle-no-such-directory: no such directory/);
    assert.equal(existsSync(missing), false);
  });
});

test("every command with a form of output to choose has a table, JSON and YAML", async () => {
  for (const load of Object.values(COMMANDS)) {
    const { name, options } = await load();
    const output = Object.hasOwn(options, "output") ? options["output"] : undefined;
    if (output?.type !== "choice") continue;
    for (const form of ["table", "json", "yaml"]) assert.ok(output.choices.includes(form), `tulle ${name} -o ${form}`);
  }
});

test("every command has a help text with examples that run that command", async () => {
  for (const load of Object.values(COMMANDS)) {
    const command = await load();
    const text = commandHelp(command);
    assert.ok(command.examples.length > 0, command.name);
    for (const { command: line } of command.examples) assert.match(line, new RegExp(`tulle ${command.name}\\b`));
    for (const name of Object.keys(command.options)) assert.ok(text.includes(`--${name}`), `${command.name} --${name}`);
  }
});
