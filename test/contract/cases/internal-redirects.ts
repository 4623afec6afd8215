/** Redirects that the proxy follows itself, in place of its client: which, where to, how many. */
import type { ContractCase } from "../harness/case.ts";
import { first, following, hosts, moved, OK, predicate, ring, TO, toA } from "../harness/internal-redirects.ts";
import { answer, chunked, gate, got, head, toCluster, typed } from "../harness/steps.ts";

const HTTPS = { scheme_header_transformation: { scheme_to_overwrite: "https" } };

export const CASES: readonly ContractCase[] = [
  ...following("which are followed", {
    "302 to another host": { a: [moved("http://b.test/z?q=2")] },
    "302 to the same host": { a: [moved("http://a.test/z"), OK] },
    "without a policy none is": {
      a: [moved("http://b.test/z")],
      more: { virtualHosts: hosts({}, { internal_redirect_policy: null }) },
    },
    "301 is not, by default": { a: [moved("http://b.test/z", 301)] },
    "301 where it is named": { policy: { redirect_response_codes: [301] }, a: [moved("http://b.test/z", 301)] },
    "302 where only 301 is named": { policy: { redirect_response_codes: [301] }, a: [moved("http://b.test/z")] },
    "303 where it is named": { policy: { redirect_response_codes: [303] }, a: [moved("http://b.test/z", 303)] },
    "307 where it is named": { policy: { redirect_response_codes: [307] }, a: [moved("http://b.test/z", 307)] },
    "308 where it is named": { policy: { redirect_response_codes: [308] }, a: [moved("http://b.test/z", 308)] },
    "300 cannot be named": { policy: { redirect_response_codes: [300] }, a: [moved("http://b.test/z", 300)] },
    "200 cannot be named": { policy: { redirect_response_codes: [200, 302] }, a: [moved("http://b.test/z", 200)] },
    "more than five codes": {
      policy: { redirect_response_codes: [301, 302, 303, 307, 308, 200] },
      a: [OK],
      more: { refused: true, client: [] },
    },
    "a HEAD request": { a: [head("HTTP/1.1 302 Found", "location: http://b.test/z")], client: [toA("HEAD"), got(1)] },
    "its body is thrown away, and the connection with it": {
      a: [[head("HTTP/1.1 302 Found", "location: http://b.test/z", "content-length: 100"), "beginning", gate("never")]],
    },
    "a chunked body": {
      a: [
        `${head("HTTP/1.1 302 Found", "location: http://b.test/z", "transfer-encoding: chunked")}${chunked(["abc"])}`,
      ],
    },
    "the connection is used again": {
      a: [moved("http://a.test/z"), OK, OK],
      client: [toA(), got(1), toA("GET", "/again"), got(2)],
    },
    "the destination's answer is no redirect": { a: [moved("http://b.test/z")], b: [answer(503, "no")] },
    "to a route that redirects": {
      a: [moved("http://b.test/z")],
      more: {
        virtualHosts: [
          ...hosts({}).slice(0, 1),
          {
            name: "vb",
            domains: ["b.test"],
            routes: [{ match: { prefix: "/" }, redirect: { host_redirect: "c.test" }, name: "rb" }],
          },
        ],
      },
    },
    "to a route that answers by itself": {
      a: [moved("http://b.test/z")],
      more: {
        virtualHosts: [
          ...hosts({}).slice(0, 1),
          {
            name: "vb",
            domains: ["b.test"],
            routes: [
              { match: { prefix: "/" }, direct_response: { status: 418, body: { inline_string: "tea" } }, name: "rb" },
            ],
          },
        ],
      },
    },
    "to a cluster that is not there": {
      a: [moved("http://b.test/z")],
      more: {
        virtualHosts: [...hosts({}).slice(0, 1), { name: "vb", domains: ["b.test"], routes: [toCluster("/", "gone")] }],
      },
    },
    "while the next request waits": { a: [moved("http://b.test/z"), OK], client: [toA() + toA("GET", "/2"), got(2)] },
  }),

  ...following("locations", {
    none: { a: [answer(302, "moved")] },
    empty: { a: [answer(302, "moved", "location: ")] },
    "a path": { a: [moved("/z")] },
    "a relative path": { a: [moved("z")] },
    "without a scheme": { a: [moved("//b.test/z")] },
    "a scheme of another kind": { a: [moved("ftp://b.test/z")] },
    "a scheme in capitals": { a: [moved("HTTP://b.test/z")] },
    "nothing but a host": { a: [moved("http://b.test")] },
    "a host with a query": { a: [moved("http://b.test?q=1")] },
    "a port": { a: [moved("http://b.test:8080/z")] },
    "the default port": {
      a: [moved("http://b.test:80/z")],
      more: { routeConfig: { ignore_port_in_host_matching: true } },
    },
    "a host in capitals": { a: [moved("http://B.Test/z")] },
    "user information": { a: [moved("http://u:p@b.test/z")] },
    "a fragment": { a: [moved("http://b.test/z?q=1#part")] },
    "a fragment without a path": { a: [moved("http://b.test#part")] },
    "dots in the path": { a: [moved("http://b.test/w/../z")] },
    "dots in the path, normalized": { a: [moved("http://b.test/w/../z")], more: { manager: { normalize_path: true } } },
    escapes: { a: [moved("http://b.test/%41%2fz")] },
    "a space": { a: [moved("http://b.test/a b")] },
    "beyond ASCII": { a: [moved("http://b.test/\xc3\xa9")] },
    "an IPv6 host": { a: [moved("http://[::1]:8080/z")] },
    "no host": { a: [moved("http:///z")] },
    "a port that is none": { a: [moved("http://b.test:x/z")] },
    "two of them": { a: [answer(302, "", "location: http://b.test/1", "location: http://b.test/2")] },
    "spaces around it": { a: [answer(302, "", "location:   http://b.test/1  ")] },
    "a host that no virtual host has": { a: [moved("http://c.test/z")] },
  }),

  ...following("schemes", {
    "https from http": { a: [moved("https://b.test/z")] },
    "https from http, allowed": { policy: { allow_cross_scheme_redirect: true }, a: [moved("https://b.test/z")] },
    "http from https": { a: [moved("http://b.test/z")], more: { manager: HTTPS } },
    "https from https": { a: [moved("https://b.test/z")], more: { manager: HTTPS } },
    "http from https, allowed": {
      policy: { allow_cross_scheme_redirect: true },
      a: [moved("http://b.test/z")],
      more: { manager: HTTPS },
    },
    "by x-forwarded-proto": {
      a: [moved("https://b.test/z")],
      client: [toA("GET", "/x", "x-forwarded-proto: https"), got(1)],
    },
    "safe_cross_scheme takes what does not change": {
      policy: { allow_cross_scheme_redirect: true, predicates: [predicate("safe_cross_scheme")] },
      a: [moved("http://b.test/z")],
    },
    "safe_cross_scheme takes http from https": {
      policy: { allow_cross_scheme_redirect: true, predicates: [predicate("safe_cross_scheme")] },
      a: [moved("http://b.test/z")],
      more: { manager: HTTPS },
    },
    "safe_cross_scheme refuses https from http": {
      policy: { allow_cross_scheme_redirect: true, predicates: [predicate("safe_cross_scheme")] },
      a: [moved("https://b.test/z")],
    },
  }),

  ...following("how many", {
    "one, by default": { a: [TO(2)], b: [TO(3)], client: first, more: ring({}) },
    none: { policy: { max_internal_redirects: 0 }, a: [moved("http://b.test/z")] },
    two: {
      a: [TO(2)],
      b: [TO(3)],
      client: first,
      more: {
        ...ring({ max_internal_redirects: 2 }),
        upstreams: { a: { answers: [TO(2)] }, b: { answers: [TO(3)] }, c: OK },
      },
    },
    "a loop": { a: [TO(2)], b: [TO(1)], client: first, more: ring({ max_internal_redirects: 5 }) },
    "the second route's limit counts": {
      a: [TO(2)],
      b: [TO(3)],
      client: first,
      more: {
        virtualHosts: [
          {
            name: "v",
            domains: ["*"],
            routes: [
              { ...toCluster("/1", "a", { internal_redirect_policy: { max_internal_redirects: 9 } }), name: "r1" },
              { ...toCluster("/2", "b", { internal_redirect_policy: { max_internal_redirects: 1 } }), name: "r2" },
              { ...toCluster("/3", "a"), name: "r3" },
            ],
          },
        ],
      },
    },
    "each request has its own count": {
      a: [moved("http://a.test/z"), OK, moved("http://a.test/z"), OK],
      client: [toA(), got(1), toA(), got(2)],
    },
  }),

  ...following("predicates", {
    "previous_routes: another route": {
      a: [TO(2)],
      b: [OK],
      client: first,
      more: ring({ max_internal_redirects: 5, predicates: [predicate("previous_routes")] }),
    },
    "previous_routes: not the same route twice": {
      a: [TO(2)],
      b: [TO(1)],
      client: first,
      more: ring({ max_internal_redirects: 5, predicates: [predicate("previous_routes")] }),
    },
    "previous_routes: the same route, by itself": {
      policy: { max_internal_redirects: 5, predicates: [predicate("previous_routes")] },
      a: [moved("http://a.test/z"), moved("http://a.test/w"), OK],
    },
    "allow_listed_routes: listed": {
      a: [TO(2)],
      b: [OK],
      client: first,
      more: ring({ predicates: [predicate("allow_listed_routes", { allowed_route_names: ["r2"] })] }),
    },
    "allow_listed_routes: not listed": {
      a: [TO(2)],
      b: [OK],
      client: first,
      more: ring({ predicates: [predicate("allow_listed_routes", { allowed_route_names: ["r3"] })] }),
    },
    "allow_listed_routes: empty": {
      a: [TO(2)],
      client: first,
      more: ring({ predicates: [predicate("allow_listed_routes")] }),
    },
    "several: all must agree": {
      a: [TO(2)],
      b: [TO(1)],
      client: first,
      more: ring({
        max_internal_redirects: 5,
        predicates: [
          predicate("allow_listed_routes", { allowed_route_names: ["r1", "r2"] }),
          predicate("previous_routes"),
        ],
      }),
    },
    "one that is not known": {
      policy: {
        predicates: [
          { name: "x", typed_config: typed("extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate") },
        ],
      },
      a: [OK],
      more: { refused: true, client: [] },
    },
    "by name only": {
      policy: { predicates: [{ name: "envoy.internal_redirect_predicates.previous_routes" }] },
      a: [OK],
      more: { refused: true, client: [] },
    },
  }),
];
