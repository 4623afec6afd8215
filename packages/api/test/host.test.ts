import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import {
  compareSpecificity,
  hostMatches,
  hostsIntersect,
  mostSpecificMatch,
  parseNamespacedHost,
  resolveGatewayName,
  resolveShortName,
  serviceHost,
} from "../src/host.ts";

// What is tested must not depend on the day.
fc.configureGlobal({ seed: 20_261_129 });

test("a name without a dot is in the namespace of the object that uses it; nothing else is expanded", () => {
  assert.equal(resolveShortName("reviews", "shop"), "reviews.shop.svc.cluster.local");
  assert.equal(resolveShortName("reviews", "shop", "mesh.internal"), "reviews.shop.svc.mesh.internal");
  for (const host of ["reviews.prod", "a.example.com", "*", "*.example.com", "10.0.0.1", "fd00::1", "::1", ""]) {
    assert.equal(resolveShortName(host, "shop"), host);
  }
  assert.equal(serviceHost("reviews", "shop"), "reviews.shop.svc.cluster.local");
});

test("a wildcard covers names that end as it does, not the bare domain", () => {
  assert.ok(hostMatches("*.foo.com", "a.foo.com"));
  assert.ok(hostMatches("*.foo.com", "a.b.foo.com"));
  assert.ok(!hostMatches("*.foo.com", "foo.com"));
  assert.ok(hostMatches("*", "foo.com"));
  assert.ok(hostMatches("*", "*.com"));
  assert.ok(hostMatches("*.com", "*.foo.com"));
  assert.ok(!hostMatches("*.foo.com", "*.com"));
  assert.ok(!hostMatches("foo.com", "*.com"));
  assert.ok(hostMatches("*-api.foo.com", "v1-api.foo.com"));
  assert.ok(hostMatches("Foo.com", "fOO.com"));
});

test("two hosts intersect if one covers the other", () => {
  assert.ok(hostsIntersect("*.com", "a.com"));
  assert.ok(hostsIntersect("a.com", "*.com"));
  assert.ok(hostsIntersect("*.a.com", "*.com"));
  assert.ok(!hostsIntersect("*.a.com", "*.b.com"));
  assert.ok(!hostsIntersect("a.com", "b.com"));
});

test("exact names come before wildcards and longer before shorter", () => {
  const hosts = ["*", "*.com", "b.com", "*.foo.com", "aa.foo.com"];
  assert.deepEqual(hosts.toSorted(compareSpecificity), ["aa.foo.com", "b.com", "*.foo.com", "*.com", "*"]);
});

test("the most specific match is the exact name, else the longest wildcard", () => {
  assert.equal(mostSpecificMatch("a.foo.com", ["*", "*.com", "*.foo.com", "a.foo.com"]), "a.foo.com");
  assert.equal(mostSpecificMatch("b.foo.com", ["*", "*.com", "*.foo.com", "a.foo.com"]), "*.foo.com");
  assert.equal(mostSpecificMatch("*.foo.com", ["a.foo.com", "*.com"]), "*.com");
  assert.equal(mostSpecificMatch("b.org", ["*.com"]), undefined);
});

test("gateway references become namespace/name", () => {
  assert.equal(resolveGatewayName("gw", "shop"), "shop/gw");
  assert.equal(resolveGatewayName("edge/gw", "shop"), "edge/gw");
  assert.equal(resolveGatewayName("./gw", "shop"), "shop/gw");
  assert.equal(resolveGatewayName("gw.edge.svc.cluster.local", "shop"), "edge/gw");
  assert.equal(resolveGatewayName("mesh", "shop"), "mesh");
});

test("a host with a namespace in front is taken apart", () => {
  assert.deepEqual(parseNamespacedHost("shop/*.example.com"), { namespace: "shop", host: "*.example.com" });
  assert.deepEqual(parseNamespacedHost("a.example.com"), { namespace: "*", host: "a.example.com" });
});

test("covering is transitive and the most specific match covers the host", () => {
  const label = fc.constantFrom("a", "b", "foo");
  const host = fc
    .tuple(fc.boolean(), fc.array(label, { minLength: 1, maxLength: 3 }))
    .map(([wild, labels]) => (wild ? "*." : "") + labels.join("."));
  fc.assert(
    fc.property(host, host, host, (a, b, c) => {
      if (hostMatches(a, b) && hostMatches(b, c)) assert.ok(hostMatches(a, c));
      const best = mostSpecificMatch(c, [a, b]);
      assert.equal(best !== undefined, hostMatches(a, c) || hostMatches(b, c));
      if (best !== undefined) assert.ok(hostMatches(best, c));
    }),
  );
});
