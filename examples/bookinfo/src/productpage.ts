/** Bookinfo's front: the product page, log-in, the JSON API, static files. Calls details, reviews and (API only) ratings. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { END_USER, forwardedHeaders } from "./forwarded-headers.ts";
import { indexPage, productPage } from "./product-page.ts";
import type { Fetched } from "./product-page.ts";
import { products } from "./products.ts";
import { json, main, readBody, text } from "./server.ts";
import type { Call, Reply, Route } from "./server.ts";
import { closedSession, openSession, sessionUser } from "./session.ts";
import { upstream } from "./upstream.ts";
import type { Upstream } from "./upstream.ts";

export interface Upstreams {
  details: Upstream;
  reviews: Upstream;
  ratings: Upstream;
}

/** As in the original: 3 s a call; reviews are asked twice, which together with reviews v2's 10 s is a planted bug. */
const TIMEOUT_MS = 3000;
const REVIEWS_TRIES = 2;

const stylesheet = readFileSync(join(import.meta.dirname, "..", "static", "bookinfo.css"));

export function productpageRoutes(services: Upstreams): readonly Route[] {
  /** `request_result_total` by service and status, as the original counts it. */
  const results = new Map<string, number>();

  const ask = async (name: keyof Upstreams, id: string, call: Call, tries = 1): Promise<Fetched> => {
    const headers = forwardedHeaders(call.request.headers);
    const user = sessionUser(call.request.headers.cookie);
    if (user !== undefined) headers[END_USER] = user;
    let status = 500;
    for (let i = 0; i < tries; i++) {
      const answer = await services[name].fetch(id, headers, TIMEOUT_MS);
      const label = `destination_app="${name}",response_code="${answer.status || "unreachable"}"`;
      results.set(label, (results.get(label) ?? 0) + 1);
      if (answer.status === 200) return { status: 200, value: answer.value };
      status = answer.status || 500;
    }
    const what = name === "details" ? "product details" : `product ${name}`;
    return { status, value: { error: `Sorry, ${what} are currently unavailable for this book.` } };
  };

  const page = async (call: Call): Promise<Reply> => {
    const product = products[0]!;
    const id = String(product.id);
    const [details, reviews] = await Promise.all([ask("details", id, call), ask("reviews", id, call, REVIEWS_TRIES)]);
    return markup(productPage({ product, details, reviews, user: sessionUser(call.request.headers.cookie) }));
  };

  const api =
    (name: keyof Upstreams, tries = 1) =>
    async (call: Call): Promise<Reply> => {
      const { status, value } = await ask(name, call.params[0] ?? "", call, tries);
      return json(value, status);
    };

  const metrics = (): Reply => {
    const lines = [...results].map(([labels, count]) => `request_result_total{${labels}} ${count}\n`);
    return text(
      `# HELP request_result_total Results of calls to other services\n# TYPE request_result_total counter\n${lines.join("")}`,
    );
  };

  return [
    {
      method: "GET",
      path: /^\/(?:index\.html)?$/,
      answer: ({ request }) => markup(indexPage(sessionUser(request.headers.cookie))),
    },
    { method: "GET", path: /^\/health$/, answer: () => text("Product page is healthy") },
    { method: "GET", path: /^\/metrics$/, answer: metrics },
    { method: "GET", path: /^\/productpage$/, answer: page },
    { method: "POST", path: /^\/login$/, answer: login },
    { method: "GET", path: /^\/logout$/, answer: () => redirect(closedSession) },
    { method: "GET", path: /^\/static\/bookinfo\.css$/, answer: () => stylesheetReply },
    { method: "GET", path: /^\/api\/v1\/products$/, answer: () => json(products) },
    { method: "GET", path: /^\/api\/v1\/products\/([^/]+)$/, answer: api("details") },
    { method: "GET", path: /^\/api\/v1\/products\/([^/]+)\/reviews$/, answer: api("reviews", REVIEWS_TRIES) },
    { method: "GET", path: /^\/api\/v1\/products\/([^/]+)\/ratings$/, answer: api("ratings") },
  ];
}

async function login({ request }: Call): Promise<Reply> {
  const user = new URLSearchParams((await readBody(request)) ?? "").get("username") ?? "";
  // It becomes a header's value, so it has to be one.
  if (!/^[\x21-\x7e](?:[\x20-\x7e]{0,62}[\x21-\x7e])?$/.test(user)) {
    return text("A user name has 1 to 64 printable ASCII characters.\n", 400);
  }
  return redirect(openSession(user));
}

function redirect(cookie: string): Reply {
  return { status: 302, headers: { location: "/productpage", "set-cookie": cookie }, body: "" };
}

function markup(body: string): Reply {
  const headers = {
    "content-type": "text/html; charset=utf-8",
    "content-security-policy":
      "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; base-uri 'none'",
    "cache-control": "no-store",
  };
  return { status: 200, headers, body };
}

const stylesheetReply: Reply = {
  status: 200,
  headers: { "content-type": "text/css; charset=utf-8", "cache-control": "max-age=300" },
  body: stylesheet,
};

if (import.meta.main) {
  const services = { details: upstream("details"), reviews: upstream("reviews"), ratings: upstream("ratings") };
  main("productpage", productpageRoutes(services));
}
