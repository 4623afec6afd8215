import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { UsageError } from "../src/errors.ts";
import { formatAddress, parseAddress, parseOptions, parsePairs } from "../src/options.ts";

const table = {
  config: { type: "string", value: "DIR", help: "" },
  namespace: { type: "string", short: "n", value: "NS", default: "default", help: "" },
  label: { type: "string", short: "l", value: "NAME=VALUE", multiple: true, help: "" },
  port: { type: "integer", value: "P", min: 1, max: 65_535, help: "" },
  xds: { type: "address", value: "HOST:PORT", default: { host: "127.0.0.1", port: 15_010 }, help: "" },
  output: { type: "choice", short: "o", value: "FORMAT", choices: ["table", "json"], default: "table", help: "" },
  json: { type: "flag", help: "" },
} as const;

function usageError(argv: readonly string[]): UsageError {
  try {
    parseOptions(table, argv);
  } catch (error) {
    assert.ok(error instanceof UsageError, String(error));
    return error;
  }
  return assert.fail(`${argv.join(" ")} was accepted`);
}

describe("options", () => {
  test("have their defaults when nothing is given", () => {
    const { options, positionals, rest } = parseOptions(table, []);
    assert.deepEqual(options, {
      config: undefined,
      namespace: "default",
      label: [],
      port: undefined,
      xds: { host: "127.0.0.1", port: 15_010 },
      output: "table",
      json: false,
    });
    assert.deepEqual(positionals, []);
    assert.equal(rest, undefined);
  });

  test("are read in their long, short and = forms, between positional arguments", () => {
    const { options, positionals } = parseOptions(table, [
      "vs",
      "--port=80",
      "-n",
      "prod",
      "reviews",
      "--json",
      "-ojson",
    ]);
    assert.equal(options.port, 80);
    assert.equal(options.namespace, "prod");
    assert.equal(options.json, true);
    assert.equal(options.output, "json");
    assert.deepEqual(positionals, ["vs", "reviews"]);
  });

  test("may be repeated only where the table says so", () => {
    assert.deepEqual(parseOptions(table, ["-l", "a=b", "--label", "c=d"]).options.label, ["a=b", "c=d"]);
    assert.match(usageError(["--port", "1", "--port", "2"]).message, /--port is given twice/);
  });

  test("leave everything after -- to the program", () => {
    const { options, rest } = parseOptions(table, ["--json", "--", "node", "--port", "x", "--", "y"]);
    assert.equal(options.json, true);
    assert.deepEqual(rest, ["node", "--port", "x", "--", "y"]);
  });

  test("that do not exist are refused, with the nearest that does", () => {
    const error = usageError(["--confg", "x"]);
    assert.match(error.message, /unknown option --confg/);
    assert.deepEqual(error.hints, ["Did you mean --config?"]);
    assert.match(usageError(["-z"]).message, /unknown option -z/);
    assert.match(usageError(["--constructor"]).message, /unknown option/);
  });

  test("are refused with a value they do not take, or without one they need", () => {
    assert.match(usageError(["--json=yes"]).message, /--json takes no value/);
    assert.match(usageError(["--config"]).message, /--config needs a value: --config DIR/);
    assert.match(usageError(["--port="]).message, /--port needs a value/);
  });

  test("with numbers, addresses and choices check them", () => {
    assert.match(usageError(["--port", "0"]).message, /from 1 to 65535/);
    assert.match(usageError(["--port", "65536"]).message, /from 1 to 65535/);
    assert.match(usageError(["--port", "8o"]).message, /not a whole number/);
    assert.match(usageError(["--xds", "15010"]).message, /--xds 15010: not an address/);
    assert.deepEqual(usageError(["-o", "jsn"]).hints, ["Did you mean json?"]);
  });
});

describe("addresses", () => {
  test("are read and written with IPv4, names, IPv6 and a host left out", () => {
    assert.deepEqual(parseAddress("--xds", "10.0.0.1:80"), { host: "10.0.0.1", port: 80 });
    assert.deepEqual(parseAddress("--xds", "control.example:15010"), { host: "control.example", port: 15_010 });
    assert.deepEqual(parseAddress("--xds", "[::1]:0"), { host: "::1", port: 0 });
    assert.deepEqual(parseAddress("--xds", ":8080"), { host: "127.0.0.1", port: 8080 });
    assert.equal(formatAddress({ host: "::1", port: 1 }), "[::1]:1");
    assert.equal(formatAddress({ host: "a", port: 1 }), "a:1");
  });

  test("that are none are refused", () => {
    for (const text of ["", "a", "a:", "a:b", "::1:80", "a:99999", "http://a:80", "a:80/"]) {
      assert.throws(() => parseAddress("--xds", text), UsageError, text);
    }
  });
});

test("NAME=VALUE pairs keep = in the value and need a name", () => {
  assert.deepEqual(parsePairs("--label", ["a=b=c", "d="]), { a: "b=c", d: "" });
  assert.throws(() => parsePairs("--label", ["=x"]), UsageError);
  assert.throws(() => parsePairs("--label", ["x"]), UsageError);
});
