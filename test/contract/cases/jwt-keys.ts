/** The JWT filter's keys: kinds of them, which of them is asked, and those that are fetched. Tokens: jwt-authn.ts. */
import { TEST_CERTIFICATES } from "../../support/test-keys.ts";
import { type KeyName, type TokenParts, jwk, jwks, token } from "../../support/tokens.ts";
import type { ContractCase, Json, JsonObject, Step, Upstream } from "../harness/case.ts";
import { REFUSED } from "../harness/case.ts";
import {
  CLOSE,
  RESET,
  answer,
  elapse,
  gate,
  get,
  got,
  head,
  inTurn,
  open,
  seen,
  send,
  stat,
  typed,
} from "../harness/steps.ts";

const NAME = "envoy.filters.http.jwt_authn";
const LOG = "%RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS%";
const KEYS = "JWT: kinds of keys";
const CHOICE = "JWT: which key";
const REMOTE = "JWT: keys from elsewhere";
const ASYNC = "JWT: keys fetched beforehand";

function filter(provider: JsonObject, requirement: Json = { provider_name: "p" }): JsonObject {
  return {
    name: NAME,
    typed_config: typed("extensions.filters.http.jwt_authn.v3.JwtAuthentication", {
      providers: { p: { issuer: "https://issuer.test", ...provider } },
      rules: [{ match: { prefix: "/" }, requires: requirement }],
    }),
  };
}

const bearer = (text: string, path = "/"): string => get(path, `authorization: Bearer ${text}`);
const GOOD = token();
const SET = jwks(jwk("rsa"));

/** Tokens in turn against a set of keys. */
function local(name: string, feature: string, keys: string, ...tokens: readonly string[]): ContractCase {
  return {
    name,
    feature,
    filters: [filter({ local_jwks: { inline_string: keys } })],
    client: inTurn(...tokens.map((each) => bearer(each))),
    accessLog: LOG,
  };
}

const signed = (alg: string, parts: TokenParts = {}): string => token({}, { alg, ...parts });

/** A good token, one of another key, one of another kind. */
function algorithm(alg: string, key: KeyName): ContractCase {
  return local(
    `${alg}: signed, changed, and by a key that says so`,
    KEYS,
    jwks(jwk(key, { kid: "plain" }), jwk(key, { kid: "says", alg })),
    signed(alg, { kid: "plain" }),
    signed(alg, { kid: "says" }),
    signed(alg),
    `${signed(alg).slice(0, -8)}AAAAAAAA`,
    token({}, { header: { alg }, signedBy: "RS256", key: "rsa2" }),
  );
}

const REMOTE_STATS = ["allowed", "denied", "jwks_fetch_success", "jwks_fetch_failed"].map(
  (name) => `http.in.jwt_authn.${name}`,
);
const CLUSTERS = { a: {}, keys: {} } as const;
const URI = { uri: "http://keys.test:8080/path/jwks?x=y", cluster: "keys", timeout: "5s" } as const;
const JSON_TYPE = "content-type: application/json";

function remote(
  name: string,
  keys: Upstream,
  client: readonly Step[],
  fields: JsonObject = {},
  more: Partial<ContractCase> = {},
): ContractCase {
  return {
    name,
    feature: REMOTE,
    filters: [filter({ remote_jwks: { http_uri: URI, ...fields } })],
    clusters: CLUSTERS,
    upstreams: { keys },
    client,
    accessLog: LOG,
    stats: REMOTE_STATS,
    ...more,
  };
}

/** A provider of its own for each header, so that several sets can be tried in one case. */
function sets(name: string, feature: string, ...texts: readonly string[]): ContractCase {
  return {
    name,
    feature,
    filters: texts.map((text, i) => ({
      name: `${NAME}.${i}`,
      typed_config: typed("extensions.filters.http.jwt_authn.v3.JwtAuthentication", {
        providers: { p: { issuer: "https://issuer.test", local_jwks: { inline_string: text }, forward: true } },
        rules: [{ match: { path: `/${i}` }, requires: { provider_name: "p" } }],
      }),
    })),
    client: inTurn(...texts.map((_, i) => bearer(GOOD, `/${i}`))),
    accessLog: `%REQ(:PATH)% ${LOG}`,
  };
}

