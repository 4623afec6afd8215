/** The two HTML pages. What the other services answered is untrusted: shapes are checked, text is escaped. */
import { Markup, html } from "./html.ts";
import type { Product } from "./products.ts";

/** A service's answer as the page needs it: the value, or the sentence to show instead. */
export type Fetched = { status: 200; value: unknown } | { status: number; value: { error: string } };

export interface PageData {
  product: Product;
  details: Fetched;
  reviews: Fetched;
  user: string | undefined;
}

export function productPage({ product, details, reviews, user }: PageData): string {
  const body = html` <section class="hero">
      <div class="cover" aria-hidden="true">
        <span>The<br />Comedy<br />of Errors</span><small>W. Shakespeare</small>
      </div>
      <div>
        <h1>${product.title}</h1>
        <p class="summary">${new Markup(product.descriptionHtml)}</p>
      </div>
    </section>
    <div class="columns">
      <section class="card" id="details">
        <h2>Book Details</h2>
        ${details.status === 200 ? detailsTable(details.value) : failure(details.value)}
      </section>
      <section class="card" id="reviews">
        <h2>Book Reviews</h2>
        ${reviews.status === 200 ? reviewList(reviews.value) : failure(reviews.value)}
      </section>
    </div>`;
  return layout(product.title, body, user);
}

export function indexPage(user: string | undefined): string {
  const services = [
    ["productpage", "calls details and reviews, shows this site"],
    ["details", "knows the book"],
    ["reviews", "v1 without stars, v2 with black stars, v3 with red stars; v2 and v3 call ratings"],
    ["ratings", "knows the stars"],
  ].map(
    ([name, what]) =>
      html`<tr>
        <th scope="row">${name}</th>
        <td>${what}</td>
      </tr>`,
  );
  const body = html` <section class="card">
    <h1>Hello! This is a simple bookstore of four services.</h1>
    <table>
      ${services}
    </table>
    <p><a class="button" href="/productpage">Open the product page</a></p>
    <p class="note">Sign in as <b>jason</b> (any password) to be the test user that the routing examples match.</p>
  </section>`;
  return layout("Bookinfo", body, user);
}

function layout(title: string, body: Markup, user: string | undefined): string {
  const account =
    user === undefined
      ? html`<details class="login">
          <summary>Sign in</summary>
          <form method="post" action="/login">
            <label>User name <input name="username" autocomplete="username" required maxlength="64" /></label>
            <label>Password <input name="passwd" type="password" autocomplete="current-password" /></label>
            <button>Sign in</button>
            <p class="note">Any password will do.</p>
          </form>
        </details>`
      : html`<span class="user">${user}</span> <a href="/logout">sign out</a>`;
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title}</title>
        <link rel="icon" href="data:," />
        <link rel="stylesheet" href="/static/bookinfo.css" />
      </head>
      <body>
        <header>
          <a class="brand" href="/productpage">Bookinfo</a>
          <nav>${account}</nav>
        </header>
        <main>${body}</main>
      </body>
    </html> `;
  return page.html;
}

const DETAILS: readonly (readonly [key: string, label: string])[] = [
  ["ISBN-10", "ISBN-10"],
  ["ISBN-13", "ISBN-13"],
  ["publisher", "Publisher"],
  ["author", "Author"],
  ["year", "Year"],
  ["type", "Type"],
  ["pages", "Pages"],
  ["language", "Language"],
];

function detailsTable(value: unknown): Markup {
  const details = record(value);
  const rows = DETAILS.map(
    ([key, label]) =>
      html`<tr>
        <th scope="row">${label}</th>
        <td>${text(details[key])}</td>
      </tr>`,
  );
  return html`<table>
    ${rows}
  </table>`;
}

function reviewList(value: unknown): Markup {
  const { podname, reviews } = record(value);
  const list = (Array.isArray(reviews) ? reviews : []).map((entry) => {
    const review = record(entry);
    return html`<figure>
      <blockquote>${text(review["text"])}</blockquote>
      <figcaption>${text(review["reviewer"])} ${stars(review["rating"])}</figcaption>
    </figure>`;
  });
  const pod = text(podname);
  const version = /^reviews-(v\d+)-/.exec(pod)?.[1];
  const badge = version === undefined ? undefined : html`<b class="version ${version}">${version}</b> `;
  return html`${list}
    <p class="served">Reviews served by ${badge}<code>${pod}</code></p>`;
}

function stars(rating: unknown): Markup | undefined {
  if (rating === undefined) return undefined;
  const { stars, color, error } = record(rating);
  if (typeof stars !== "number") return html`<span class="failure small">${text(error)}</span>`;
  const filled = Math.min(5, Math.max(0, Math.round(stars)));
  const shown = html`${"★".repeat(filled)}<span class="empty">${"★".repeat(5 - filled)}</span>`;
  return html`<span class="stars ${color === "red" ? "red" : "black"}" role="img" aria-label="${filled} of 5 stars"
    >${shown}</span
  >`;
}

function failure(value: unknown): Markup {
  return html`<p class="failure">${text(record(value)["error"])}</p>`;
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

function text(value: unknown): string {
  return typeof value === "string" || typeof value === "number" ? String(value) : "";
}
