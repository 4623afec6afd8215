import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { HeaderBlock } from "../../src/codec/header-block.ts";
import { CONTENT_TYPE, HEADER_NAMES, SERVER, VIA, headerId } from "../../src/codec/header-names.ts";
import { HeadReader, noStartLine } from "../../src/codec/http1/head-reader.ts";
import { bufferOf } from "../support/codec-harness.ts";

function scan(text: string): HeaderBlock {
  const block = new HeaderBlock();
  const after = new HeadReader(noStartLine).read(bufferOf(text), 0, text.length, block, 61_440, 1_000);
  assert.equal(after, text.length);
  return block;
}

describe("a header block", () => {
  it("passes untouched lines through as they are, names in lower case", () => {
    assert.equal(scan("Server: a\r\nX-Foo: B\r\n\r\n").serialize(), "server: a\r\nx-foo: B\r\n");
  });

  it("writes odd white space anew", () => {
    assert.equal(scan("a:b\r\nc:  d \r\ne:\r\nf: g\r\n\r\n").serialize(), "a: b\r\nc: d\r\ne: \r\nf: g\r\n");
  });

  it("tests each line of a name by itself", () => {
    const block = scan("a: 1\r\nserver: x\r\na: 2\r\ncookie: c\r\ncookie: d\r\n\r\n");
    const is = (value: string) => (text: string) => text === value;
    assert.equal(block.some("a", is("2")), true);
    assert.equal(block.some("a", is("1,2")), false);
    assert.equal(block.some("cookie", is("d")), true);
    assert.equal(block.some("server", is("x")), true);
    assert.equal(block.some("via", is("x")), undefined);
    assert.equal(block.some("b", is("x")), undefined);
    block.removeNamed("a");
    assert.equal(block.some("a", is("2")), undefined);
  });

  it("replaces in place, removes, appends", () => {
    const block = scan("a: 1\r\nserver: x\r\nvia: y\r\nb: 2\r\n\r\n");
    block.set(SERVER, "envoy");
    block.remove(VIA);
    block.append(CONTENT_TYPE, "t");
    block.appendNamed("z", "3");
    assert.equal(block.serialize(), "a: 1\r\nserver: envoy\r\nb: 2\r\ncontent-type: t\r\nz: 3\r\n");
    assert.equal(block.get(SERVER), "envoy");
    assert.equal(block.has(VIA), false);
    assert.equal(block.find("z"), "3");
    assert.equal(block.find("a"), "1");
    assert.equal(block.find("nope"), undefined);
  });

  it("removes the first and the last line, and what was appended", () => {
    const block = scan("a: 1\r\nb: 2\r\nc: 3\r\n\r\n");
    block.appendNamed("d", "4");
    for (const name of ["a", "c", "d"]) block.removeNamed(name);
    assert.equal(block.serialize(), "b: 2\r\n");
  });

  it("joins repeated inline headers, and leaves others as lines", () => {
    const block = scan("vary: a\r\nx: 1\r\nvary: b\r\nset-cookie: c\r\nx: 2\r\nset-cookie: d\r\n\r\n");
    block.joinRepeated(false);
    assert.equal(block.serialize(), "vary: a,b\r\nx: 1\r\nset-cookie: c\r\nx: 2\r\nset-cookie: d\r\n");
    assert.equal(block.find("x"), "1,2");
    assert.equal(block.find("set-cookie"), "c,d");
  });

  it("recognises every known name in any case, and nothing else", () => {
    for (const name of HEADER_NAMES.slice(1)) {
      assert.equal(scan(`${name.toUpperCase()}: v\r\n\r\n`).ids[0], headerId(name), name);
      assert.equal(scan(`${name}x: v\r\n\r\n`).ids[0], headerId(`${name}x`), `${name}x`);
      assert.equal(scan(`x${name.slice(1)}: v\r\n\r\n`).ids[0], headerId(`x${name.slice(1)}`));
    }
  });

  it("grows past its first capacity", () => {
    const text = Array.from({ length: 300 }, (_, i) => `n${i}: ${i}\r\n`).join("");
    const block = scan(`${text}\r\n`);
    assert.equal(block.count, 300);
    assert.equal(block.serialize(), text);
    assert.equal(block.find("n299"), "299");
  });

  it("forgets everything on reset", () => {
    const block = scan("server: secret\r\nx:  y\r\n\r\n");
    block.set(SERVER, "other");
    block.appendNamed("token", "secret");
    block.reset();
    assert.equal(block.serialize(), "");
    assert.equal(block.find("token"), undefined);
    assert.equal(block.get(SERVER), "");
    const again = new HeadReader(noStartLine);
    const text = "a: b\r\nc: d\r\ne: f\r\n\r\n";
    again.read(bufferOf(text), 0, text.length, block, 61_440, 100);
    assert.equal(block.serialize(), "a: b\r\nc: d\r\ne: f\r\n");
  });
});
