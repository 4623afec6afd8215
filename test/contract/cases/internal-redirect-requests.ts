/** The request that a redirect is followed with: method, body and headers. */
import type { ContractCase, JsonObject } from "../harness/case.ts";
import { COUNTS, following, hosts, moved, OK, predicate, toA } from "../harness/internal-redirects.ts";
import { chunked, ended, got, head, header, send, toCluster } from "../harness/steps.ts";

const nameOf = (virtualHost: JsonObject): string => {
  const { name } = virtualHost;
  return typeof name === "string" ? name : "";
};

const TRUSTING = {
  use_remote_address: true,
  internal_address_config: { cidr_ranges: [{ address_prefix: "127.0.0.0", prefix_len: 8 }] },
};
export const CASES: readonly ContractCase[] = [
  ...following("the request", {
    "a body is sent again": {
      policy: { redirect_response_codes: [307] },
      a: [moved("http://b.test/z", 307)],
      client: [toA("POST", "/x", "content-length: 5") + "hello", got(1)],
    },
    "302 keeps the method": {
      a: [moved("http://b.test/z")],
      client: [toA("POST", "/x", "content-length: 5") + "hello", got(1)],
    },
    "303 makes it a GET without a body": {
      policy: { redirect_response_codes: [303] },
      a: [moved("http://b.test/z", 303)],
      client: [toA("POST", "/x", "content-length: 5", "content-type: text/plain") + "hello", got(1)],
    },
    "303 leaves HEAD": {
      policy: { redirect_response_codes: [303] },
      a: [head("HTTP/1.1 303 See Other", "location: http://b.test/z")],
      client: [toA("HEAD"), got(1)],
    },
    "303 of a DELETE": {
      policy: { redirect_response_codes: [303] },
      a: [moved("http://b.test/z", 303)],
      client: [toA("DELETE"), got(1)],
    },
    "303 of a chunked body": {
      policy: { redirect_response_codes: [303] },
      a: [moved("http://b.test/z", 303)],
      client: [toA("POST", "/x", "transfer-encoding: chunked") + chunked(["abc", "de"]), got(1)],
    },
    "a chunked body": {
      a: [moved("http://b.test/z")],
      client: [toA("POST", "/x", "transfer-encoding: chunked") + chunked(["abc", "de"]), got(1)],
    },
    trailers: {
      a: [moved("http://b.test/z")],
      client: [toA("POST", "/x", "transfer-encoding: chunked") + chunked(["abc", "de"], "x-t: 1"), got(1)],
    },
    "trailers, allowed": {
      a: [moved("http://b.test/z")],
      client: [toA("POST", "/x", "transfer-encoding: chunked") + chunked(["abc", "de"], "x-t: 1"), got(1)],
      more: { manager: { http_protocol_options: { enable_trailers: true } } },
    },
    "an answer before all of it is there is not followed": {
      a: [moved("http://b.test/z")],
      client: [send("c", toA("POST", "/x", "content-length: 10") + "hello"), ended()],
      more: { upstreams: { a: { early: true, answers: [moved("http://b.test/z")] }, b: OK } },
    },
    "a body that is longer than is kept is not followed": {
      a: [moved("http://b.test/z")],
      client: [toA("POST", "/x", "content-length: 20") + "x".repeat(20), got(1)],
      more: {
        virtualHosts: hosts({}).map((each) => ({ ...each, per_request_buffer_limit_bytes: 10 })),
      },
    },
    "a long body": {
      a: [moved("http://b.test/z")],
      client: [toA("POST", "/x", "content-length: 50000") + "x".repeat(50_000), got(1)],
    },
    "with Expect: 100-continue": {
      a: [moved("http://b.test/z")],
      client: [
        send("c", toA("POST", "/x", "content-length: 5", "expect: 100-continue")),
        got("100"),
        send("c", "hello"),
        got("ok"),
      ],
    },
    "a CONNECT": {
      a: [moved("http://b.test/z")],
      client: [send("c", head("CONNECT a.test:8080 HTTP/1.1", "Host: a.test:8080"))],
      more: {
        manager: { upgrade_configs: [{ upgrade_type: "CONNECT" }] },
        virtualHosts: [
          {
            name: "va",
            domains: ["*"],
            routes: [{ match: { connect_matcher: {} }, route: { cluster: "a", internal_redirect_policy: {} } }],
          },
        ],
      },
    },
    "an upgrade": {
      a: [moved("http://b.test/z")],
      client: [send("c", toA("GET", "/x", "connection: upgrade", "upgrade: websocket")), ended()],
      more: {
        stats: [...COUNTS, "cluster.a.upstream_rq_completed", "cluster.a.upstream_rq_3xx"],
        manager: { upgrade_configs: [{ upgrade_type: "websocket" }] },
      },
    },
  }),

  ...following("headers", {
    "what the first route has added stays": {
      a: [moved("http://b.test/z")],
      more: {
        virtualHosts: hosts({}).map((each) => ({
          ...each,
          request_headers_to_add: [header("x-of", nameOf(each))],
          response_headers_to_add: [header("x-by", nameOf(each))],
        })),
      },
    },
    "what the first route has removed is gone": {
      a: [moved("http://b.test/z")],
      client: [toA("GET", "/x", "x-a: 1"), got(1)],
      more: {
        virtualHosts: hosts({}).map((each, i) => (i === 0 ? { ...each, request_headers_to_remove: ["x-a"] } : each)),
      },
    },
    "rewritten path and host": {
      a: [moved("http://b.test/z")],
      more: { virtualHosts: hosts({}, { prefix_rewrite: "/p/", host_rewrite_literal: "w.test" }) },
    },
    "the destination's rewrites": {
      a: [moved("http://b.test/z")],
      more: {
        virtualHosts: [
          ...hosts({}).slice(0, 1),
          {
            name: "vb",
            domains: ["b.test"],
            routes: [toCluster("/", "b", { prefix_rewrite: "/p/", host_rewrite_literal: "w.test" })],
          },
        ],
      },
    },
    "x-forwarded-for once": {
      a: [moved("http://b.test/z")],
      more: { manager: TRUSTING, mask: [[/x-forwarded-for: .*/g, "x-forwarded-for: {peer}"]] },
    },
    "x-request-id stays": { a: [moved("http://b.test/z")], client: [toA("GET", "/x", "x-request-id: 1-2"), got(1)] },
    "via once": { a: [moved("http://b.test/z")], more: { manager: { via: "tulle" } } },
    "attempt counts": {
      a: [moved("http://b.test/z")],
      more: {
        virtualHosts: hosts({}).map((each) => ({
          ...each,
          include_request_attempt_count: true,
          include_attempt_count_in_response: true,
        })),
      },
    },
    "x-envoy-upstream-rq-timeout-ms holds for the first destination": {
      a: [moved("http://b.test/z")],
      client: [toA("GET", "/x", "x-envoy-upstream-rq-timeout-ms: 7000"), got(1)],
      more: { manager: TRUSTING, mask: [[/x-forwarded-for: .*/g, "x-forwarded-for: {peer}"]] },
    },
    "a client's x-envoy-original-url": {
      a: [moved("http://b.test/z")],
      client: [toA("GET", "/x", "x-envoy-original-url: http://e/"), got(1)],
    },
    "copied from the redirect": {
      policy: { response_headers_to_copy: ["x-b", "x-c"] },
      a: [moved("http://b.test/z", 302, "x-b: 1", "x-c: 2", "x-d: 3")],
    },
    "copied in place of the request's": {
      policy: { response_headers_to_copy: ["x-b"] },
      a: [moved("http://b.test/z", 302, "x-b: 1")],
      client: [toA("GET", "/x", "x-b: old"), got(1)],
    },
    "copied: two lines": {
      policy: { response_headers_to_copy: ["X-B"] },
      a: [moved("http://b.test/z", 302, "x-b: 1", "x-b: 2")],
    },
    "copied: what is not there is taken away": {
      policy: { response_headers_to_copy: ["x-b", "x-e"] },
      a: [moved("http://b.test/z")],
      client: [toA("GET", "/x", "x-b: old"), got(1)],
    },
    "copied: nothing where it is not followed": {
      policy: { response_headers_to_copy: ["x-b"], predicates: [predicate("allow_listed_routes")] },
      a: [moved("http://b.test/z", 302, "x-b: 1")],
      client: [toA("GET", "/x", "x-b: old"), got(1)],
    },
    "copied: the same name twice": {
      policy: { response_headers_to_copy: ["x-b", "x-b"] },
      a: [OK],
      more: { refused: true, client: [] },
    },
    "copied: no header name": {
      policy: { response_headers_to_copy: ["x\nb"] },
      a: [OK],
      more: { refused: true, client: [] },
    },
    "copied: a pseudo-header": {
      policy: { response_headers_to_copy: [":path"] },
      a: [OK],
      more: { refused: true, client: [] },
    },
    "copied: the host": {
      policy: { response_headers_to_copy: ["host"] },
      a: [OK],
      more: { refused: true, client: [] },
    },
    "what matches on headers": {
      policy: { response_headers_to_copy: ["x-b"] },
      a: [moved("http://b.test/z", 302, "x-b: 1")],
      more: {
        virtualHosts: [
          ...hosts({ response_headers_to_copy: ["x-b"] }).slice(0, 1),
          {
            name: "vb",
            domains: ["b.test"],
            routes: [
              {
                match: { prefix: "/", headers: [{ name: "x-b", string_match: { exact: "1" } }] },
                route: { cluster: "b" },
                name: "r1",
              },
              { match: { prefix: "/" }, direct_response: { status: 404 }, name: "r2" },
            ],
          },
        ],
      },
    },
  }),
];
