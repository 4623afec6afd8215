import assert from "node:assert/strict";
import { test } from "node:test";
import { RequestIds } from "../../src/http/request-ids.ts";
import { RandomHex } from "../../src/random-hex.ts";

test("a request id is a UUID of version 4: its version and variant are fixed, every other digit is the randomness given", () => {
  const zeros = new RequestIds(new RandomHex((bytes) => bytes.fill(0)));
  const ones = new RequestIds(new RandomHex((bytes) => bytes.fill(0xff)));
  assert.equal(zeros.next(), "00000000-0000-4000-8000-000000000000");
  assert.equal(ones.next(), "ffffffff-ffff-4fff-bfff-ffffffffffff");
});

test("each id takes sixteen fresh bytes, and fetches more when they run out", () => {
  let fills = 0;
  const random = new RandomHex((bytes) => {
    fills++;
    for (let i = 0; i < bytes.length; i++) bytes[i] = ((i >> 4) * 31 + (i & 15) * 7 + fills) & 0xff;
  });
  const ids = new RequestIds(random);
  const first = Array.from({ length: 512 }, () => ids.next());
  assert.equal(fills, 1);
  const after = ids.next();
  assert.equal(fills, 2);
  assert.notEqual(after, first[0]);
  assert.match(after, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});
