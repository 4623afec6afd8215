/** Bookinfo's reviews service: `GET /reviews/{id}`, `GET /health`. v1 shows no stars, v2 black ones, v3 red ones. */
import { END_USER, forwardedHeaders } from "./forwarded-headers.ts";
import { podName } from "./instance.ts";
import { json, main } from "./server.ts";
import type { Call, Reply, Route } from "./server.ts";
import { upstream } from "./upstream.ts";
import type { Upstream } from "./upstream.ts";

export type ReviewsVersion = "v1" | "v2" | "v3";

/**
 * What a version does about ratings; v1 calls nobody. The deadlines are the original's: v2 waits longer than
 * productpage waits for it, which is the bug that Istio's fault-injection task finds.
 */
const RATINGS: Record<ReviewsVersion, { color: string; timeoutMs: number } | undefined> = {
  v1: undefined,
  v2: { color: "black", timeoutMs: 10_000 },
  v3: { color: "red", timeoutMs: 2500 },
};

const REVIEWS = [
  {
    reviewer: "Reviewer1",
    text: "An extremely entertaining play by Shakespeare. The slapstick humour is refreshing!",
  },
  {
    reviewer: "Reviewer2",
    text: "Absolutely fun and entertaining. The play lacks thematic depth when compared to other plays by Shakespeare.",
  },
];

export function isReviewsVersion(version: string): version is ReviewsVersion {
  return Object.hasOwn(RATINGS, version);
}

export function reviewsRoutes(version: ReviewsVersion, ratings: Upstream): readonly Route[] {
  const stars = RATINGS[version];
  const podname = podName("reviews", version);
  // "null" is what the original says outside a named cluster.
  const clustername = process.env["CLUSTER_NAME"] ?? "null";

  const reviews = async ({ request, params }: Call): Promise<Reply> => {
    const id = params[0] ?? "";
    if (stars === undefined) return json({ id, podname, clustername, reviews: REVIEWS });
    const headers = forwardedHeaders(request.headers);
    const user = request.headers[END_USER];
    if (typeof user === "string") headers[END_USER] = user;
    const { value } = await ratings.fetch(id, headers, stars.timeoutMs);
    const rated = REVIEWS.map((review) => ({ ...review, rating: rating(value, review.reviewer, stars.color) }));
    return json({ id, podname, clustername, reviews: rated });
  };
  return [
    { method: "GET", path: /^\/health$/, answer: () => json({ status: "Reviews is healthy" }) },
    { method: "GET", path: /^\/reviews\/(\d+)$/, answer: reviews },
  ];
}

function rating(answer: unknown, reviewer: string, color: string) {
  const ratings = (answer as { ratings?: Record<string, unknown> } | undefined)?.ratings;
  const stars = ratings?.[reviewer];
  return typeof stars === "number" ? { stars, color } : { error: "Ratings service is currently unavailable" };
}

if (import.meta.main) {
  const version = process.env["SERVICE_VERSION"] ?? process.argv[2] ?? "v1";
  if (isReviewsVersion(version)) {
    main(`reviews ${version}`, reviewsRoutes(version, upstream("ratings")));
  } else {
    console.error(`reviews: SERVICE_VERSION=${version} is not one of ${Object.keys(RATINGS).join(", ")}`);
    process.exitCode = 2;
  }
}
