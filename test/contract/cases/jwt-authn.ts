/** The JWT filter: where tokens are found, and what is asked of them. Requirements: jwt-requirements.ts; keys: jwt-keys.ts. */
import { encoded, jwk, signature, token } from "../../support/tokens.ts";
import type { ContractCase } from "../harness/case.ts";
import { GOOD, ISSUER, bearer, tokens } from "../harness/jwt.ts";
import { get } from "../harness/steps.ts";

const PLACES = "JWT: where tokens are";
const TOKENS = "JWT: tokens that are refused";
const CLAIMS = "JWT: claims";
const FORWARD = "JWT: what upstreams are told";

const payload = (text: string): string => get("/", bearer(token(text)));
const withHeader = (text: string): string => {
  const signed = `${encoded(text)}.${encoded({ iss: ISSUER })}`;
  return get("/", bearer(`${signed}.${signature("RS256", "rsa", signed)}`));
};

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
];

/** The same bytes, written with the unused bits of the last character set. */
function withLastBits(text: string): string {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  return text.slice(0, -1) + alphabet[alphabet.indexOf(text.at(-1) ?? "A") | 1];
}
