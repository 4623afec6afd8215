/** Random routes, virtual hosts and route configurations. */
import type { JsonObject } from "../contract/harness/case.ts";
import { NAMES, PLAIN_SEGMENTS } from "./choice.ts";
import type { Choice } from "./choice.ts";
import { perFilter } from "./random-filters.ts";
import { headerOperations } from "./random-headers.ts";
import { configuredPath, pattern, routeMatch } from "./random-matchers.ts";

const SUBSTITUTIONS = ["", "x", "/x", "\\0", "\\1", "\\1\\2", "/y/\\0?z", "\\\\"];

function regexRewrite(choice: Choice): JsonObject {
  const regex = choice.one([
    "^/a",
    "/a/(.*)",
    "^/([^/]+)/?(.*)$",
    "a",
    "b*",
    `/${pattern(choice)}`,
    pattern(choice, 1),
  ]);
  return { pattern: { regex }, substitution: choice.one(SUBSTITUTIONS) };
}

/** At most one; the empty prefix is no rewrite. */
function pathRewrite(choice: Choice): JsonObject {
  return choice.made<JsonObject>(
    () => ({}),
    () => ({}),
    () => ({ prefix_rewrite: choice.one(["/", "/x", "/x/", "x", "/a?b", configuredPath(choice)]) }),
    () => ({ regex_rewrite: regexRewrite(choice) }),
  );
}

function hostRewrite(choice: Choice): JsonObject {
  if (choice.chance(60)) return {};
  return {
    ...choice.made<JsonObject>(
      () => ({ host_rewrite_literal: choice.one(["r.test", "r.test:81"]) }),
      () => ({ auto_host_rewrite: true }),
      () => ({ host_rewrite_header: choice.one(NAMES) }),
      () => ({
        host_rewrite_path_regex: {
          pattern: { regex: choice.one(["^/([^/]*).*$", "/(.*)", "a"]) },
          substitution: choice.one(["\\1", "\\1.test", "h"]),
        },
      }),
    ),
    ...choice.perhaps(40, () => ({ append_x_forwarded_host: true })),
  };
}

function weighted(choice: Choice): JsonObject {
  const cluster = (weight: number): JsonObject => ({
    name: choice.one(["a", "b", "c"]),
    weight,
    ...headerOperations(choice, 30),
    ...choice.perhaps(20, () => ({ host_rewrite_literal: "w.test" })),
    ...perFilter(choice, 20),
  });
  const all = [cluster(0), cluster(1), cluster(0)];
  return { weighted_clusters: { clusters: all.slice(choice.below(2), 2 + choice.below(2)) } };
}

function retryPolicy(choice: Choice): JsonObject {
  return {
    retry_on: choice.one(["5xx", "gateway-error", "retriable-4xx", "reset", "retriable-status-codes", "5xx,retriable-headers", "connect-failure", "unavailable"]), // prettier-ignore
    num_retries: choice.below(3),
    retry_back_off: { base_interval: "0.001s", max_interval: "0.002s" },
    ...choice.perhaps(30, () => ({ retriable_status_codes: [404, 201] })),
    ...choice.perhaps(20, () => ({ retriable_headers: [{ name: "x-a", string_match: { exact: "a" } }] })),
    ...choice.perhaps(20, () => ({ retriable_request_headers: [{ name: "x-a", present_match: true }] })),
  };
}

function toUpstream(choice: Choice): JsonObject {
  return {
    route: {
      ...choice.made<JsonObject>(
        () => ({ cluster: choice.one(["a", "b", "c"]) }),
        () => ({ cluster: choice.one(["a", "b", "c"]) }),
        () => (choice.chance(30) ? { cluster: "missing" } : { cluster: "a" }),
        () => (choice.chance(50) ? { cluster_header: choice.one(NAMES) } : { cluster: "b" }),
        () => weighted(choice),
      ),
      ...pathRewrite(choice),
      ...hostRewrite(choice),
      ...choice.perhaps(10, () => ({
        cluster_not_found_response_code: choice.one(["NOT_FOUND", "INTERNAL_SERVER_ERROR"]),
      })),
      ...choice.perhaps(15, () => ({ retry_policy: retryPolicy(choice) })),
      ...choice.perhaps(10, () => ({ timeout: choice.one(["0s", "9s", "20s"]) })),
      ...choice.perhaps(5, () => ({
        upgrade_configs: [{ upgrade_type: choice.one(["websocket", "CONNECT", "x"]), enabled: choice.chance(80) }],
      })),
      ...choice.perhaps(3, () => ({ priority: "HIGH" })),
    },
  };
}

