import assert from "node:assert/strict";
import { test } from "node:test";
import { formatTable } from "../src/terminal/table.ts";

test("columns are as wide as their widest cell, two spaces apart, with nothing at the end of a line", () => {
  const text = formatTable(
    [
      ["reviews", "v1", ""],
      ["a", "v2-long", "x"],
    ],
    { header: ["NAME", "VERSION", "NOTE"] },
  );
  assert.equal(text, "NAME     VERSION  NOTE\nreviews  v1\na        v2-long  x");
});

test("numbers are aligned on the right", () => {
  assert.equal(formatTable([["9"], ["100"]], { header: ["N"], right: [0] }), "  N\n  9\n100");
});

test("colours take no room", () => {
  const red = "\x1b[31mab\x1b[39m";
  assert.equal(
    formatTable([
      [red, "x"],
      ["abc", "y"],
    ]),
    `${red}   x\nabc  y`,
  );
});

test("no rows and no header are an empty text", () => {
  assert.equal(formatTable([]), "");
});
