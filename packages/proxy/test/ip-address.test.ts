import assert from "node:assert/strict";
import { isIP } from "node:net";
import { test } from "node:test";
import * as fc from "fast-check";
import { canonicalAddress } from "../src/ip-address.ts";

// What is tested must not depend on the day.
fc.configureGlobal({ seed: 20_261_129 });

test("an IPv4 address is what the runtime takes for one, and stays as it is written", () => {
  const number = fc.oneof(fc.nat(300).map(String), fc.constantFrom("", "00", "01", "256", "1a", "-1", " 1"));
  const text = fc.array(number, { minLength: 1, maxLength: 5 }).map((parts) => parts.join("."));
  fc.assert(
    fc.property(text, (address) => assert.equal(canonicalAddress(address), isIP(address) === 4 ? address : "")),
  );
});

test("an IPv6 address is written as inet_ntop(3) does", () => {
  assert.equal(canonicalAddress("2001:DB8::0001"), "2001:db8::1");
  assert.equal(canonicalAddress("::ffff:192.0.2.1"), "::ffff:192.0.2.1");
});
