/** What session cookies hold. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { cookieCovers, decodeCookie, decodeSession, encodeCookie } from "../../src/plan/filters/stateful-session.ts";

test("a cookie is good until it expires", () => {
  const cookie = encodeCookie("127.0.0.1:80", 1_000);
  assert.equal(decodeCookie(cookie, 1_000), "127.0.0.1:80");
  assert.equal(decodeCookie(cookie, 1_001), "");
  assert.equal(decodeCookie(encodeCookie("[::1]:80", 0), 1e9), "[::1]:80");
});

test("an address alone, as older proxies wrote it", () => {
  assert.equal(decodeCookie(Buffer.from("127.0.0.1:80").toString("base64"), 0), "127.0.0.1:80");
});

test("what is no base64 names nobody", () => {
  assert.equal(decodeCookie("???", 0), "");
  assert.equal(decodeSession("abc").length, 0);
});

test("a path covers what is below it", () => {
  const covered = ["/in", "/in/", "/in/x", "/in?x", "/inside", "/out"].filter((path) => cookieCovers("/in", path));
  assert.deepEqual(covered, ["/in", "/in/", "/in/x", "/in?x"]);
});
