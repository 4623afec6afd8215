import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { isIPv4, isIPv6 } from "../../src/address.ts";
import { gatewayHostname, ipOrCidr, isFqdn, isWildcardHost, labelKey, labelValue } from "../../src/schema/formats.ts";

// What is tested must not depend on the day.
fc.configureGlobal({ seed: 20_261_129 });

test("IPv4 addresses are four octets without leading zeros", () => {
  for (const good of ["0.0.0.0", "255.255.255.255", "10.1.2.3"]) assert.ok(isIPv4(good), good);
  for (const bad of ["256.0.0.1", "1.2.3", "1.2.3.4.5", "01.2.3.4", "1.2.3.4 ", ""]) assert.ok(!isIPv4(bad), bad);
});

test("IPv6 addresses have eight groups, or fewer with one ::", () => {
  for (const good of ["::", "::1", "fd00::1", "1:2:3:4:5:6:7:8", "::ffff:10.0.0.1", "1::8", "1:2:3:4:5:6:7::"]) {
    assert.ok(isIPv6(good), good);
  }
  for (const bad of [
    ":",
    ":::",
    "1::2::3",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "12345::",
    "g::",
    "10.0.0.1",
    "1:2:3:4:5:6:7:8::",
    "::1.2.3",
  ]) {
    assert.ok(!isIPv6(bad), bad);
  }
});

test("an address of either family is recognised in the form the runtime prints it", () => {
  fc.assert(fc.property(fc.ipV4(), (address) => isIPv4(address)));
  fc.assert(fc.property(fc.ipV6(), (address) => isIPv6(address)));
});

test("blocks have a prefix length that fits the family", () => {
  for (const good of ["10.0.0.0/8", "10.0.0.1", "fd00::/64", "0.0.0.0/0", "::/128"])
    assert.ok(ipOrCidr.accepts(good), good);
  for (const bad of ["10.0.0.0/33", "fd00::/129", "10.0.0.0/", "/8", "10.0.0.0/a", "10.0.0.0/8/8"]) {
    assert.ok(!ipOrCidr.accepts(bad), bad);
  }
});

test("names have labels of up to 63 characters and are no addresses", () => {
  for (const good of ["a", "a.b", "A-1.b.", "1.a", `${"a".repeat(63)}.b`]) assert.ok(isFqdn(good), good);
  for (const bad of ["", ".", "a..b", "-a", "a-", "a_b", "*.a", "1.2.3.4", `${"a".repeat(64)}.b`, "é"]) {
    assert.ok(!isFqdn(bad), bad);
  }
  assert.ok(!isFqdn(`${"a.".repeat(127)}aa`));
});

test("only the first label may have a wildcard, at its start", () => {
  for (const good of ["*", "*.a", "*.a.b", "*-a.b", "*a.b", "a.b"]) assert.ok(isWildcardHost(good), good);
  for (const bad of ["", "a.*", "a*.b", "**.a", "*.*.a", "*..a", "-a", "*-.a"]) assert.ok(!isWildcardHost(bad), bad);
});

test("Gateway API hostnames are lower case, and * is a whole label", () => {
  for (const good of ["a", "a.b", "*.a.b"]) assert.ok(gatewayHostname.accepts(good), good);
  for (const bad of ["A.b", "*", "*a.b", "10.0.0.1", "a.b."]) assert.ok(!gatewayHostname.accepts(bad), bad);
});

test("label keys may have a domain, values may be empty", () => {
  for (const good of ["app", "istio.io/rev", "a.b/c_d.e-f"]) assert.ok(labelKey.accepts(good), good);
  for (const bad of ["", "/a", "a/", "a b", "A_/b", "a/b/c", "-a"]) assert.ok(!labelKey.accepts(bad), bad);
  for (const good of ["", "v1", "A_b-c.d"]) assert.ok(labelValue.accepts(good), good);
  for (const bad of ["-", "a b", "a/b", "a".repeat(64)]) assert.ok(!labelValue.accepts(bad), bad);
});