function redirect(choice: Choice): JsonObject {
  return {
    redirect: {
      ...choice.made<JsonObject>(
        () => ({}),
        () => ({ https_redirect: choice.chance(80) }),
        () => ({ scheme_redirect: choice.one(["ftp", "https", "HTTP"]) }),
      ),
      ...choice.perhaps(30, () => ({ host_redirect: choice.one(["r.test", "r.test:81", "[::1]"]) })),
      ...choice.perhaps(30, () => ({ port_redirect: choice.one([80, 443, 8443]) })),
      ...choice.made<JsonObject>(
        () => ({}),
        () => ({ path_redirect: choice.one(["/r", "/r?x=1", "r", "/", "http://z.test/"]) }),
        () => ({ prefix_rewrite: choice.one(["/r", "/", "", "/r?x"]) }),
        () => ({ regex_rewrite: regexRewrite(choice) }),
      ),
      ...choice.perhaps(30, () => ({
        response_code: choice.one([
          "MOVED_PERMANENTLY",
          "FOUND",
          "SEE_OTHER",
          "TEMPORARY_REDIRECT",
          "PERMANENT_REDIRECT",
        ]),
      })),
      ...choice.perhaps(30, () => ({ strip_query: true })),
    },
  };
}

function directResponse(choice: Choice): JsonObject {
  return {
    direct_response: {
      status: choice.one([200, 404, 418, 500, 599]),
      ...choice.perhaps(60, () => ({ body: { inline_string: choice.one(["", "x", "hello\n"]) } })),
    },
  };
}

function route(choice: Choice, name: string): JsonObject {
  const action = choice.below(10);
  return {
    ...choice.perhaps(70, () => ({ name })),
    match: routeMatch(choice),
    ...(action < 6 ? toUpstream(choice) : action < 8 ? redirect(choice) : directResponse(choice)),
    ...headerOperations(choice, 25),
    ...perFilter(choice, 20),
    ...choice.perhaps(10, () => ({ metadata: { filter_metadata: { ns: { k: "v" } } } })),
  };
}

const DOMAINS = [["a.test"], ["b.test", "a.test:8080"], ["*.a.test"], ["a.*", "[::1]"], ["*"], ["*.b.a.test", "10.*"]];

function virtualHost(choice: Choice, domains: readonly string[], name: string): JsonObject {
  return {
    name,
    domains,
    routes: [0, 1, 2, 3, 4, 5, 6].slice(choice.below(6)).map((i) => route(choice, `${name}-${i}`)),
    ...choice.perhaps(4, () => ({ require_tls: choice.one(["ALL", "EXTERNAL_ONLY"]) })),
    ...headerOperations(choice, 15),
    ...perFilter(choice, 25),
    ...choice.perhaps(10, () => ({ include_request_attempt_count: true })),
    ...choice.perhaps(10, () => ({ include_attempt_count_in_response: true })),
    ...choice.perhaps(5, () => ({ retry_policy: retryPolicy(choice) })),
  };
}

export function virtualHosts(choice: Choice): JsonObject[] {
  const chosen = DOMAINS.filter(() => choice.chance(70));
  return (chosen.length === 0 ? [["*"]] : chosen).map((domains, i) => virtualHost(choice, domains, `v${i}`));
}

export function routeConfig(choice: Choice): JsonObject {
  return {
    ...headerOperations(choice, 10),
    ...perFilter(choice, 5),
    ...choice.perhaps(20, () => ({ most_specific_header_mutations_wins: true })),
    ...choice.perhaps(15, () => ({ ignore_port_in_host_matching: true })),
    ...choice.perhaps(15, () => ({ ignore_path_parameters_in_path_matching: true })),
  };
}

/** A path as a client sends it. */
export function requestedPath(choice: Choice, segments: readonly string[]): string {
  const path = choice.list(4, () => `/${choice.one(choice.chance(60) ? PLAIN_SEGMENTS : segments)}`).join("");
  const query = choice.chance(35) ? `?${choice.list(3, () => choice.one(["q=1", "q=a", "q=", "q", "r=b", "Q=1", "a=%61", "=", "q=1", "q=a%20b", "a=b=c", "#f", "r=\xe9"])).join("&")}` : ""; // prettier-ignore
  return (path === "" || choice.chance(10) ? `${path}/` : path) + query;
}
