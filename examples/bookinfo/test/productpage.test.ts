import assert from "node:assert/strict";
import type { IncomingHttpHeaders, RequestListener } from "node:http";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { detailsRoutes } from "../src/details.ts";
import { FORWARDED_HEADERS } from "../src/forwarded-headers.ts";
import { productpageRoutes } from "../src/productpage.ts";
import { serve, serveWith, upstreamAt } from "./support.ts";

const NOBODY = "http://127.0.0.1:1";

async function productpage(
  t: TestContext,
  origins: { details?: string; reviews?: string; ratings?: string },
): Promise<string> {
  const at = (name: "details" | "reviews" | "ratings") => upstreamAt(name, origins[name] ?? NOBODY);
  return serve(t, productpageRoutes({ details: at("details"), reviews: at("reviews"), ratings: at("ratings") }));
}

function answering(value: unknown): RequestListener {
  return (_, response) => response.end(JSON.stringify(value));
}

async function login(origin: string, username: string): Promise<Response> {
  const body = new URLSearchParams({ username, passwd: "" });
  return fetch(`${origin}/login`, { method: "POST", body, redirect: "manual" });
}

function cookieOf(response: Response): string {
  return response.headers.getSetCookie()[0]!.split(";")[0]!;
}

test("the page shows the book, the reviews and who served them", async (t) => {
  const reviews = {
    podname: "reviews-v3-abc",
    reviews: [{ reviewer: "R", text: "T", rating: { stars: 4, color: "red" } }],
  };
  const origin = await productpage(t, {
    details: await serve(t, detailsRoutes),
    reviews: await serveWith(t, answering(reviews)),
  });
  const response = await fetch(`${origin}/productpage`);
  const page = await response.text();
  assert.equal(response.status, 200);
  assert.match(page, /PublisherA/);
  assert.match(page, /class="stars red" role="img" aria-label="4 of 5 stars"/);
  assert.match(page, /reviews-v3-abc/);
});

test("services that are down leave a page that says so", async (t) => {
  const origin = await productpage(t, {});
  const response = await fetch(`${origin}/productpage`);
  const page = await response.text();
  assert.equal(response.status, 200);
  assert.match(page, /Sorry, product details are currently unavailable for this book\./);
  assert.match(page, /Sorry, product reviews are currently unavailable for this book\./);
  const api = await fetch(`${origin}/api/v1/products/0/ratings`);
  assert.equal(api.status, 500);
  assert.deepEqual(await api.json(), { error: "Sorry, product ratings are currently unavailable for this book." });
});

test("reviews are asked a second time when the first answer is an error, and the API passes the status on", async (t) => {
  const statuses = [503, 200, 503, 555];
  const reviews = await serveWith(t, (_, response) => response.writeHead(statuses.shift() ?? 500).end("{}"));
  const origin = await productpage(t, { reviews });
  assert.equal((await fetch(`${origin}/api/v1/products/0/reviews`)).status, 200);
  assert.equal((await fetch(`${origin}/api/v1/products/0/reviews`)).status, 555);
});

test("markup in what other services answer is shown as text", async (t) => {
  const script = "<script>alert(1)</script>";
  const reviews = { podname: script, reviews: [{ reviewer: script, text: script, rating: { error: script } }] };
  const origin = await productpage(t, {
    details: await serveWith(t, answering({ author: script })),
    reviews: await serveWith(t, answering(reviews)),
  });
  const page = await (await fetch(`${origin}/productpage`)).text();
  assert.equal(page.includes("<script"), false);
  assert.equal(page.split("&lt;script&gt;alert(1)&lt;/script&gt;").length - 1, 5);
});

test("answers of an unexpected shape do not break the page", async (t) => {
  for (const value of [null, [], 7, { reviews: "x" }, { reviews: [null, 1, { rating: 5 }] }]) {
    const upstream = await serveWith(t, answering(value));
    const origin = await productpage(t, { details: upstream, reviews: upstream });
    assert.equal((await fetch(`${origin}/productpage`)).status, 200, JSON.stringify(value));
  }
});

test("trace headers and the logged-in user travel on; an end-user sent from outside does not", async (t) => {
  const seen: IncomingHttpHeaders[] = [];
  const details = await serveWith(t, (request, response) => {
    seen.push(request.headers);
    response.end("{}");
  });
  const origin = await productpage(t, { details });
  const traced = FORWARDED_HEADERS.filter((name) => name !== "cookie");
  const cookie = cookieOf(await login(origin, "jason"));
  const headers = Object.fromEntries(traced.map((name) => [name, `value-of-${name}`]));
  await fetch(`${origin}/api/v1/products/0`, { headers: { ...headers, cookie, "x-other": "1", "end-user": "root" } });
  await fetch(`${origin}/api/v1/products/0`, { headers: { "end-user": "jason" } });
  for (const name of traced) assert.equal(seen[0]![name], `value-of-${name}`);
  assert.equal(seen[0]!["end-user"], "jason");
  assert.equal(seen[0]!["x-other"], undefined);
  assert.equal(seen[1]!["end-user"], undefined);
});

test("a user logs in, is named on the page, and logs out", async (t) => {
  const origin = await productpage(t, {});
  const response = await login(origin, "jason");
  assert.equal(response.status, 302);
  assert.equal(response.headers.get("location"), "/productpage");
  const cookie = cookieOf(response);
  assert.match(await (await fetch(`${origin}/`, { headers: { cookie } })).text(), /<span class="user">jason<\/span>/);
  const out = await fetch(`${origin}/logout`, { headers: { cookie }, redirect: "manual" });
  assert.match(out.headers.getSetCookie()[0]!, /^session=; Max-Age=0/);
});

test("a session that was not signed here is nobody's", async (t) => {
  const origin = await productpage(t, {});
  const cookie = cookieOf(await login(origin, "jason"));
  const other = `session=${Buffer.from("admin").toString("base64url")}.${cookie.split(".")[1]}`;
  for (const forged of [other, "session=", "session=x", "session=x.é".normalize()]) {
    const page = await (
      await fetch(`${origin}/`, { headers: { cookie: Buffer.from(forged).toString("latin1") } })
    ).text();
    assert.equal(page.includes('class="user"'), false, forged);
  }
});

test("user names that could not be a header's value are refused", async (t) => {
  const origin = await productpage(t, {});
  for (const name of ["", " jason", "a\r\nx: y", "ü", "x".repeat(65)])
    assert.equal((await login(origin, name)).status, 400);
});

test("a malformed path is the client's mistake", async (t) => {
  const origin = await productpage(t, {});
  assert.equal((await fetch(`${origin}/api/v1/products/%zz`)).status, 400);
  assert.equal((await fetch(`${origin}/nothing`)).status, 404);
  assert.equal((await fetch(`${origin}/static/../src/session.ts`)).status, 404);
});
