/** Bookinfo's details service: what the book is. `GET /details/{id}`, `GET /health`. */
import { json, main } from "./server.ts";
import type { Reply, Route } from "./server.ts";

export const detailsRoutes: readonly Route[] = [
  { method: "GET", path: /^\/health$/, answer: () => json({ status: "Details is healthy" }) },
  { method: "GET", path: /^\/details(?:\/([^/]*))?$/, answer: ({ params }) => details(params[0]) },
];

function details(id = ""): Reply {
  if (!/^\d{1,15}$/.test(id)) return json({ error: "please provide numeric product id" }, 400);
  return json({
    id: Number(id),
    author: "William Shakespeare",
    year: 1595,
    type: "paperback",
    pages: 200,
    publisher: "PublisherA",
    language: "English",
    "ISBN-10": "1234567890",
    "ISBN-13": "123-1234567890",
  });
}

if (import.meta.main) main("details", detailsRoutes);
