import assert from "node:assert/strict";
import { test } from "node:test";
import { accessOf } from "../../packages/control/src/translate/security/access.ts";
import { compare } from "./compare.ts";
import { asRule } from "./our-decision.ts";
import { Random, randomPolicies, randomRequest, TRUST_DOMAINS } from "./random.ts";
import { decide, identityOf } from "./specification.ts";

/** `npm run fuzz -- authorization --runs N` does more. */
const PAIRS = 100_000;

test(`${PAIRS} pairs of policies and requests are decided as Istio's reference says`, () => {
  const { pairs, allowed, differences } = compare(PAIRS, 20_261_128);
  assert.deepEqual(differences, []);
  assert.equal(pairs, PAIRS);
  // Both answers are frequent, or the test would say little.
  assert.ok(allowed > PAIRS / 5 && allowed < (PAIRS * 4) / 5, `${allowed} of ${pairs} are allowed`);
});

test("who is allowed or denied whatever he asks for is so for every request", () => {
  const random = new Random(20_261_129);
  const seen = { allowed: 0, denied: 0, depends: 0 };
  for (let round = 0; round < 20_000; round++) {
    const mesh = { trustDomains: random.one(TRUST_DOMAINS) };
    const policies = randomPolicies(random);
    const request = randomRequest(random);
    const { verdict } = accessOf(policies.map(asRule), identityOf(request), mesh.trustDomains);
    seen[verdict]++;
    if (verdict === "depends") continue;
    for (let count = 0; count < 10; count++) {
      const { tls, ...other } = randomRequest(random);
      const asked = { ...other, tls: request.tls };
      assert.equal(
        decide(policies, asked, mesh),
        verdict === "allowed",
        JSON.stringify({ mesh, policies, asked, tls }),
      );
    }
  }
  assert.ok(Math.min(...Object.values(seen)) > 1000, JSON.stringify(seen));
});
