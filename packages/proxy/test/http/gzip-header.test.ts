import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipSync, inflateRawSync } from "node:zlib";
import { GzipHeader } from "../../src/http/filters/gzip-header.ts";

/** A member with everything that a header may have. */
function decorated(): Buffer {
  const plain = gzipSync("hello");
  const extra = Buffer.from([3, 0, 1, 2, 3]);
  const header = Buffer.from(plain.subarray(0, 10));
  header[3] = 2 | 4 | 8 | 16;
  return Buffer.concat([header, extra, Buffer.from("name\0comment\0"), Buffer.from([9, 9]), plain.subarray(10)]);
}

for (const [name, bytes] of [
  ["a plain header", gzipSync("hello")],
  ["names, comments, extra fields and a checksum", decorated()],
] as const) {
  test(`${name}, whole and cut anywhere`, () => {
    for (let cut = 0; cut <= bytes.length; cut++) {
      const header = new GzipHeader();
      const parts = [bytes.subarray(0, cut), bytes.subarray(cut)];
      const rest = Buffer.concat(parts.map((part) => (header.isOver ? part : (header.take(part) ?? Buffer.alloc(0)))));
      assert.equal(header.isBroken, false);
      assert.equal(inflateRawSync(rest).toString(), "hello", `cut at ${cut}`);
    }
  });
}

test("what is none is broken as soon as it shows, and a header without an end too", () => {
  for (const bytes of [[0x1e], [0x1f, 0x8c], [0x1f, 0x8b, 9], [0x1f, 0x8b, 8, 0x80, 0, 0, 0, 0, 0, 0]]) {
    const header = new GzipHeader();
    assert.equal(header.take(Buffer.from(bytes)), null);
    assert.equal(header.isBroken, true, String(bytes));
    assert.equal(header.take(gzipSync("x")), null);
  }
  const endless = new GzipHeader();
  endless.take(Buffer.from([0x1f, 0x8b, 8, 8, 0, 0, 0, 0, 0, 3]));
  for (let i = 0; i < 100 && !endless.isBroken; i++) endless.take(Buffer.alloc(1024, 0x61));
  assert.equal(endless.isBroken, true);
});
