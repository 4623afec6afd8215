/** What pages of other sites can make a browser ask of this API: nothing. */
import assert from "node:assert/strict";
import type { IncomingHttpHeaders } from "node:http";
import { test } from "node:test";
import { refuseForeignPages } from "../../src/http/browsers.ts";

const OURS = { host: "127.0.0.1:15014", origin: "http://127.0.0.1:15014", "content-type": "application/yaml" };

function statusOf(method: string, headers: IncomingHttpHeaders, isLoopback = true): number {
  try {
    refuseForeignPages(method, headers, isLoopback);
    return 200;
  } catch (error) {
    return (error as { status: number }).status;
  }
}

test("on this machine the host must be this machine's: names that were rebound are refused, for reading too", () => {
  for (const host of ["localhost:15014", "127.0.0.1:15014", "[::1]:15014", "mesh.localhost", "127.0.0.1"])
    assert.equal(statusOf("GET", { host }), 200, host);
  for (const host of ["evil.example:15014", "localhost.evil.example", "127.0.0.1.evil.example", "evil"])
    assert.equal(statusOf("GET", { host }), 421, host);
  assert.equal(statusOf("GET", { host: "mesh.example" }, false), 200, "served to others by its own choice");
});

test("programs, which say nothing of sites, change what they like", () => {
  assert.equal(statusOf("POST", { host: "127.0.0.1:15014", "content-type": "text/plain", "content-length": "3" }), 200);
});

test("a page's change is taken from our own pages only", () => {
  assert.equal(statusOf("POST", OURS), 200);
  assert.equal(statusOf("POST", { ...OURS, origin: "http://evil.example" }), 403);
  assert.equal(statusOf("POST", { ...OURS, origin: "http://127.0.0.1:8080" }), 403, "another port is another site");
  assert.equal(statusOf("POST", { ...OURS, origin: "null" }), 403);
  assert.equal(statusOf("POST", { ...OURS, "sec-fetch-site": "same-site" }), 403);
  assert.equal(statusOf("DELETE", { host: OURS.host, "sec-fetch-site": "cross-site" }), 403);
  assert.equal(statusOf("GET", { host: OURS.host, "sec-fetch-site": "cross-site" }), 200, "a link to the console");
});

test("behind a reverse proxy, which changes the host, the browser's own word decides", () => {
  const behind = { host: "127.0.0.1:15014", origin: "https://mesh.example", "content-type": "application/json" };
  assert.equal(statusOf("POST", { ...behind, "sec-fetch-site": "same-origin" }), 200);
  assert.equal(statusOf("POST", behind), 403);
});

test("a page's body has a type that no form can send", () => {
  const ours = { ...OURS, "content-length": "3" };
  assert.equal(statusOf("POST", { ...ours, "content-type": "application/json; charset=utf-8" }), 200);
  for (const type of ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", undefined])
    assert.equal(statusOf("POST", { ...ours, "content-type": type }), 415, String(type));
  assert.equal(statusOf("DELETE", { host: OURS.host, origin: OURS.origin }), 200, "no body needs no type");
});
