/** Random requests, well formed but odd, and random answers. */
import type { Act } from "../contract/harness/case.ts";
import { chunked } from "../contract/harness/steps.ts";
import { HOSTS, METHODS, NAMES, SEGMENTS, SPECIAL_NAMES, VALUES } from "./choice.ts";
import type { Choice } from "./choice.ts";
import type { Exchange } from "./exchange.ts";
import { requestedPath } from "./random-routes.ts";

const ODD_HOSTS = ["", "a.test:", "a.test:x", "a..test", "[::1]:80", "[::1", "a_b", "user@a.test", "a.test:99999", "a.test:080", "*", "a,b", "%61.test", "xn--a", "a.test/", "a test", "[a.test]", "a.test?", "-", "a.test\\", "10.0.0.1:80"]; // prettier-ignore

function headerLines(choice: Choice): string[] {
  return choice.list(5, () => {
    const name = choice.one(choice.chance(55) ? NAMES : SPECIAL_NAMES);
    const written = choice.chance(20) ? name.toUpperCase() : name;
    return `${written}:${choice.one([" ", " ", " ", "", "  "])}${value(choice, name)}${choice.one(["", "", "", "", " "])}\r\n`;
  });
}

/** Values that mean something to whoever reads the header, half of the time. */
function value(choice: Choice, name: string): string {
  const known = MEANT[name];
  return known === undefined || choice.chance(35) ? choice.one(VALUES) : choice.one(known);
}

const MEANT: Readonly<Record<string, readonly string[]>> = {
  "x-forwarded-for": [
    "10.0.0.1",
    "1.2.3.4,10.0.0.1",
    "127.0.0.1",
    "x",
    "1.2.3.4, 5.6.7.8, 9.9.9.9",
    "::1",
    "1.2.3.4:80",
    "",
  ],
  "x-forwarded-proto": ["http", "https", "HTTP", "ftp"],
  "x-forwarded-port": ["80", "x"],
  "x-request-id": ["00000000-0000-4000-8000-000000000000", "mine", "00000000-0000-9000-8000-000000000000"],
  cookie: ["a=b", "a=b; c=d", 'a="b"', "q", "a=b;c=d", "c=; a=1", "A=b"],
  te: ["trailers", "TRAILERS", "gzip, trailers", "gzip", "trailers;q=1"],
  expect: ["100-continue", "100-Continue", "x"],
  referer: ["http://a.test/x", "http://u@a.test/", "http://a.test/#f", "/x", "http://a.test/x?y", "https://a.test:80/"],
  "content-type": ["application/grpc", "application/grpc+proto", "application/grpc-web", "text/plain"],
  "x-envoy-max-retries": ["0", "1", "x", "-1"],
  "x-envoy-retry-on": ["5xx", "retriable-4xx", "x", "gateway-error,reset"],
  "x-envoy-upstream-rq-timeout-ms": ["9000", "x", "0"],
  "x-envoy-fault-abort-request": ["418", "200", "199", "600", "x"],
  "x-envoy-force-trace": ["true", "x"],
  "x-envoy-retriable-status-codes": ["404", "404,201", "x"],
  "grpc-timeout": ["9S", "x", "5M"],
  origin: ["http://a.test", "null"],
};

function host(choice: Choice): string {
  return choice.one(choice.chance(90) ? HOSTS : ODD_HOSTS);
}

function target(choice: Choice): string[] {
  const path = requestedPath(choice, SEGMENTS).replaceAll(" ", "%20");
  const asked = choice.below(100);
  if (asked < 90) return path.startsWith("/") ? path.split(/(?=[/?&])/) : [path];
  if (asked < 96) return [choice.one(["http://", "https://", "HTTP://", "ftp://", "http:"]), host(choice), path];
  return [choice.one(["*", "", "a", "a.test:80", "?q=1", "//a.test/a", "http://", "/a#b"])];
}

function body(choice: Choice): { readonly lines: readonly string[]; readonly pieces: readonly string[] } {
  const asked = choice.below(10);
  if (asked < 6) return { lines: [], pieces: [] };
  if (asked === 6) return { lines: ["content-length: 0\r\n"], pieces: [] };
  if (asked < 9) return { lines: ["content-length: 5\r\n"], pieces: ["hello"] };
  return {
    lines: ["transfer-encoding: chunked\r\n"],
    pieces: [choice.one([chunked(["he", "llo"]), chunked([]), chunked(["x"], "x-t: 1")])],
  };
}

