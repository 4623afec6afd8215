import assert from "node:assert/strict";
import { test } from "node:test";
import { findEnvoy } from "../support/envoy.ts";
import { decideOnEnvoy } from "./on-envoy.ts";
import type { Pair } from "./on-envoy.ts";
import { Random, randomPolicies, randomRequest, TRUST_DOMAINS } from "./random.ts";
import { decide } from "./specification.ts";

const PAIRS = 600;

test(
  `Envoy decides ${PAIRS} pairs of policies and requests as Istio's reference says`,
  { skip: findEnvoy() === undefined },
  async () => {
    const random = new Random(20_261_128);
    const pairs = Array.from({ length: PAIRS }, (): Pair => ({
      mesh: { trustDomains: random.one(TRUST_DOMAINS) },
      policies: randomPolicies(random),
      request: randomRequest(random),
    }));
    const answers = await decideOnEnvoy(pairs);
    const differences = pairs
      .map((pair, index) => ({
        ...pair,
        expected: decide(pair.policies, pair.request, pair.mesh),
        was: answers[index],
      }))
      .filter(({ expected, was }) => expected !== was);
    assert.deepEqual(differences, []);
  },
);
