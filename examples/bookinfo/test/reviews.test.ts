import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { ratingsRoutes } from "../src/ratings.ts";
import { reviewsRoutes } from "../src/reviews.ts";
import type { ReviewsVersion } from "../src/reviews.ts";
import { serve, serveWith, upstreamAt } from "./support.ts";

interface Reviews {
  id: string;
  podname: string;
  reviews: { reviewer: string; text: string; rating?: { stars?: number; color?: string; error?: string } }[];
}

async function reviewsOf(t: TestContext, version: ReviewsVersion, ratings: string): Promise<Reviews> {
  const origin = await serve(t, reviewsRoutes(version, upstreamAt("ratings", ratings)));
  const response = await fetch(`${origin}/reviews/0`);
  assert.equal(response.status, 200);
  return (await response.json()) as Reviews;
}

test("v1 shows no ratings and calls nobody", async (t) => {
  let calls = 0;
  const ratings = await serveWith(t, (_, response) => {
    calls++;
    response.end("{}");
  });
  const { id, podname, reviews } = await reviewsOf(t, "v1", ratings);
  assert.equal(id, "0");
  assert.match(podname, /^reviews-v1-/);
  assert.deepEqual(
    reviews.map(({ reviewer, rating }) => ({ reviewer, rating })),
    [
      { reviewer: "Reviewer1", rating: undefined },
      { reviewer: "Reviewer2", rating: undefined },
    ],
  );
  assert.equal(calls, 0);
});

for (const [version, color] of [
  ["v2", "black"],
  ["v3", "red"],
] as const) {
  test(`${version} shows ${color} stars from ratings`, async (t) => {
    const { reviews } = await reviewsOf(t, version, await serve(t, ratingsRoutes("v1")));
    assert.deepEqual(
      reviews.map((review) => review.rating),
      [
        { stars: 5, color },
        { stars: 4, color },
      ],
    );
  });
}

test("ratings that fail leave the reviews readable", async (t) => {
  const ratings = await serveWith(t, (_, response) => response.writeHead(503).end());
  const { reviews } = await reviewsOf(t, "v2", ratings);
  const error = "Ratings service is currently unavailable";
  assert.deepEqual(
    reviews.map((review) => review.rating),
    [{ error }, { error }],
  );
});

test("a product id that is no number is not found", async (t) => {
  const origin = await serve(t, reviewsRoutes("v1", upstreamAt("ratings", "http://127.0.0.1:1")));
  assert.equal((await fetch(`${origin}/reviews/abc`)).status, 404);
});
