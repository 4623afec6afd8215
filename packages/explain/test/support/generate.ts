/** Random configurations of one mesh, and requests that have to do with them. The same seed gives the same. */
import type { SentRequest } from "./live-mesh.ts";

export interface Generated {
  readonly yaml: string;
  readonly requests: readonly SentRequest[];
}

type Random = () => number;

/** Mulberry32. */
export function randomOf(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let value = state;
    value = Math.imul(value ^ (value >>> 15), value | 1);
    value ^= value + Math.imul(value ^ (value >>> 7), value | 61);
    return ((value ^ (value >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const USERS = ["jason", "mary", "anna"];
const PATHS = ["/", "/reviews/0", "/reviews/1?full=true", "/ratings/0", "/admin", "/admin/x", "/Reviews/0"];
const METHODS = ["GET", "POST", "DELETE"];
const SUBSETS = ["v1", "v2", "v3", "missing"];

class Generator {
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  chance(share: number): boolean {
    return this.#random() < share;
  }

  pick<T>(values: readonly T[]): T {
    return values[Math.floor(this.#random() * values.length)]!;
  }

  number(from: number, to: number): number {
    return from + Math.floor(this.#random() * (to - from + 1));
  }
}

/** YAML block style, so that each value has its own line. */
export function generate(seed: number): Generated {
  const g = new Generator(randomOf(seed));
  const documents = [service("reviews"), service("ratings"), destinationRule(g)];
  if (g.chance(0.9)) documents.push(virtualService(g, "reviews", "reviews"));
  if (g.chance(0.4))
    documents.push(virtualService(g, "ratings", g.pick(["ratings", "ratings.default.svc.cluster.local"])));
  // Of the same host, and younger: it is shadowed.
  if (g.chance(0.2)) documents.push(virtualService(g, "zz-shadowed", "reviews"));
  if (g.chance(0.5)) documents.push(authorization(g, "deny", "DENY"));
  if (g.chance(0.3)) documents.push(authorization(g, "allow", "ALLOW"));
  return { yaml: documents.join("---\n"), requests: Array.from({ length: 4 }, () => request(g)) };
}

function request(g: Generator): SentRequest {
  const host = g.pick([
    "reviews:9080",
    "reviews:9080",
    "reviews:9080",
    "reviews",
    "ratings:9080",
    "reviews.default:9080",
    "reviews.default.svc.cluster.local:9080",
  ]);
  const headers: Record<string, string> = {};
  if (g.chance(0.6)) headers["end-user"] = g.pick(USERS);
  if (g.chance(0.4)) headers["x-version"] = g.pick(["1", "2", "beta"]);
  return { method: g.pick(METHODS), url: `http://${host}${g.pick(PATHS)}`, headers };
}

function service(name: string): string {
  return `apiVersion: v1
kind: Service
metadata:
  name: ${name}
spec:
  selector:
    app: ${name}
  ports:
    - name: http
      port: 9080
`;
}

function destinationRule(g: Generator): string {
  const subsets = SUBSETS.slice(0, 3).filter(() => g.chance(0.85));
  const policy = g.chance(0.5)
    ? `  trafficPolicy:
    connectionPool:
      tcp:
        maxConnections: ${g.number(10, 90)}
      http:
        http1MaxPendingRequests: ${g.number(10, 90)}
    outlierDetection:
      consecutive5xxErrors: ${g.number(50, 90)}
      interval: ${g.number(30, 90)}s
`
    : "";
  const list = subsets.map(
    (name) => `    - name: ${name}
      labels:
        version: ${name}
`,
  );
  return `apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata:
  name: reviews
spec:
  host: reviews
${policy}${list.length === 0 ? "" : `  subsets:\n${list.join("")}`}`;
}

function virtualService(g: Generator, name: string, host: string): string {
  const routes = Array.from({ length: g.number(1, 4) }, (_, index) => route(g, `${name}-${index}`, index));
  return `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: ${name}
  creationTimestamp: "2026-0${name === "zz-shadowed" ? 2 : 1}-01T00:00:00Z"
spec:
  hosts:
    - ${host}
  http:
${routes.join("")}`;
}

function route(g: Generator, name: string, index: number): string {
  const matches = g.chance(index === 0 ? 0.85 : 0.6) ? Array.from({ length: g.number(1, 2) }, () => match(g)) : [];
  return `    - name: ${name}
${matches.length === 0 ? "" : `      match:\n${matches.join("")}`}${extras(g)}${action(g)}      headers:
        response:
          set:
            x-route: ${name}
`;
}

function match(g: Generator): string {
  const conditions: string[] = [];
  if (g.chance(0.5)) {
    conditions.push(
      g.pick([
        `uri:\n            exact: ${g.pick(["/reviews/0", "/admin"])}\n`,
        `uri:\n            prefix: ${g.pick(["/reviews", "/admin", "/ratings"])}\n`,
        `uri:\n            regex: /r[a-z]+/[0-9]\n`,
      ]),
    );
  }
  if (g.chance(0.4))
    conditions.push(
      `headers:\n            end-user:\n              ${g.pick([`exact: ${g.pick(USERS)}`, "prefix: ja", "regex: m.*y"])}\n`,
    );
  if (g.chance(0.2)) conditions.push(`method:\n            exact: ${g.pick(METHODS)}\n`);
  if (g.chance(0.15)) conditions.push(`queryParams:\n            full:\n              exact: "true"\n`);
  if (g.chance(0.15)) conditions.push(`withoutHeaders:\n            x-version:\n              exact: beta\n`);
  if (conditions.length === 0) conditions.push(`uri:\n            prefix: ${g.pick(["/reviews", "/"])}\n`);
  return conditions.map((text, index) => `${index === 0 ? "        - " : "          "}${text}`).join("");
}

function extras(g: Generator): string {
  let text = "";
  if (g.chance(0.3)) text += `      timeout: ${g.number(3, 9)}s\n`;
  if (g.chance(0.2)) text += `      retries:\n        attempts: ${g.number(1, 4)}\n        retryOn: 5xx\n`;
  return text;
}

function action(g: Generator): string {
  const kind = g.number(0, 9);
  if (kind === 0) return `      directResponse:\n        status: ${g.pick([200, 404, 418])}\n`;
  if (kind === 1) return `      redirect:\n        uri: /elsewhere\n        redirectCode: ${g.pick([301, 302, 307])}\n`;
  let fault = "";
  if (kind === 2) {
    fault = `      fault:\n        abort:\n          httpStatus: ${g.pick([500, 503, 555])}\n          percentage:\n            value: ${g.pick([100, 50])}\n`;
  }
  const host = g.chance(0.85) ? "reviews" : "ratings";
  const destination = (indent: string): string =>
    `${indent}- destination:\n${indent}    host: ${host}\n${host === "reviews" && g.chance(0.8) ? `${indent}    subset: ${g.pick(SUBSETS)}\n` : ""}`;
  const list = g.chance(0.35)
    ? [destination("        ") + "          weight: 30\n", destination("        ") + "          weight: 70\n"]
    : [destination("        ")];
  const rewrite = g.chance(0.15) ? "      rewrite:\n        uri: /admin\n" : "";
  return `${fault}${rewrite}      route:\n${list.join("")}`;
}

function authorization(g: Generator, name: string, act: string): string {
  const operation = g.pick([
    `methods:\n              - ${g.pick(METHODS)}\n`,
    `paths:\n              - "${g.pick(["/admin*", "/reviews/0", "*/0"])}"\n`,
    `notPaths:\n              - ${g.pick(["/reviews*", "/admin*"])}\n`,
  ]);
  return `apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata:
  name: ${name}
spec:
  selector:
    matchLabels:
      app: ${g.pick(["reviews", "ratings"])}
  action: ${act}
  rules:
    - to:
        - operation:
            ${operation}`;
}
