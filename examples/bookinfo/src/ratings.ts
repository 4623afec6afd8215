/** Bookinfo's ratings service: `GET /ratings/{id}`, `POST /ratings/{id}` (kept in memory), `GET /health`. */
import { setTimeout as delay } from "node:timers/promises";
import { json, main, readBody } from "./server.ts";
import type { Call, Reply, Route } from "./server.ts";

/**
 * `v1` answers; `v-faulty` fails half of the requests with 503, `v-delayed` holds half of them for 7 s: the original's
 * names and figures, for trying out outlier detection, retries and timeouts.
 */
export type RatingsVersion = "v1" | "v-faulty" | "v-delayed";

const VERSIONS: readonly string[] = ["v1", "v-faulty", "v-delayed"] satisfies RatingsVersion[];
const DELAY_MS = 7000;

export function isRatingsVersion(version: string): version is RatingsVersion {
  return VERSIONS.includes(version);
}

/** `random` yields numbers in [0, 1). */
export function ratingsRoutes(version: RatingsVersion, random: () => number = Math.random): readonly Route[] {
  const posted = new Map<number, unknown>();
  const read = (id: number) => ({ id, ratings: posted.get(id) ?? { Reviewer1: 5, Reviewer2: 4 } });

  const get = async ({ params }: Call): Promise<Reply> => {
    const id = productId(params[0]);
    if (id === undefined) return notNumeric;
    if (version === "v-faulty" && random() < 0.5) return json({ error: "Service unavailable" }, 503);
    if (version === "v-delayed" && random() < 0.5) await delay(DELAY_MS);
    return json(read(id));
  };
  const post = async ({ request, params }: Call): Promise<Reply> => {
    const id = productId(params[0]);
    if (id === undefined) return notNumeric;
    const ratings = parseRatings(await readBody(request));
    if (ratings === undefined) return json({ error: "please provide valid ratings JSON" }, 400);
    posted.set(id, ratings);
    return json(read(id));
  };
  return [
    { method: "GET", path: /^\/health$/, answer: () => json({ status: "Ratings is healthy" }) },
    { method: "GET", path: /^\/ratings\/([^/]*)$/, answer: get },
    { method: "POST", path: /^\/ratings\/([^/]*)$/, answer: post },
  ];
}

const notNumeric = json({ error: "please provide numeric product ID" }, 400);

function productId(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

function parseRatings(body: string | undefined): object | undefined {
  try {
    const value: unknown = JSON.parse(body ?? "");
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined; // answered with 400
  }
}

if (import.meta.main) {
  const version = process.env["SERVICE_VERSION"] ?? process.argv[2] ?? "v1";
  if (isRatingsVersion(version)) {
    main("ratings", ratingsRoutes(version));
  } else {
    console.error(`ratings: SERVICE_VERSION=${version} is not one of ${VERSIONS.join(", ")}`);
    process.exitCode = 2;
  }
}
