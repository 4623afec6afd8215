/** What is answered without any name server. DNS itself: test/contract/cases/dynamic-forward-proxy.ts and dns-clusters.ts. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ResolveError } from "../../src/upstream/dns/resolve.ts";
import { systemResolvers } from "../../src/upstream/dns/system-resolvers.ts";

/** Nobody listens there. */
const resolve = systemResolvers({ servers: ["127.0.0.1:1"], searches: false });

test("an address is its own, if it is of the family", async () => {
  assert.deepEqual((await resolve("10.0.0.1", "v4-only", true)).addresses, ["10.0.0.1"]);
  assert.deepEqual((await resolve("::1", "auto", true)).addresses, ["::1"]);
  await assert.rejects(resolve("::1", "v4-only", true), {
    name: "ResolveError",
    details: "cares_failure:Misformatted domain name",
  });
});

test("localhost is this machine", async () => {
  assert.deepEqual((await resolve("localhost", "v4-only", true)).addresses, ["127.0.0.1"]);
  assert.deepEqual((await resolve("a.localhost", "v6-only", true)).addresses, ["::1"]);
});

test("what is no name is not asked for", async () => {
  for (const name of ["a b", "", "a:80", `${"x".repeat(64)}.test`]) {
    await assert.rejects(resolve(name, "v4-only", true), ResolveError);
  }
});
