import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import { quantile } from "../src/quantile.ts";

// What is tested must not depend on the day.
fc.configureGlobal({ seed: 20_261_129 });

describe("quantile", () => {
  const buckets = [
    { le: 1, count: 10 },
    { le: 5, count: 50 },
    { le: 10, count: 100 },
    { le: Infinity, count: 100 },
  ];

  test("interpolates within the bucket that holds the rank", () => {
    assert.equal(quantile(0.5, buckets), 5);
    assert.equal(quantile(0.3, buckets), 3);
    assert.equal(quantile(0.99, buckets), 9.9);
    assert.equal(quantile(0.05, buckets), 0.5);
  });

  test("is the highest finite bound where the rank lies beyond it", () => {
    assert.equal(
      quantile(0.99, [
        { le: 10, count: 1 },
        { le: Infinity, count: 100 },
      ]),
      10,
    );
  });

  test("skips empty buckets at the start", () => {
    assert.equal(
      quantile(0, [
        { le: 1, count: 0 },
        { le: 5, count: 4 },
        { le: Infinity, count: 4 },
      ]),
      1,
    );
  });

  test("is undefined without observations", () => {
    assert.equal(quantile(0.5, []), undefined);
    assert.equal(
      quantile(0.5, [
        { le: 1, count: 0 },
        { le: Infinity, count: 0 },
      ]),
      undefined,
    );
  });

  test("lies in the bucket of the value at that rank, for any observations", () => {
    const bounds = [1, 5, 10, 25, 50, 100];
    const observations = fc.array(fc.double({ min: 0.01, max: 100, noNaN: true }), { minLength: 1, maxLength: 200 });
    fc.assert(
      fc.property(observations, fc.double({ min: 0.01, max: 1, noNaN: true }), (values, q) => {
        const counts = [...bounds, Infinity].map((le) => ({ le, count: values.filter((value) => value <= le).length }));
        const exact = values.sort((a, b) => a - b)[Math.ceil(q * values.length) - 1]!;
        const upper = bounds.find((bound) => exact <= bound)!;
        const lower = bounds[bounds.indexOf(upper) - 1] ?? 0;
        const estimate = quantile(q, counts)!;
        assert.ok(estimate >= lower - 1e-9 && estimate <= upper + 1e-9, `${estimate} is not within ${lower}…${upper}`);
      }),
    );
  });
});
