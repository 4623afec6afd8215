import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { JsonObject } from "@bufbuild/protobuf";
import { compileJsonFormat } from "../../../src/plan/format/format.ts";
import { escapeJson, jsonNumber } from "../../../src/plan/format/json-text.ts";
import { streamInfo } from "../../support/stream-info.ts";

const stream = streamInfo({ headers: { "x-in": "inn", "x-quote": 'say "hi" \\ \tb' } });

function line(template: JsonObject, omitEmpty = false): string {
  return compileJsonFormat(template, { omitEmpty, extensions: new Set() }).format(stream);
}

/** Lines as Envoy 1.40 wrote them for the same template. */
describe("a JSON log line", () => {
  const template: JsonObject = {
    z: "%REQ(x-none)%", a: "%REQ(x-in)%", mix: "x%REQ(x-none)%y", o: { b: "%REQ(x-none)%", a: "1" }, l: ["%REQ(x-none)%", "b"], o2: { q: "%REQ(x-none)%" }, n: null,
  }; // prettier-ignore

  it("has sorted keys and nulls", () => {
    assert.equal(
      line(template),
      '{"a":"inn","l":[null,"b"],"mix":"x-y","n":null,"o":{"a":"1","b":null},"o2":{"q":null},"z":null}\n',
    );
  });

  it("leaves out what is empty, and objects of which nothing is left, if it is told to", () => {
    assert.equal(line(template, true), '{"a":"inn","l":["b"],"mix":"xy","o":{"a":"1"}}\n');
    const empty: JsonObject = {
      e: {},
      l: ["%REQ(x)%"],
      le: [],
      ln: [{ a: "%REQ(x)%" }],
      ll: [["%REQ(x)%"]],
      s: "",
      t: "x",
      m: { a: { b: "%REQ(x)%" } },
    };
    assert.equal(line(empty, true), '{"l":[],"le":[],"ll":[[]],"ln":[],"s":"","t":"x"}\n');
  });

  it("keeps the types of constants and of a command alone", () => {
    assert.equal(
      line({
        num: 1,
        big: 1e21,
        small: 1e-7,
        neg: -3,
        b: true,
        obj: {},
        code: "%RESPONSE_CODE%",
        s: "x%RESPONSE_CODE%",
        pct: "100%%",
        d: "%DURATION%",
      }),
      '{"b":true,"big":1e+21,"code":200,"d":30,"neg":-3,"num":1,"obj":{},"pct":"100%","s":"x200","small":1e-07}\n',
    );
  });

  it("escapes values and keys", () => {
    assert.equal(line({ 'k"é': "%REQ(x-quote)%" }), '{"k\\"\u00c3\u00a9":"say \\"hi\\" \\\\ \\tb"}\n');
  });
});

describe("JSON text", () => {
  it("keeps UTF-8, and escapes every suspicious byte of what is not", () => {
    assert.equal(escapeJson('\u00c3\u00a9"\n'), '\u00c3\u00a9\\"\\n');
    assert.equal(escapeJson('\x00\n"\\\x7f\xff'), "\\u0000\\u000a\\u0022\\u005c\\u007f\\u00ff");
    assert.equal(escapeJson("\x7f\x1b\b"), "\x7f\\u001b\\b");
  });

  it("writes numbers the shortest way", () => {
    const written = [0, -0.5, 1.5, 20, 1e21, 2 ** 63, 1e-7, 0.0001, 1 / 3, 123456.789, 1e5, 1e4].map(jsonNumber);
    assert.deepEqual(written, [
      "0",
      "-0.5",
      "1.5",
      "20",
      "1e+21",
      "9223372036854775808",
      "1e-07",
      "1e-04",
      "0.3333333333333333",
      "123456.789",
      "1e+05",
      "10000",
    ]);
  });
});
