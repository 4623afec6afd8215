/** The JWT filter: what upstreams, other filters and logs are told of a token; which tokens are remembered. */
import { token } from "../../support/tokens.ts";
import type { ContractCase, JsonObject } from "../harness/case.ts";
import {
  BAD_P,
  BAD_Q,
  EXPIRED_P,
  GOOD,
  JWT_FILTER,
  LOG,
  P,
  Q,
  STRANGE_P,
  all,
  any,
  bearer,
  named,
  needs,
  provider,
  requires,
  tokens,
} from "../harness/jwt.ts";
import { answer, get, inTurn, post, toCluster, typed } from "../harness/steps.ts";

const FORWARD = "JWT: what upstreams are told";
const METADATA = "JWT: metadata";
const CACHE = "JWT: cache of tokens";

export const CASES: readonly ContractCase[] = [
  // What upstreams are told.
  tokens("forward_payload_header", FORWARD, [get("/", bearer(GOOD), "x-payload: mine")], {
    forward_payload_header: "X-Payload",
  }),
  tokens(
    "forward_payload_header: the client's is removed though the token is refused",
    FORWARD,
    [get("/", P, "x-payload: mine")],
    {},
    {
      filters: requires(any(named("p"), { allow_missing_or_failed: {} }), {
        p: provider({ forward_payload_header: "x-payload" }),
      }),
    },
  ),
  tokens(
    "pad_forward_payload_header",
    FORWARD,
    ["a", "ab", "abc"].map((sub) => get("/", bearer(token({ sub })))),
    { forward_payload_header: "x-payload", pad_forward_payload_header: true },
  ),
  tokens(
    "claim_to_headers: kinds of claims",
    FORWARD,
    [
      get(
        "/",
        bearer(
          token({
            s: "text",
            n: 12,
            d: 1.5,
            neg: -3,
            big: 2 ** 63,
            huge: 1e21,
            small: 1e-7,
            t: true,
            f: false,
            z: null,
            l: ["a"],
            o: { in: { side: "deep" } },
            e: "",
            "a.b": "dotted",
            u: "gr\u00fc\u00df \u20ac",
          }),
        ),
        "x-s: mine",
        "x-missing: mine",
      ),
    ],
    {
      claim_to_headers: [
        "s",
        "n",
        "d",
        "neg",
        "big",
        "huge",
        "small",
        "t",
        "f",
        "z",
        "l",
        "o",
        "o.in.side",
        "o.in",
        "e",
        "a.b",
        "u",
        "missing",
      ].map((claim_name) => ({ header_name: `x-${claim_name}`, claim_name })),
    },
  ),
  tokens("claim_to_headers: claim_path", FORWARD, [get("/", bearer(token({ "a.b": "dotted", o: { "c.d": 1 } })))], {
    claim_to_headers: [
      { header_name: "x-1", claim_path: [{ key: "a.b" }] },
      { header_name: "x-2", claim_path: [{ key: "o" }, { key: "c.d" }] },
      { header_name: "x-3", claim_path: [{ key: "o" }, { key: "e" }] },
    ],
  }),
  {
    name: "claim_to_headers: neither name nor path",
    feature: FORWARD,
    filters: needs({ claim_to_headers: [{ header_name: "x-1" }] }),
    client: [],
    refused: true,
  },
  {
    name: "claim_to_headers: both name and path",
    feature: FORWARD,
    filters: needs({ claim_to_headers: [{ header_name: "x-1", claim_name: "a", claim_path: [{ key: "b" }] }] }),
    client: [],
    refused: true,
  },
  tokens(
    "CVE class: claims that would end a header line",
    FORWARD,
    ["x\r\nx-admin: true", "x\ny", "x\ry", "x\u0000y", "x\u007fy", "x\u0001y"].map((a) =>
      get("/", bearer(token({ a }))),
    ),
    { claim_to_headers: [{ header_name: "x-a", claim_name: "a" }] },
  ),
  tokens(
    "claim_to_headers: what else a header can hold",
    FORWARD,
    ["x\ty", " padded ", "\u0080"].map((a) => get("/", bearer(token({ a })))),
    { claim_to_headers: [{ header_name: "x-a", claim_name: "a" }] },
  ),
  tokens(
    "claim_to_headers: several to one header, and one that upstreams' connections hang on",
    FORWARD,
    [get("/", bearer(token({ a: "1", b: "2", h: "evil.test", m: "DELETE" })))],
    {
      claim_to_headers: [
        { header_name: "x-both", claim_name: "a" },
        { header_name: "x-both", claim_name: "b" },
        { header_name: "cookie", claim_name: "a" },
      ],
    },
  ),
  {
    name: "requires_all: headers of both providers",
    feature: FORWARD,
    filters: requires(all(named("p"), named("q")), {
      p: provider({ from_headers: [{ name: "x-p" }], claim_to_headers: [{ header_name: "x-sub", claim_name: "sub" }] }),
      q: provider({
        issuer: "https://other.test",
        from_headers: [{ name: "x-q" }],
        claim_to_headers: [{ header_name: "x-sub", claim_name: "sub" }],
        forward: true,
      }),
    }),
    client: inTurn(get("/", P, `x-q: ${token({ iss: "https://other.test", sub: "bob" }, { alg: "HS256" })}`)),
  },
  {
    name: "clear_route_cache: a claim chooses the route",
    feature: FORWARD,
    filters: needs({ claim_to_headers: [{ header_name: "x-tier", claim_name: "tier" }], clear_route_cache: true }),
    routes: [
      {
        match: { prefix: "/", headers: [{ name: "x-tier", string_match: { exact: "gold" } }] },
        route: { cluster: "gold" },
      },
      toCluster("/", "a"),
    ],
    clusters: { a: {}, gold: {} },
    client: inTurn(
      get("/", bearer(token({ tier: "gold" }))),
      get("/", bearer(token({ tier: "tin" }))),
      get("/", bearer(GOOD), "x-tier: gold"),
    ),
  },
  {
    name: "without it the route stays, but for a header that was the client's own",
    feature: FORWARD,
    filters: needs({ claim_to_headers: [{ header_name: "x-tier", claim_name: "tier" }] }),
    routes: [
      {
        match: { prefix: "/", headers: [{ name: "x-tier", string_match: { exact: "gold" } }] },
        route: { cluster: "gold" },
      },
      toCluster("/", "a"),
    ],
    clusters: { a: {}, gold: {} },
    client: inTurn(get("/", bearer(token({ tier: "gold" }))), get("/", bearer(GOOD), "x-tier: gold")),
  },
  {
    name: "routes by claims: lists, numbers, what is inverted and what is missing",
    feature: FORWARD,
    filters: requires({ allow_missing: {} }, { p: provider({ payload_in_metadata: "p", clear_route_cache: true }) }),
    routes: [
      byClaim("list", "groups", { list_match: { one_of: { string_match: { exact: "admin" } } } }),
      byClaim("number", "level", { double_match: { exact: 3 } }),
      byClaim("inverted", "level", { double_match: { exact: 4 } }, true),
      toCluster("/", "a"),
    ],
    clusters: { a: {}, list: {}, number: {}, inverted: {} },
    client: inTurn(
      get("/", bearer(token({ groups: ["x", "admin"], level: 4 }))),
      get("/", bearer(token({ groups: "admin", level: 3 }))),
      get("/", bearer(token({ groups: ["admins"], level: 5 }))),
      get("/", bearer(token({ level: 4 }))),
      get("/"),
    ),
  },
  {
    name: "clear_route_cache: metadata chooses the route",
    feature: FORWARD,
    filters: needs({ payload_in_metadata: "p", clear_route_cache: true }),
    routes: [
      {
        match: {
          prefix: "/",
          dynamic_metadata: [
            { filter: JWT_FILTER, path: [{ key: "p" }, { key: "tier" }], value: { string_match: { exact: "gold" } } },
          ],
        },
        route: { cluster: "gold" },
      },
      toCluster("/", "a"),
    ],
    clusters: { a: {}, gold: {} },
    client: inTurn(get("/", bearer(token({ tier: "gold" }))), get("/", bearer(GOOD))),
  },

  // Metadata.
  tokens(
    "payload_in_metadata, header_in_metadata",
    METADATA,
    [
      get("/", bearer(token({ list: ["a", 1], deep: { x: null } }, { kid: "k" }))),
      get("/", bearer(token({}, { key: "rsa2" }))),
    ],
    { payload_in_metadata: "payload", header_in_metadata: "header" },
  ),
  tokens(
    "normalize_payload_in_metadata",
    METADATA,
    [get("/", bearer(token({ scope: "a  b c ", one: "x", none: "", list: ["a b"], n: 1 })))],
    {
      payload_in_metadata: "payload",
      normalize_payload_in_metadata: { space_delimited_claims: ["scope", "one", "none", "list", "n", "missing"] },
    },
  ),
  tokens(
    "failed_status_in_metadata",
    METADATA,
    [
      get(),
      get("/", bearer("x")),
      get("/", bearer(token({ exp: 1 }))),
      get("/", bearer(token({}, { key: "rsa2" }))),
      get("/", bearer(GOOD)),
    ],
    { failed_status_in_metadata: "why", payload_in_metadata: "payload" },
  ),
  tokens(
    "failed_status_in_metadata of a token that may fail",
    METADATA,
    [
      get(),
      get("/", bearer("x")),
      get("/", bearer(token({ exp: 1 }))),
      get("/", bearer(token({ iss: "https://other.test" }))),
    ],
    {},
    { filters: requires({ allow_missing_or_failed: {} }, { p: provider({ failed_status_in_metadata: "why" }) }) },
  ),
  {
    name: "failed_status_in_metadata of one of two providers, where any will do",
    feature: METADATA,
    filters: requires(
      { allow_missing_or_failed: {} },
      {
        p: provider({ from_headers: [{ name: "x-p" }], failed_status_in_metadata: "of-p" }),
        q: provider({
          issuer: "https://other.test",
          from_headers: [{ name: "x-q" }],
          failed_status_in_metadata: "of-q",
        }),
      },
    ),
    client: inTurn(get(), get("/", BAD_P), get("/", BAD_Q), get("/", EXPIRED_P, Q), get("/", STRANGE_P)),
    accessLog: LOG,
  },
  {
    name: "any of two: metadata of what failed and of what did not",
    feature: METADATA,
    filters: requires(any(named("p"), named("q")), {
      p: provider({ from_headers: [{ name: "x-p" }], failed_status_in_metadata: "why", payload_in_metadata: "p" }),
      q: provider({ issuer: "https://other.test", from_headers: [{ name: "x-q" }], payload_in_metadata: "q" }),
    }),
    client: inTurn(get("/", BAD_P, Q), get("/", P, Q), get("/", P, BAD_Q)),
    accessLog: LOG,
  },
  {
    name: "RBAC decides by what a token says",
    feature: METADATA,
    filters: [
      ...requires({ allow_missing: {} }, { p: provider({ payload_in_metadata: "p" }) }),
      {
        name: "envoy.filters.http.rbac",
        typed_config: typed("extensions.filters.http.rbac.v3.RBAC", {
          rules: {
            policies: {
              admins: {
                permissions: [{ any: true }],
                principals: [
                  {
                    metadata: {
                      filter: JWT_FILTER,
                      path: [{ key: "p" }, { key: "groups" }],
                      value: { list_match: { one_of: { string_match: { exact: "admin" } } } },
                    },
                  },
                ],
              },
            },
          },
        }),
      },
    ],
    client: inTurn(
      get(),
      get("/", bearer(token({ groups: ["x", "admin"] }))),
      get("/", bearer(token({ groups: ["x"] }))),
      get("/", bearer(token({ groups: ["admin"] }, { key: "rsa2" }))),
    ),
    accessLog: "%RESPONSE_CODE% %RESPONSE_CODE_DETAILS%",
  },

  // The cache.
  tokens(
    "jwt_cache_config: hits and misses",
    CACHE,
    [
      get("/", bearer(GOOD)),
      get("/", bearer(GOOD)),
      get("/", bearer(token({}, { key: "rsa2" }))),
      get("/", bearer(token({}, { key: "rsa2" }))),
      get("/", bearer(token({ sub: "bob" }))),
      get("/", bearer(GOOD)),
    ],
    { jwt_cache_config: {}, payload_in_metadata: "p" },
  ),
  tokens(
    "jwt_cache_config: of one token",
    CACHE,
    [get("/", bearer(GOOD)), get("/", bearer(token({ sub: "bob" }))), get("/", bearer(GOOD)), get("/", bearer(GOOD))],
    { jwt_cache_config: { jwt_cache_size: 1 } },
  ),
  tokens(
    "jwt_cache_config: tokens that are too long",
    CACHE,
    [
      get("/", bearer(token({ a: "x".repeat(4000) }))),
      get("/", bearer(token({ a: "x".repeat(4000) }))),
      get("/", bearer(GOOD)),
      get("/", bearer(GOOD)),
    ],
    { jwt_cache_config: {} },
  ),
  tokens("jwt_cache_config: jwt_max_token_size", CACHE, [get("/", bearer(GOOD)), get("/", bearer(GOOD))], {
    jwt_cache_config: { jwt_max_token_size: 100 },
  }),
  tokens("no cache: misses are counted", CACHE, [get("/", bearer(GOOD)), get("/", bearer(GOOD))]),
  tokens(
    "a body waits for nothing",
    FORWARD,
    [post("hello", bearer(GOOD))],
    {},
    { upstreams: { a: answer(200, "a") } },
  ),
];

function byClaim(cluster: string, claim: string, value: JsonObject, invert = false): JsonObject {
  const matcher = { filter: JWT_FILTER, path: [{ key: "p" }, { key: claim }], value, invert };
  return { match: { prefix: "/", dynamic_metadata: [matcher] }, route: { cluster } };
}
