/** The JWT filter: where tokens are found, what is asked of them, what becomes of the request. Keys: jwt-keys.ts. */
import { encoded, jwk, jwks, signature, token } from "../../support/tokens.ts";
import type { ContractCase, Json, JsonObject, Step } from "../harness/case.ts";
import { answer, ended, get, header, inTurn, post, request, toCluster, typed } from "../harness/steps.ts";

const NAME = "envoy.filters.http.jwt_authn";
const TYPE = "extensions.filters.http.jwt_authn.v3.JwtAuthentication";
const ISSUER = "https://issuer.test";
const LOG = "%RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %DYNAMIC_METADATA(envoy.filters.http.jwt_authn)%";
const STATS = ["allowed", "denied", "cors_preflight_bypassed", "jwt_cache_hit", "jwt_cache_miss"].map(
  (name) => `http.in.jwt_authn.${name}`,
);

const LOCAL = { local_jwks: { inline_string: jwks(jwk("rsa"), jwk("oct", { alg: "HS256" })) } } as const;

function provider(fields: JsonObject = {}): JsonObject {
  return { issuer: ISSUER, ...LOCAL, ...fields };
}

function filter(fields: JsonObject): JsonObject {
  return { name: NAME, typed_config: typed(TYPE, fields) };
}

/** One provider `p`, which every request needs. */
function needs(fields: JsonObject = {}, more: JsonObject = {}): readonly JsonObject[] {
  return [
    filter({
      providers: { p: provider(fields) },
      rules: [{ match: { prefix: "/" }, requires: { provider_name: "p" } }],
      ...more,
    }),
  ];
}

/** Several providers, and one requirement for every request. */
function requires(requirement: Json, providers: JsonObject, more: JsonObject = {}): readonly JsonObject[] {
  return [filter({ providers, rules: [{ match: { prefix: "/" }, requires: requirement }], ...more })];
}

const bearer = (text: string): string => `authorization: Bearer ${text}`;
const named = (provider_name: string): JsonObject => ({ provider_name });
const GOOD = token();

/** Requests one after another to a filter with one provider. */
function tokens(
  name: string,
  feature: string,
  requests: readonly string[],
  fields: JsonObject = {},
  more: Partial<ContractCase> = {},
): ContractCase {
  return { name, feature, filters: needs(fields), client: inTurn(...requests), accessLog: LOG, stats: STATS, ...more };
}

const PLACES = "JWT: where tokens are";
const TOKENS = "JWT: tokens that are refused";
const CLAIMS = "JWT: claims";
const TREES = "JWT: requirements";
const RULES = "JWT: rules";
const FORWARD = "JWT: what upstreams are told";
const METADATA = "JWT: metadata";
const CACHE = "JWT: cache of tokens";

const two = (...children: readonly Json[]): JsonObject => ({ requirements: children });
const any = (...children: readonly Json[]): JsonObject => ({ requires_any: two(...children) });
const all = (...children: readonly Json[]): JsonObject => ({ requires_all: two(...children) });

/** Two providers that look at headers of their own. */
const PAIR: JsonObject = {
  p: provider({ from_headers: [{ name: "x-p" }] }),
  q: provider({ issuer: "https://other.test", from_headers: [{ name: "x-q" }] }),
};
const P = `x-p: ${GOOD}`;
const Q = `x-q: ${token({ iss: "https://other.test" })}`;
const BAD_P = `x-p: ${token({}, { key: "rsa2" })}`;
const BAD_Q = `x-q: ${token({ iss: "https://other.test" }, { key: "rsa2" })}`;
const EXPIRED_P = `x-p: ${token({ exp: 1 })}`;
const STRANGE_P = `x-p: ${token({ iss: "https://third.test" })}`;
const STRANGE_Q = `x-q: ${token({ iss: "https://third.test" })}`;

function tree(name: string, requirement: Json, ...requests: readonly string[]): ContractCase {
  return {
    name,
    feature: TREES,
    filters: requires(requirement, PAIR),
    client: inTurn(...requests),
    accessLog: LOG,
    stats: STATS,
  };
}