export function randomRequest(choice: Choice): string[] {
  if (choice.chance(6)) return preflight(choice);
  const { lines, pieces } = body(choice);
  // Transfer-Encoding is refused there: docs/compatibility-notes/http1-strictness.md.
  const version = lines.some((line) => line.startsWith("transfer")) || choice.chance(96) ? "HTTP/1.1" : "HTTP/1.0";
  const hosts = choice.chance(97) ? [`Host: ${host(choice)}\r\n`] : [];
  const connection = choice.chance(8)
    ? [`Connection: ${choice.one(["close", "keep-alive", "x-a", "x-a, close", "te", "CLOSE", "x-b,x-c"])}\r\n`]
    : [];
  const upgrade = choice.chance(2)
    ? ["Connection: upgrade\r\n", `Upgrade: ${choice.one(["websocket", "x", "h2c"])}\r\n`]
    : [];
  const rest = [...lines, ...connection, ...upgrade, ...headerLines(choice)];
  if (choice.chance(30)) rest.reverse();
  return [choice.one(METHODS), " ", ...target(choice), ` ${version}\r\n`, ...hosts, ...rest, "\r\n", ...pieces];
}

function preflight(choice: Choice): string[] {
  return [
    choice.one(["OPTIONS", "OPTIONS", "GET"]),
    " ",
    requestedPath(choice, SEGMENTS).replaceAll(" ", ""),
    " HTTP/1.1\r\n",
    `Host: ${choice.one(HOSTS)}\r\n`,
    `origin: ${choice.one(["http://a.test", "http://b.test", "null", "a"])}\r\n`,
    ...(choice.chance(80) ? [`access-control-request-method: ${choice.one(["GET", ""])}\r\n`] : []),
    ...(choice.chance(20) ? ["access-control-request-private-network: true\r\n"] : []),
    "\r\n",
  ];
}

const STATUSES = [200, 200, 200, 200, 201, 204, 301, 302, 304, 400, 404, 409, 418, 429, 500, 502, 503, 504];
const ANSWER_LINES = ["x-a: a\r\n", "X-A: b\r\n", "x-b: \r\n", "x-c: \xe9\r\n", "set-cookie: a=b\r\n", "set-cookie: c\r\n", "server: up\r\n", "date: x\r\n", "via: up\r\n", "vary: a\r\n", "vary: b\r\n", "location: http://up.test/x?y\r\n", "location: /x\r\n", "connection: x-a\r\n", "keep-alive: timeout=5\r\n", "x-envoy-upstream-service-time: 5\r\n", "content-type: text/html\r\n", "content-type: application/grpc\r\n", "grpc-status: 14\r\n", "x-envoy-attempt-count: 9\r\n", "access-control-allow-origin: up\r\n", "x-request-id: up\r\n", "te: x\r\n", "trailer: x\r\n", "proxy-connection: x\r\n", "upgrade: x\r\n", "x-envoy-overloaded: true\r\n", "retry-after: 1\r\n", "x-envoy-immediate-health-check-fail: 1\r\n", "x-envoy-degraded: 1\r\n", "cache-control: a\r\n", "etag: e\r\n", "x-envoy-ratelimited: true\r\n"]; // prettier-ignore

export function randomAnswer(choice: Choice): Act[] {
  if (choice.chance(2)) return [{ do: choice.one(["close", "reset"] as const) }];
  const status = choice.one(STATUSES);
  const lines = choice.list(4, () => choice.one(ANSWER_LINES)).join("");
  const first = `HTTP/1.1 ${status} ${choice.one(["OK", "", "x y"])}\r\n`;
  const interim = choice.chance(2)
    ? choice.one(["HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 103 Early\r\nlink: x\r\n\r\n"])
    : "";
  if (status === 204 || status === 304) return [`${interim}${first}${lines}\r\n`];
  const asked = choice.below(10);
  if (asked < 7) return [`${interim}${first}content-length: 2\r\n${lines}\r\nok`];
  if (asked < 9)
    return [
      `${interim}${first}${lines}transfer-encoding: chunked\r\n\r\n${choice.one([chunked(["o", "k"]), chunked(["ok"], "x-t: 1")])}`,
    ];
  return [`${interim}${first}connection: close\r\n${lines}\r\nok`, { do: "close" }];
}

export function randomExchange(choice: Choice): Exchange {
  return { request: randomRequest(choice), answer: randomAnswer(choice), fresh: choice.chance(20) };
}