function refusedSet(name: string, text: string): ContractCase {
  return {
    name,
    feature: KEYS,
    filters: [filter({ local_jwks: { inline_string: text } })],
    client: [],
    refused: true,
  };
}

const RSA = jwk("rsa");
const EC = jwk("p256");
const bad = (fields: object): object => ({ ...RSA, ...fields });

export const CASES: readonly ContractCase[] = [
  ...["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"].map((alg) => algorithm(alg, "rsa")),
  algorithm("ES256", "p256"),
  algorithm("ES384", "p384"),
  algorithm("ES512", "p521"),
  ...["HS256", "HS384", "HS512"].map((alg) => algorithm(alg, "oct")),
  algorithm("EdDSA", "ed"),
  local(
    "PSS with other lengths of salt",
    KEYS,
    SET,
    signed("PS256", { saltLength: 0 }),
    signed("PS256", { saltLength: 20 }),
    signed("PS256", { saltLength: 222 }),
  ),
  local(
    "an RSA key without alg takes RS and PS and nothing else",
    KEYS,
    SET,
    signed("RS256"),
    signed("PS512"),
    token({}, { header: { alg: "ES256" }, signedBy: "RS256", key: "rsa" }),
    token({}, { header: { alg: "EdDSA" }, signedBy: "RS256", key: "rsa" }),
    token({}, { header: { alg: "HS256" }, signedBy: "RS256", key: "rsa" }),
  ),
  local(
    "an EC key without alg, and tokens that say another algorithm",
    KEYS,
    jwks(EC),
    token({}, { header: { alg: "ES384" }, signedBy: "ES384", key: "p256" }),
    token({}, { header: { alg: "ES256" }, signedBy: "ES384", key: "p256" }),
    token({}, { header: { alg: "ES384" }, signedBy: "ES256", key: "p256" }),
  ),
  local(
    "Ed25519: a signature of another length ends the search",
    KEYS,
    jwks(jwk("ed"), jwk("rsa")),
    token({}, { header: { alg: "EdDSA" }, signedBy: "RS256" }),
    `${signed("EdDSA")}AA`,
    signed("RS256"),
  ),
  local(
    "Ed25519: without a key that it could be",
    KEYS,
    jwks(jwk("rsa"), jwk("ed")),
    signed("RS256"),
    token({}, { header: { alg: "EdDSA" }, signedBy: "HS256", key: "oct" }),
  ),
  sets(
    "RSA keys that will do",
    KEYS,
    jwks(RSA),
    jwks(bad({ e: "Aw" })),
    jwks(bad({ e: "AAEAAQ" })),
    jwks(bad({ n: `AAAA${RSA.n}` })),
    jwks(bad({ n: `${RSA.n}==` })),
    jwks(bad({ alg: "RS512" })),
    jwks(bad({ alg: "RS" })),
    jwks(bad({ alg: 1 })),
    jwks(bad({ use: "enc" })),
    jwks(bad({ kid: 7 })),
    jwks(bad({ kty: "x" }), {}, RSA, jwk("oct", { k: "" })),
    `{"keys":[1,${JSON.stringify(RSA)},null]}`,
  ),
  ...Object.entries({
    "without e": bad({ e: undefined }),
    "without n": bad({ n: undefined }),
    "e a number": bad({ e: 65537 }),
    "n a number": bad({ n: 1 }),
    "another exponent": bad({ e: "AQAC" }),
    "an empty exponent": bad({ e: "" }),
    "a short modulus": bad({ n: "AQAB" }),
    "an even modulus": bad({ n: `${RSA.n?.slice(0, -2)}AA` }),
    "n no base64": bad({ n: "!" }),
    "an algorithm of EC": bad({ alg: "ES256" }),
    "kty in another case": bad({ kty: "rsa" }),
    "without kty": bad({ kty: undefined }),
    "kty a number": bad({ kty: 1 }),
  }).map(([name, key]) => refusedSet(`an RSA key that is none: ${name}`, jwks(key))),
  ...Object.entries({
    "cut off": "{",
    "no keys": "{}",
    "keys an object": '{"keys":{}}',
    "keys empty": '{"keys":[]}',
    "keys that are no objects": '{"keys":[1,null,"x"]}',
    "keys twice": `{"keys":[${JSON.stringify(RSA)}],"keys":[]}`,
    "a list": `[${JSON.stringify(RSA)}]`,
    "a key alone": JSON.stringify(RSA),
    "certificates, one of them EC": JSON.stringify({ a: TEST_CERTIFICATES.rsa, b: TEST_CERTIFICATES.p256 }),
    "a certificate without its last line end": JSON.stringify({ a: TEST_CERTIFICATES.rsa.trim() }),
    "a certificate without key id": JSON.stringify({ "": TEST_CERTIFICATES.rsa }),
    "a certificate and a number": JSON.stringify({ a: TEST_CERTIFICATES.rsa, b: 1 }),
    "a certificate that is none": JSON.stringify({
      a: "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    }),
  }).map(([name, text]) => refusedSet(`a set that is none: ${name}`, text)),
  local("an empty set is none, and nothing is said of it", KEYS, "", GOOD),
  local(
    "certificates by key id",
    KEYS,
    JSON.stringify({ a: TEST_CERTIFICATES.rsa }),
    signed("RS256", { kid: "a" }),
    signed("PS256", { kid: "a" }),
    signed("RS256", { kid: "b" }),
    GOOD,
  ),
  local(
    "EC keys: curves and algorithms that fit and do not",
    KEYS,
    jwks(
      jwk("p256", { kid: "a", crv: undefined }),
      jwk("p256", { kid: "b", alg: "ES256", crv: undefined }),
      jwk("p256", { kid: "c", alg: "ES384" }),
      jwk("p256", { kid: "d", alg: "RS256" }),
      jwk("p256", { kid: "e", crv: "P-384" }),
      jwk("p256", { kid: "f", y: jwk("p384").y }),
      jwk("p256", { kid: "g", x: jwk("p256").y }),
      jwk("p256", { kid: "h", crv: 1 }),
    ),
    ..."abcdefgh".split("").map((kid) => signed("ES256", { kid })),
  ),
  local(
    "secrets and Ed25519 keys that are none",
    KEYS,
    jwks(
      jwk("oct", { kid: "a", k: "" }),
      jwk("oct", { kid: "b", alg: "RS256" }),
      jwk("oct", { kid: "c", k: 1 }),
      jwk("ed", { kid: "d", crv: "X25519" }),
      jwk("ed", { kid: "e", crv: undefined }),
      jwk("ed", { kid: "f", x: "AAAA" }),
      jwk("ed", { kid: "g", alg: "ES256" }),
      jwk("ed", { kid: "h", alg: "EdDSA" }),
    ),
    ..."abc".split("").map((kid) => signed("HS256", { kid })),
    ..."defgh".split("").map((kid) => signed("EdDSA", { kid })),
  ),

  // Which key.
  local(
    "by kid",
    CHOICE,
    jwks(jwk("rsa", { kid: "one" }), jwk("rsa2", { kid: "two" }), jwk("rsa2")),
    signed("RS256", { kid: "one" }),
    signed("RS256", { kid: "two", key: "rsa2" }),
    signed("RS256", { kid: "one", key: "rsa2" }),
    signed("RS256", { kid: "two" }),
    signed("RS256", { kid: "three" }),
    signed("RS256", { kid: "three", key: "rsa2" }),
    signed("RS256"),
    signed("RS256", { key: "rsa2" }),
  ),
  local(
    "no key has that kid, or that algorithm",
    CHOICE,
    jwks(jwk("rsa", { kid: "one", alg: "RS256" })),
    signed("RS256", { kid: "two" }),
    signed("RS512", { kid: "one" }),
    signed("RS512"),
    signed("HS256"),
  ),
  local(
    "all without kid are tried",
    CHOICE,
    jwks(jwk("rsa2"), jwk("p256"), jwk("rsa")),
    signed("RS256"),
    signed("ES256"),
  ),

  // From elsewhere.
  remote(
    "the first request waits for the keys, the second has them",
    answer(200, SET, JSON_TYPE),
    inTurn(bearer(GOOD), bearer(GOOD), bearer(token({}, { key: "rsa2" }))),
  ),
  remote(
    "no token, no fetch",
    answer(200, SET),
    inTurn(get(), bearer("x"), bearer(token({ exp: 1 })), bearer(token({ iss: "x" }))),
  ),
  remote("a body waits, too", answer(200, SET), [
    `POST / HTTP/1.1\r\nhost: a.test\r\nauthorization: Bearer ${GOOD}\r\ncontent-length: 5\r\n\r\nhello`,
    got(1),
  ]),
  remote(
    "in chunks",
    {
      answers: [
        [head("HTTP/1.1 200 OK", "transfer-encoding: chunked"), `${SET.length.toString(16)}\r\n`, SET, "\r\n0\r\n\r\n"],
      ],
    },
    inTurn(bearer(GOOD)),
  ),
  ...(
    [
      ["404", answer(404, SET)],
      ["500", answer(500, SET)],
      ["204", head("HTTP/1.1 204 No Content")],
      ["201", answer(201, SET)],
      ["a redirect", answer(302, "", "location: /x")],
      ["an empty body", answer(200)],
      ["no keys", answer(200, "{}")],
      ["no JSON", answer(200, "<html>")],
      ["nobody there", REFUSED],
      ["closed", { answers: [[CLOSE]] }],
      ["reset", { answers: [[RESET]] }],
      ["half of it", { answers: [[head("HTTP/1.1 200 OK", "content-length: 1000"), SET.slice(0, 50), CLOSE]] }],
    ] as const
  ).map(([name, keys]) => remote(`keys that cannot be had: ${name}`, keys, inTurn(bearer(GOOD)))),
  remote("keys that cannot be had: too late", { answers: [[gate("never")]] }, inTurn(bearer(GOOD)), {
    http_uri: { ...URI, timeout: "0.3s" },
  }),
  remote("keys that cannot be had: no such cluster", answer(200, SET), inTurn(bearer(GOOD)), {
    http_uri: { ...URI, cluster: "nowhere" },
  }),
  remote(
    "after a failure the next request tries again",
    { answers: [answer(500), answer(200, SET)] },
    inTurn(bearer(GOOD), bearer(GOOD), bearer(GOOD)),
  ),
  remote(
    "keys that cannot be had, and a token that may fail",
    answer(500),
    inTurn(bearer(GOOD)),
    {},
    { filters: [filter({ remote_jwks: { http_uri: URI } }, { allow_missing_or_failed: {} })] },
  ),
  remote(
    "cache_duration: when they are old they are fetched again",
    { answers: [answer(200, SET), answer(200, jwks(jwk("rsa2")))] },
    [bearer(GOOD), got(1), elapse(1200), bearer(GOOD), got(2), bearer(token({}, { key: "rsa2" })), got(3)],
    { cache_duration: "1s" },
  ),
  {
    ...remote(
      "retry_policy: until they are there",
      { answers: [answer(503), answer(500), answer(200, SET)] },
      inTurn(bearer(GOOD)),
      { retry_policy: { num_retries: 3, retry_back_off: { base_interval: "0.01s", max_interval: "1s" } } },
    ),
    waived: "Envoy sends what it tries again with an empty chunked body",
  },
  {
    ...remote(
      "retry_policy: one by default, and not after 404",
      { answers: [answer(503), answer(503), answer(404), answer(200, SET)] },
      inTurn(bearer(GOOD), bearer(GOOD)),
      { retry_policy: { retry_back_off: { base_interval: "0.01s" } } },
    ),
    waived: "Envoy sends what it tries again with an empty chunked body",
  },
  {
    ...remote("retry_policy: after a reset", { answers: [[RESET], answer(200, SET)] }, inTurn(bearer(GOOD)), {
      retry_policy: { num_retries: 1, retry_back_off: { base_interval: "0.01s" } },
    }),
    waived: "Envoy sends what it tries again with an empty chunked body",
  },
  {
    name: "two requests wait for one fetch",
    feature: REMOTE,
    filters: [filter({ remote_jwks: { http_uri: URI } })],
    clusters: CLUSTERS,
    upstreams: { keys: { answers: [[gate("keys"), answer(200, SET)]] } },
    client: [bearer(GOOD), seen("keys", 1), send("d", bearer(GOOD)), elapse(100), open("keys"), got(1), got(1, "d")],
    stats: REMOTE_STATS,
    waived: "Envoy fetches the keys once for each request that waits",
  },
  remote(
    "the client goes while keys are fetched",
    { answers: [[gate("keys"), answer(200, SET)]] },
    [
      bearer(GOOD),
      seen("keys", 1),
      { do: "reset", on: "c" },
      stat("http.in.downstream_cx_active", 0),
      open("keys"),
      send("d", bearer(GOOD)),
      got(1, "d"),
    ],
    {},
    { stats: [] },
  ),
  remote(
    "two providers are fetched for at once",
    answer(200, SET),
    inTurn(get("/", `x-p: ${GOOD}`, `x-q: ${GOOD}`)),
    {},
    {
      filters: [
        {
          name: NAME,
          typed_config: typed("extensions.filters.http.jwt_authn.v3.JwtAuthentication", {
            providers: Object.fromEntries(
              ["p", "q"].map((each) => [
                each,
                {
                  issuer: "https://issuer.test",
                  from_headers: [{ name: `x-${each}` }],
                  remote_jwks: { http_uri: { ...URI, cluster: each } },
                },
              ]),
            ),
            rules: [
              {
                match: { prefix: "/" },
                requires: { requires_all: { requirements: [{ provider_name: "p" }, { provider_name: "q" }] } },
              },
            ],
          }),
        },
      ],
      clusters: { a: {}, p: {}, q: {} },
      upstreams: { p: answer(200, SET), q: answer(200, SET) },
    },
  ),
  {
    name: "a URI that is none",
    feature: REMOTE,
    filters: [filter({ remote_jwks: { http_uri: { ...URI, uri: "keys" } } })],
    clusters: CLUSTERS,
    client: [],
    refused: true,
  },
  remote("https without path", answer(200, SET), inTurn(bearer(GOOD)), {
    http_uri: { ...URI, uri: "https://keys.test" },
  }),
  {
    name: "no keys at all",
    feature: REMOTE,
    filters: [filter({})],
    client: [],
    refused: true,
  },

  // Beforehand.
  remote(
    "async_fetch: before the first request",
    answer(200, SET),
    [seen("keys", 1), ...inTurn(bearer(GOOD), bearer(GOOD))],
    { async_fetch: {} },
    { feature: ASYNC },
  ),
  remote(
    "async_fetch: the listener waits for it, and no longer when it has failed",
    { answers: [[gate("never")]] },
    inTurn(bearer(GOOD)),
    { http_uri: { ...URI, timeout: "0.3s" }, async_fetch: { failed_refetch_duration: "100s" } },
    { feature: ASYNC },
  ),
  remote(
    "async_fetch: fast_listener does not",
    { answers: [[gate("keys"), answer(200, SET)], answer(200, SET)] },
    [
      seen("keys", 1),
      get(),
      got(1),
      open("keys"),
      stat("http.in.jwt_authn.jwks_fetch_success", 1),
      bearer(GOOD),
      got(2),
    ],
    { async_fetch: { fast_listener: true } },
    { feature: ASYNC },
  ),
  remote(
    "async_fetch: again and again until it succeeds",
    { answers: [answer(500), answer(404), answer(200, SET)] },
    [stat("http.in.jwt_authn.jwks_fetch_success", 1), ...inTurn(bearer(GOOD))],
    { async_fetch: { failed_refetch_duration: "0.05s" } },
    { feature: ASYNC },
  ),
];