const payload = (text: string): string => get("/", bearer(token(text)));
const withHeader = (text: string): string => {
  const signed = `${encoded(text)}.${encoded({ iss: ISSUER })}`;
  return get("/", bearer(`${signed}.${signature("RS256", "rsa", signed)}`));
};

const IN_TURN: (...requests: readonly string[]) => readonly Step[] = inTurn;

export const CASES: readonly ContractCase[] = [
  tokens("no token, and a good one", TOKENS, [get("/a?b=c"), get("/", bearer(GOOD))]),
  tokens("a good token goes no further", FORWARD, [get("/", bearer(GOOD), "x-a: 1")]),
  tokens("forward: it does", FORWARD, [get("/", bearer(GOOD))], { forward: true }),

  // Where tokens are.
  tokens("the default places: bearer and access_token, and not both if one is bad", PLACES, [
    get(`/?access_token=${GOOD}`),
    get(`/?z=1&access_token=${GOOD}&b=2`),
    get(`/?access_token=${GOOD}`, bearer(GOOD)),
    get("/?access_token=bad", bearer(GOOD)),
    get(`/?access_token=${GOOD}`, bearer("bad")),
    get(`/?access_token=${GOOD}&access_token=bad`),
  ]),
  tokens("forward: access_token stays as it was", PLACES, [get(`/?b=%41&access_token=${GOOD}&a`)], { forward: true }),
  tokens("authorization that is no bearer's", PLACES, [
    get("/", `authorization: bearer ${GOOD}`),
    get("/", `authorization: ${GOOD}`),
    get("/", "authorization: Basic YTpi"),
    get("/", `authorization: Basic Bearer ${GOOD}`),
    get("/", `authorization: Bearer    ${GOOD}`),
    get("/", `authorization: Bearer "${GOOD}"`),
    get("/", "authorization: Bearer"),
    get("/", "authorization: Bearer !"),
    get("/", `authorization: Bearer ${GOOD}, Bearer x`),
    get("/", `authorization: Bearer ${GOOD} x`),
  ]),
  tokens("CVE class: authorization twice is one value, and no token", PLACES, [
    get("/", bearer(GOOD), bearer(token({ sub: "mallory" }, { key: "rsa2" }))),
    get("/", bearer(GOOD), bearer(GOOD)),
  ]),
  tokens(
    "CVE class: every line of a header must hold a good token",
    PLACES,
    [
      get("/", `x-token: ${GOOD}`, `x-token: ${token({}, { key: "rsa2" })}`),
      get("/", `x-token: ${token({}, { key: "rsa2" })}`, `x-token: ${GOOD}`),
      get("/", `x-token: ${GOOD}`, `x-token: ${GOOD}`),
    ],
    { from_headers: [{ name: "x-token" }] },
  ),
  tokens(
    "from_headers: with and without a prefix",
    PLACES,
    [
      get("/", `X-Token: ${GOOD}`),
      get("/", `x-prefixed: jwt=${GOOD}`),
      get("/", `x-prefixed: a=b,jwt=;${GOOD}`),
      get("/", `x-prefixed: ${GOOD}`),
      get("/", bearer(GOOD)),
      get("/", "x-token:"),
      get("/", `x-token: ${GOOD}`, "x-prefixed: jwt=bad"),
      get("/", "x-token: bad", `x-prefixed: jwt=${GOOD}`),
    ],
    { from_headers: [{ name: "X-Token" }, { name: "x-prefixed", value_prefix: "jwt=" }] },
  ),
  tokens(
    "from_params",
    PLACES,
    [
      get(`/?t=${GOOD}&x=1`),
      get(`/?%74=${GOOD}`),
      get(`/?t=${GOOD.replaceAll(".", "%2E")}`),
      get("/?t="),
      get("/?t"),
      get(`/?u=${GOOD}&a=b`),
      get(`/?access_token=${GOOD}`),
    ],
    { from_params: ["t", "u"] },
  ),
  tokens(
    "from_cookies",
    PLACES,
    [
      get("/", `cookie: a=b; t=${GOOD}; c=d`),
      get("/", `cookie: t="${GOOD}"`),
      get("/", "cookie: a=b", `cookie: t=${GOOD}`),
      get("/", `cookie: t=${GOOD}; t=bad`),
      get("/", `cookie: t=bad; t=${GOOD}`),
      get("/", `cookie: T=${GOOD}`),
      get("/", "cookie: t="),
      get("/", bearer(GOOD)),
    ],
    { from_cookies: ["t"] },
  ),
  tokens(
    "all places at once: the last of them is looked at first",
    PLACES,
    [
      get("/?t=p", "x-t: h", "cookie: t=c"),
      get("/?t=a.b.c", "x-t: h"),
      get(`/?t=${GOOD}`, `x-t: ${GOOD}`, `cookie: t=${GOOD}`),
    ],
    { from_headers: [{ name: "x-t" }], from_params: ["t"], from_cookies: ["t"] },
  ),

  {
    ...tokens("access_token is taken out, and escapes of other parameters stay", PLACES, [
      get(`/?a=1&access_token=${GOOD}&b=%20%26c`),
    ]),
    waived: "Envoy writes the other parameters without their escapes: a blank or line end would be in the request line",
  },

  // Tokens.
  tokens("tokens that are none", TOKENS, [
    ...[
      "a",
      "a.b",
      "a.b.c.d",
      "..",
      "a..c",
      "!.b.c",
      "e30.e30.e30",
      `${encoded("{")}.e30.e30`,
      `${encoded("[]")}.e30.e30`,
    ].map((each) => get("/", bearer(each))),
    get("/", bearer(`.${GOOD}`)),
    get("/", bearer(`${GOOD}.`)),
    get("/", bearer(`${GOOD}=`)),
  ]),
  tokens("CVE class: alg none, in whatever case, and other strange ones", TOKENS, [
    ...[
      '{"alg":"none"}',
      '{"alg":"NONE"}',
      '{"alg":"nOnE"}',
      '{"alg":""}',
      '{"alg":null}',
      '{"alg":["RS256"]}',
      "{}",
      '{"alg":"rs256"}',
      '{"alg":"RS256 "}',
      '{"alg":"ES256K"}',
    ].map(withHeader),
    get("/", bearer(`${encoded({ alg: "none" })}.${encoded({ iss: ISSUER })}.`)),
    get("/", bearer(`${encoded({ alg: "none" })}.${encoded({ iss: ISSUER })}.AA`)),
  ]),
  tokens("CVE class: a public key is no secret", TOKENS, [
    get("/", bearer(token({}, { alg: "HS256", key: "oct", kid: "x" }))),
    get("/", bearer(token({}, { header: { alg: "HS256" }, signedBy: "RS256" }))),
    get("/", bearer(token({}, { header: { alg: "RS256" }, signedBy: "HS256" }))),
    get("/", bearer(token({}, { header: { alg: "HS384" }, signedBy: "HS384" }))),
  ]),
  tokens("CVE class: keys that the token brings along, critical extensions, strange kid", TOKENS, [
    get("/", bearer(token({}, { header: { alg: "RS256", jwk: jwk("rsa2") }, signedBy: "RS256", key: "rsa2" }))),
    get("/", bearer(token({}, { header: { alg: "RS256", jku: "http://evil.test/" }, key: "rsa2" }))),
    get("/", bearer(token({}, { header: { alg: "RS256", crit: ["b64"], b64: false } }))),
    get("/", bearer(token({}, { header: { alg: "RS256", crit: ["exp"] } }))),
    ...[
      '{"alg":"RS256","kid":1}',
      '{"alg":"RS256","kid":null}',
      '{"alg":"RS256","kid":["a"]}',
      '{"alg":"RS256","kid":""}',
      `{"alg":"RS256","kid":"../../../../dev/null"}`,
      `{"alg":"RS256","kid":"' OR 1=1"}`,
    ].map(withHeader),
  ]),
  tokens("a signature that is not the token's", TOKENS, [
    get("/", bearer(token({}, { key: "rsa2" }))),
    get("/", bearer(GOOD.slice(0, -6))),
    get("/", bearer(`${GOOD.slice(0, GOOD.lastIndexOf("."))}.AAAA`)),
    get("/", bearer(`${GOOD.slice(0, GOOD.lastIndexOf("."))}.!`)),
    get("/", bearer(`${GOOD.slice(0, GOOD.lastIndexOf("."))}.A`)),
    get(
      "/",
      bearer(
        `${encoded({ alg: "RS256", typ: "JWT" })}.${encoded({ iss: ISSUER, sub: "mallory" })}.${GOOD.slice(GOOD.lastIndexOf(".") + 1)}`,
      ),
    ),
  ]),
  tokens("base64 with white space, padding and bits too many", TOKENS, [
    get("/", bearer(`${GOOD.slice(0, -20)} ${GOOD.slice(-20)}`)),
    get("/", bearer(`${GOOD}==`)),
    get("/", bearer(`${GOOD}=`)),
    get("/", bearer(GOOD.replaceAll("-", "+").replaceAll("_", "/"))),
    get("/", bearer(token({}, { alg: "HS256" }))),
    get("/", bearer(withLastBits(token({}, { alg: "HS256" })))),
  ]),
  tokens("payloads that are none", TOKENS, [
    get("/", bearer(`${encoded({ alg: "RS256" })}.!.AA`)),
    ...["", "{", "[]", "null", '"a"', "1", '{"iss":1}', '{"iss":null}', '{"sub":1}', '{"jti":{}}'].map(payload),
    ...["iat", "nbf", "exp"].flatMap((claim) =>
      [`{"${claim}":"1"}`, `{"${claim}":-1}`, `{"${claim}":1e30}`, `{"${claim}":null}`].map(payload),
    ),
    ...['{"aud":1}', '{"aud":[1]}', '{"aud":{}}', '{"aud":["a",null]}'].map(payload),
  ]),
  tokens("JSON as Envoy reads it", TOKENS, [
    ...[
      `{"iss":"${ISSUER}","iss":"${ISSUER}"}`,
      `{"iss":"${ISSUER}","a":1,"a":2}`,
      `{"iss":"${ISSUER}","a":{"b":1,"b":2}}`,
      `{"iss":"${ISSUER}","a":"\\ud800"}`,
      `{"iss":"${ISSUER}","a":1e400}`,
      `{"iss":"${ISSUER}","a":${"[".repeat(99)}${"]".repeat(99)}}`,
      `{"iss":"${ISSUER}","a":${"[".repeat(100)}${"]".repeat(100)}}`,
      `{"iss":"${ISSUER}","a":${"[".repeat(98)}{"b":1}${"]".repeat(98)}}`,
      `{"iss":"${ISSUER}","a":${"[".repeat(99)}{"b":1}${"]".repeat(99)}}`,
      `{"iss":"${ISSUER}","a":${"[".repeat(120)}${"]".repeat(120)}}`,
      ` {"iss":"${ISSUER}"} `,
      `{"iss":"${ISSUER}"} x`,
      `\ufeff{"iss":"${ISSUER}"}`,
      `{"iss":"https:\\/\\/issuer.test"}`,
      `{"iss":"${ISSUER}","exp":4102444800.7}`,
      `{"iss":"${ISSUER}","__proto__":{"iss":"x"}}`,
    ].map(payload),
    withHeader('{"alg":"RS256","alg":"none"}'),
    withHeader('{"alg":"none","alg":"RS256"}'),
    withHeader('{"alg":"RS256","\\u0061lg":"none"}'),
  ]),
  {
    ...tokens("JSON that is none: Envoy takes it", TOKENS, [
      payload(`{'iss':'${ISSUER}'}`),
      payload(`{iss:"${ISSUER}"}`),
      payload(`{"iss":"${ISSUER}",}`),
    ]),
    waived: "single quotes, bare keys and commas at the end are no JSON (RFC 8259)",
  },
  tokens("a token of 50 KiB", TOKENS, [
    get("/", bearer(token({ a: "x".repeat(36_000) }))),
    get("/", bearer(`${"a".repeat(25_000)}.${"a".repeat(25_000)}.a`)),
  ]),

  // Claims.
  tokens("another issuer, none, nobody's", CLAIMS, [
    get("/", bearer(token({ iss: "https://other.test" }))),
    get("/", bearer(token({ iss: undefined }))),
    get("/", bearer(token({ iss: "" }))),
    get("/", bearer(token({ iss: `${ISSUER}/` }))),
  ]),
  tokens(
    "a provider without issuer takes all",
    CLAIMS,
    [get("/", bearer(token({ iss: "https://other.test" }))), get("/", bearer(token({ iss: undefined })))],
    { issuer: "" },
  ),
  tokens("time: expired, not yet valid, zero", CLAIMS, [
    get("/", bearer(token({ exp: 1 }))),
    get("/", bearer(token({ exp: 0 }))),
    get("/", bearer(token({ exp: undefined }))),
    get("/", bearer(token({ nbf: 4_000_000_000 }))),
    get("/", bearer(token({ nbf: 1 }))),
    get("/", bearer(token({ exp: 1, nbf: 4_000_000_000 }))),
    get("/", bearer(token({ iat: 4_000_000_000 }))),
  ]),
  tokens(
    "clock_skew_seconds",
    CLAIMS,
    [get("/", bearer(token({ exp: 1 }))), get("/", bearer(token({ nbf: 4_000_000_000 })))],
    { clock_skew_seconds: 4_000_000_000 },
  ),
  tokens(
    "audiences",
    CLAIMS,
    [
      get("/", bearer(token({ aud: "a.test" }))),
      get("/", bearer(token({ aud: ["x", "https://a.test/"] }))),
      get("/", bearer(token({ aud: "http://a.test" }))),
      get("/", bearer(token({ aud: "b.test" }))),
      get("/", bearer(token({ aud: "https://b.test/p" }))),
      get("/", bearer(token({ aud: "x" }))),
      get("/", bearer(token({ aud: [] }))),
      get("/", bearer(GOOD)),
      get("/", bearer(token({ aud: "A.test" }))),
      get("/", bearer(token({ aud: "a.test", exp: 1 }))),
      get("/", bearer(token({ aud: "x" }, { key: "rsa2" }))),
    ],
    { audiences: ["a.test", "https://b.test/p/"] },
  ),
  tokens(
    "subjects",
    CLAIMS,
    [
      get("/", bearer(token({ sub: "spiffe://a/x" }))),
      get("/", bearer(GOOD)),
      get("/", bearer(token({ sub: undefined }))),
      get("/", bearer(token({ sub: "alice", aud: "x", exp: 1 }))),
    ],
    { subjects: { prefix: "spiffe://a/" } },
  ),
  tokens(
    "subjects and audiences: which is told",
    CLAIMS,
    [get("/", bearer(token({ aud: "x" }))), get("/", bearer(token({ aud: "x", exp: 1 })))],
    { subjects: { prefix: "spiffe://a/" }, audiences: ["a"], max_lifetime: "1s" },
  ),
  tokens(
    "require_expiration",
    CLAIMS,
    [get("/", bearer(GOOD)), get("/", bearer(token({ exp: undefined }))), get("/", bearer(token({ exp: 0 })))],
    { require_expiration: true },
  ),
  tokens(
    "max_lifetime",
    CLAIMS,
    [get("/", bearer(GOOD)), get("/", bearer(token({ exp: undefined }))), get("/", bearer(token({ exp: 1 })))],
    { max_lifetime: "86400s" },
  ),
  tokens("max_lifetime that is long enough", CLAIMS, [get("/", bearer(GOOD))], { max_lifetime: "4000000000s" }),

  // Requirements.
  tree("any of two", any(named("p"), named("q")), get(), get("/", P), get("/", Q), get("/", P, Q), get("/", BAD_P, Q)),
  tree(
    "any of two: which failure is told",
    any(named("p"), named("q")),
    get("/", BAD_P),
    get("/", EXPIRED_P, BAD_Q),
    get("/", BAD_P, STRANGE_Q),
    get("/", STRANGE_P),
    get("/", STRANGE_Q),
    get("/", STRANGE_P, EXPIRED_P),
  ),
  tree("all of two", all(named("p"), named("q")), get(), get("/", P), get("/", Q), get("/", P, Q), get("/", P, BAD_Q)),
  tree(
    "allow_missing",
    { allow_missing: {} },
    get(),
    get("/", P),
    get("/", BAD_P),
    get("/", STRANGE_P),
    get("/", P, Q),
    get("/", P, BAD_Q),
    get("/", BAD_P, Q),
  ),
  tree(
    "allow_missing_or_failed",
    { allow_missing_or_failed: {} },
    get(),
    get("/", P),
    get("/", BAD_P),
    get("/", P, BAD_Q),
    get("/", STRANGE_P),
    get("/", "x-p: x"),
  ),
  tree(
    "any, or a missing token",
    any(named("p"), { allow_missing: {} }),
    get(),
    get("/", P),
    get("/", BAD_P),
    get("/", Q),
    get("/", BAD_Q),
    get("/", STRANGE_P),
  ),
  tree(
    "any, or a missing or failed token",
    any(named("p"), { allow_missing_or_failed: {} }),
    get(),
    get("/", P),
    get("/", BAD_P),
    get("/", BAD_Q),
  ),
  tree(
    "any of nothing but allow_missing",
    any({ allow_missing: {} }, { allow_missing: {} }),
    get(),
    get("/", P),
    get("/", BAD_P),
  ),
  tree(
    "all, one of which may be missing",
    all(named("p"), { allow_missing: {} }),
    get(),
    get("/", P),
    get("/", P, BAD_Q),
    get("/", Q),
  ),
  tree(
    "trees in trees",
    all(any(named("p"), named("q")), any(named("q"), { allow_missing: {} })),
    get("/", P),
    get("/", Q),
    get("/", P, BAD_Q),
    get(),
  ),
  tree("a requirement that asks for nothing", {}, get(), get("/", BAD_P)),
  {
    name: "provider_and_audiences: in place of the provider's",
    feature: TREES,
    filters: requires(
      { provider_and_audiences: { provider_name: "p", audiences: ["b"] } },
      { p: provider({ audiences: ["a"] }) },
    ),
    client: IN_TURN(get("/", bearer(token({ aud: "a" }))), get("/", bearer(token({ aud: "b" }))), get()),
    accessLog: LOG,
  },
  {
    name: "provider_and_audiences: none are the provider's",
    feature: TREES,
    filters: requires({ provider_and_audiences: { provider_name: "p" } }, { p: provider({ audiences: ["a"] }) }),
    client: IN_TURN(get("/", bearer(token({ aud: "a" }))), get("/", bearer(token({ aud: "b" })))),
    accessLog: LOG,
  },
  {
    name: "allow_missing: providers by issuer, and one that has none",
    feature: TREES,
    filters: requires(
      { allow_missing: {} },
      {
        p: provider({ payload_in_metadata: "p" }),
        any: provider({ issuer: "", payload_in_metadata: "any", audiences: ["a"] }),
      },
    ),
    client: IN_TURN(
      get("/", bearer(GOOD)),
      get("/", bearer(token({ iss: "https://third.test", aud: "a" }))),
      get("/", bearer(token({ iss: "https://third.test" }))),
      get("/", bearer(token({ iss: undefined, aud: "a" }))),
    ),
    accessLog: LOG,
  },
  {
    name: "a provider that there is not",
    feature: TREES,
    filters: requires(named("x"), PAIR),
    client: [],
    refused: true,
  },
  {
    name: "a requirement name that there is not",
    feature: RULES,
    filters: [filter({ providers: PAIR, rules: [{ match: { prefix: "/" }, requirement_name: "x" }] })],
    client: [],
    refused: true,
  },
  {
    name: "any of fewer than two",
    feature: TREES,
    filters: requires(any(named("p")), PAIR),
    client: [],
    refused: true,
  },

  // Rules.
  {
    name: "rules: the first that matches",
    feature: RULES,
    filters: [
      filter({
        providers: PAIR,
        requirement_map: { r: named("q") },
        rules: [
          { match: { prefix: "/open" } },
          { match: { path: "/exact" }, requires: named("p") },
          { match: { prefix: "/CASE", case_sensitive: false }, requires: named("p") },
          { match: { safe_regex: { regex: "/r/[0-9]+" } }, requires: named("p") },
          { match: { path_separated_prefix: "/sep" }, requires: named("p") },
          { match: { prefix: "/h", headers: [{ name: "x-a", string_match: { exact: "1" } }] }, requires: named("p") },
          {
            match: { prefix: "/q", query_parameters: [{ name: "a", string_match: { exact: "1" } }] },
            requires: named("p"),
          },
          { match: { prefix: "/named" }, requirement_name: "r" },
        ],
      }),
    ],
    client: IN_TURN(
      get("/open/x"),
      get("/exact"),
      get("/exact?a=b"),
      get("/exact/"),
      get("/case/x"),
      get("/r/12?x"),
      get("/r/12x"),
      get("/sep"),
      get("/sep/x"),
      get("/separate"),
      get("/h", "x-a: 1"),
      get("/h"),
      get("/q?a=1"),
      get("/q?a=2"),
      get("/named"),
      get("/named", Q),
      get("/other"),
    ),
    accessLog: LOG,
    stats: STATS,
  },
  {
    name: "rules: what matches by more than path, headers and parameters",
    feature: RULES,
    filters: [
      filter({
        providers: PAIR,
        rules: [
          { match: { prefix: "/grpc", grpc: {} }, requires: named("p") },
          { match: { prefix: "/never", runtime_fraction: { default_value: { numerator: 0 } } }, requires: named("p") },
          { match: { prefix: "/pre?x" }, requires: named("p") },
        ],
      }),
    ],
    client: IN_TURN(get("/grpc"), get("/never"), get("/pre?x=1"), get("/pre")),
    accessLog: LOG,
  },
  {
    name: "no rules: nothing is asked, and headers that claims go to are removed all the same",
    feature: RULES,
    filters: [
      filter({
        providers: {
          p: provider({
            forward_payload_header: "x-payload",
            claim_to_headers: [{ header_name: "x-sub", claim_name: "sub" }],
          }),
        },
      }),
    ],
    client: IN_TURN(get("/", bearer(GOOD), "x-payload: mine", "x-sub: mine", "x-mine: mine")),
    stats: STATS,
  },
  {
    name: "per route: disabled, named, wrongly named",
    feature: RULES,
    filters: [
      filter({
        providers: { ...PAIR, r: provider({ forward_payload_header: "x-payload" }) },
        requirement_map: { one: named("p"), two: named("q") },
        rules: [{ match: { prefix: "/" }, requires: named("p") }],
      }),
    ],
    routes: [
      toCluster("/off", "a", {}, perRoute({ disabled: true })),
      toCluster("/two", "a", {}, perRoute({ requirement_name: "two" })),
      toCluster("/wrong", "a", {}, perRoute({ requirement_name: "three four" })),
      toCluster("/", "a"),
    ],
    client: IN_TURN(get("/off", "x-payload: mine"), get("/two", P), get("/two", Q), get("/wrong", P, Q), get("/", P)),
    accessLog: LOG,
    stats: STATS,
  },
  {
    name: "strip_failure_response",
    feature: RULES,
    filters: [
      filter({
        providers: PAIR,
        rules: [{ match: { prefix: "/" }, requires: named("p") }],
        strip_failure_response: true,
      }),
    ],
    routes: [toCluster("/wrong", "a", {}, perRoute({ requirement_name: "x" })), toCluster("/", "a")],
    client: IN_TURN(get(), get("/", BAD_P), get("/wrong")),
    accessLog: LOG,
  },
  {
    name: "bypass_cors_preflight",
    feature: RULES,
    filters: needs({}, { bypass_cors_preflight: true }),
    client: IN_TURN(
      request("OPTIONS", "/", "origin: http://x.test", "access-control-request-method: GET"),
      request("OPTIONS", "/", "origin: http://x.test"),
      request("GET", "/", "origin: http://x.test", "access-control-request-method: GET"),
    ),
    stats: STATS,
  },
  {
    name: "a preflight without that",
    feature: RULES,
    filters: needs(),
    client: IN_TURN(request("OPTIONS", "/", "origin: http://x.test", "access-control-request-method: GET")),
    stats: STATS,
  },
  {
    name: "what is refused: realm, bodies, gRPC, HEAD",
    feature: RULES,
    filters: needs(),
    client: [
      ...IN_TURN(
        get(`/${"x".repeat(300)}?q=1`, "host: h.test:8080"),
        get("/", "x-forwarded-proto: https"),
        get("/", "x-envoy-original-path: /before"),
        request("HEAD", "/"),
        get("/", "content-type: application/grpc"),
      ),
      post("a body"),
      ended(),
    ],
    accessLog: LOG,
  },
  {
    name: "a route's own www-authenticate stays beside nothing",
    feature: RULES,
    filters: needs(),
    virtualHost: { response_headers_to_add: [header("www-authenticate", "mine")] },
    client: IN_TURN(get()),
  },
  {
    name: "no route",
    feature: RULES,
    filters: needs(),
    routes: [toCluster("/a", "a")],
    client: IN_TURN(get("/b"), get("/b", bearer(GOOD))),
    accessLog: LOG,
  },
  {
    name: "filter_state_rules: nothing is known, nothing is asked",
    feature: RULES,
    filters: [filter({ providers: PAIR, filter_state_rules: { name: "s", requires: { a: named("p") } } })],
    client: IN_TURN(get()),
    stats: STATS,
  },
  {
    name: "stat_prefix",
    feature: RULES,
    filters: needs({}, { stat_prefix: "mine" }),
    client: IN_TURN(get()),
    stats: ["http.in.jwt_authn.denied", "http.in.jwt_authn.mine.denied", "http.in.jwt_authn.mine_denied"],
  },

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
    client: IN_TURN(get("/", P, `x-q: ${token({ iss: "https://other.test", sub: "bob" }, { alg: "HS256" })}`)),
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
    client: IN_TURN(
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
    client: IN_TURN(get("/", bearer(token({ tier: "gold" }))), get("/", bearer(GOOD), "x-tier: gold")),
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
    client: IN_TURN(
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
            { filter: NAME, path: [{ key: "p" }, { key: "tier" }], value: { string_match: { exact: "gold" } } },
          ],
        },
        route: { cluster: "gold" },
      },
      toCluster("/", "a"),
    ],
    clusters: { a: {}, gold: {} },
    client: IN_TURN(get("/", bearer(token({ tier: "gold" }))), get("/", bearer(GOOD))),
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
    client: IN_TURN(get(), get("/", BAD_P), get("/", BAD_Q), get("/", EXPIRED_P, Q), get("/", STRANGE_P)),
    accessLog: LOG,
  },
  {
    name: "any of two: metadata of what failed and of what did not",
    feature: METADATA,
    filters: requires(any(named("p"), named("q")), {
      p: provider({ from_headers: [{ name: "x-p" }], failed_status_in_metadata: "why", payload_in_metadata: "p" }),
      q: provider({ issuer: "https://other.test", from_headers: [{ name: "x-q" }], payload_in_metadata: "q" }),
    }),
    client: IN_TURN(get("/", BAD_P, Q), get("/", P, Q), get("/", P, BAD_Q)),
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
                      filter: NAME,
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
    client: IN_TURN(
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
  const matcher = { filter: NAME, path: [{ key: "p" }, { key: claim }], value, invert };
  return { match: { prefix: "/", dynamic_metadata: [matcher] }, route: { cluster } };
}

function perRoute(fields: JsonObject): JsonObject {
  return {
    typed_per_filter_config: { [NAME]: typed("extensions.filters.http.jwt_authn.v3.PerRouteConfig", fields) },
  };
}

/** The same bytes, written with the unused bits of the last character set. */
function withLastBits(text: string): string {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  return text.slice(0, -1) + alphabet[alphabet.indexOf(text.at(-1) ?? "A") | 1];
}
