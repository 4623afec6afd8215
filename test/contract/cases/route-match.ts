/** What makes a route match. */
import type { ContractCase, JsonObject } from "../harness/case.ts";
import { get, got, request } from "../harness/steps.ts";

type Row = readonly [name: string, match: JsonObject, path: string, ...lines: string[]];

/** A route with this match answers 200, whatever it leaves 404. */
function cases(feature: string, rows: readonly Row[]): ContractCase[] {
  return rows.map(([name, match, path, ...lines]) => ({
    name: `${feature}: ${name}`,
    feature: `Route match: ${feature}`,
    routes: [{ match, direct_response: { status: 200, body: { inline_string: "matched" } } }],
    client: [get(path, ...lines)],
  }));
}

/** Matches of a header `x-a` on any path. */
function headers(
  feature: string,
  rows: readonly (readonly [name: string, matcher: JsonObject, ...lines: string[]])[],
): ContractCase[] {
  return cases(
    feature,
    rows.map(([name, matcher, ...lines]) => [
      name,
      { prefix: "/", headers: [{ name: "x-a", ...matcher }] },
      "/",
      ...lines,
    ]),
  );
}

function query(rows: readonly (readonly [name: string, matcher: JsonObject, path: string])[]): ContractCase[] {
  return cases(
    "query_parameters",
    rows.map(([name, matcher, path]) => [name, { prefix: "/", query_parameters: [{ name: "q", ...matcher }] }, path]),
  );
}

function cookies(rows: readonly (readonly [name: string, matcher: JsonObject, ...lines: string[]])[]): ContractCase[] {
  return cases(
    "cookies",
    rows.map(([name, matcher, ...lines]) => [
      name,
      { prefix: "/", cookies: [{ name: "c", ...EXACT, ...matcher }] },
      "/",
      ...lines,
    ]),
  );
}

const regex = (text: string): JsonObject => ({ regex: text });
const EXACT = { string_match: { exact: "v" } };

export const CASES: readonly ContractCase[] = [
  ...cases("prefix", [
    ["a string, not a segment", { prefix: "/a" }, "/ab"],
    ["case counts", { prefix: "/a" }, "/A"],
    ["case_sensitive false", { prefix: "/aB", case_sensitive: false }, "/Ab/c"],
    ["the query does not count", { prefix: "/a?b" }, "/a?b"],
    ["an empty prefix", { prefix: "" }, "/x"],
    ["longer than the path", { prefix: "/abc" }, "/ab"],
  ]),
  ...cases("path", [
    ["the same", { path: "/a" }, "/a"],
    ["with a query", { path: "/a" }, "/a?b=c"],
    ["with a slash more", { path: "/a" }, "/a/"],
    ["case counts", { path: "/a" }, "/A"],
    ["case_sensitive false", { path: "/aB", case_sensitive: false }, "/Ab"],
    ["with a fragment", { path: "/a" }, "/a#b"],
  ]),
  ...cases("safe_regex", [
    ["the whole path", { safe_regex: regex("/[0-9]+") }, "/12"],
    ["not a part of it", { safe_regex: regex("/[0-9]+") }, "/12/x"],
    ["without the query", { safe_regex: regex("/a") }, "/a?b"],
    ["anchors", { safe_regex: regex("^/a$") }, "/a"],
    ["alternatives", { safe_regex: regex("/a|/bb") }, "/bb"],
    ["case_sensitive has no say", { safe_regex: regex("/a"), case_sensitive: false }, "/A"],
    ["(?i)", { safe_regex: regex("(?i)/a") }, "/A"],
    ["a byte that is not UTF-8", { safe_regex: regex("/.") }, "/\xe9"],
    ["a class of ASCII letters", { safe_regex: regex("/\\w+") }, "/caf\xe9"],
    ["Unicode in the pattern", { safe_regex: regex("/é") }, "/\xc3\xa9"],
    ["a dot does not match a line end", { safe_regex: regex("/a.b") }, "/a%0Ab"],
  ]),
  ...cases("path_separated_prefix", [
    ["the same", { path_separated_prefix: "/a" }, "/a"],
    ["a segment", { path_separated_prefix: "/a" }, "/a/b"],
    ["not a string", { path_separated_prefix: "/a" }, "/ab"],
    ["with a query", { path_separated_prefix: "/a" }, "/a?b"],
    ["case_sensitive false", { path_separated_prefix: "/a", case_sensitive: false }, "/A/b"],
  ]),
  ...headers("headers: string_match", [
    ["exact", EXACT, "x-a: v"],
    ["exact, case counts", EXACT, "x-a: V"],
    ["exact, ignore_case", { string_match: { exact: "v", ignore_case: true } }, "x-a: V"],
    ["exact, absent", EXACT],
    ["exact, several lines are one value", EXACT, "x-a: v", "x-a: w"],
    ["exact of the joined lines", { string_match: { exact: "v,w" } }, "x-a: v", "x-a: w"],
    ["exact, empty", { string_match: { exact: "" } }, "x-a:"],
    ["prefix", { string_match: { prefix: "ab" } }, "x-a: abc"],
    ["prefix, ignore_case", { string_match: { prefix: "ab", ignore_case: true } }, "x-a: ABC"],
    ["suffix", { string_match: { suffix: "bc" } }, "x-a: abc"],
    ["suffix, ignore_case", { string_match: { suffix: "BC", ignore_case: true } }, "x-a: abc"],
    ["contains", { string_match: { contains: "b" } }, "x-a: abc"],
    ["contains, ignore_case", { string_match: { contains: "B", ignore_case: true } }, "x-a: abc"],
    ["safe_regex", { string_match: { safe_regex: regex("a+") } }, "x-a: aaa"],
    ["safe_regex, whole", { string_match: { safe_regex: regex("a+") } }, "x-a: aab"],
    ["safe_regex, joined lines", { string_match: { safe_regex: regex("v,w") } }, "x-a: v", "x-a: w"],
  ]),
  ...headers("headers: presence and ranges", [
    ["present", { present_match: true }, "x-a: 1"],
    ["present, empty", { present_match: true }, "x-a:"],
    ["present, absent", { present_match: true }],
    ["absent wanted, absent", { present_match: false }],
    ["absent wanted, present", { present_match: false }, "x-a: 1"],
    ["no specifier means presence", {}, "x-a: 1"],
    ["no specifier, absent", {}],
    ["range, inside", { range_match: { start: -10, end: 10 } }, "x-a: -10"],
    ["range, the end is outside", { range_match: { start: -10, end: 10 } }, "x-a: 10"],
    ["range, no number", { range_match: { start: -10, end: 10 } }, "x-a: 1x"],
    ["range, white space and plus", { range_match: { start: 0, end: 10 } }, "x-a: +5"],
    ["range, a fraction", { range_match: { start: 0, end: 10 } }, "x-a: 5.0"],
    ["range, absent", { range_match: { start: -10, end: 10 } }],
    ["range, beyond 2^63", { range_match: { start: 0, end: 10 } }, "x-a: 9223372036854775808"],
  ]),
  ...headers("headers: invert_match and absence", [
    ["inverted, other value", { ...EXACT, invert_match: true }, "x-a: w"],
    ["inverted, same value", { ...EXACT, invert_match: true }, "x-a: v"],
    ["inverted, absent", { ...EXACT, invert_match: true }],
    ["inverted presence, absent", { present_match: true, invert_match: true }],
    ["inverted presence, present", { present_match: true, invert_match: true }, "x-a: 1"],
    ["inverted range, absent", { range_match: { start: 0, end: 1 }, invert_match: true }],
    ["treat_missing_header_as_empty", { string_match: { exact: "" }, treat_missing_header_as_empty: true }],
    [
      "treat_missing_header_as_empty, inverted, absent",
      { ...EXACT, treat_missing_header_as_empty: true, invert_match: true },
    ],
    ["treat_missing_header_as_empty, presence", { present_match: true, treat_missing_header_as_empty: true }],
    [
      "treat_missing_header_as_empty, inverted presence",
      { present_match: true, treat_missing_header_as_empty: true, invert_match: true },
    ],
    ["treat_missing_header_as_empty, absence wanted", { present_match: false, treat_missing_header_as_empty: true }],
    [
      "treat_missing_header_as_empty, range",
      { range_match: { start: 0, end: 1 }, treat_missing_header_as_empty: true },
    ],
    [
      "treat_missing_header_as_empty, regex",
      { string_match: { safe_regex: regex(".*") }, treat_missing_header_as_empty: true },
    ],
  ]),
  ...headers("headers: deprecated fields", [
    ["exact_match", { exact_match: "v" }, "x-a: v"],
    ["prefix_match", { prefix_match: "v" }, "x-a: vw"],
    ["suffix_match", { suffix_match: "w" }, "x-a: vw"],
    ["contains_match", { contains_match: "w" }, "x-a: vwx"],
    ["safe_regex_match", { safe_regex_match: regex("v.") }, "x-a: vw"],
  ]),
  ...cases("headers: which ones", [
    ["all must match", { prefix: "/", headers: [{ name: "x-a" }, { name: "x-b" }] }, "/", "x-a: 1"],
    ["the name in capitals", { prefix: "/", headers: [{ name: "X-A", ...EXACT }] }, "/", "x-a: v"],
    [":method", { prefix: "/", headers: [{ name: ":method", string_match: { exact: "GET" } }] }, "/"],
    [":path with its query", { prefix: "/", headers: [{ name: ":path", string_match: { exact: "/?x" } }] }, "/?x"],
    [":authority", { prefix: "/", headers: [{ name: ":authority", string_match: { exact: "a.test" } }] }, "/"],
    ["host", { prefix: "/", headers: [{ name: "host", string_match: { exact: "a.test" } }] }, "/"],
    [":scheme", { prefix: "/", headers: [{ name: ":scheme", string_match: { exact: "http" } }] }, "/"],
    [
      ":scheme of a forwarded proto",
      { prefix: "/", headers: [{ name: ":scheme", string_match: { exact: "https" } }] },
      "/",
      "x-forwarded-proto: https",
    ],
    [
      "x-forwarded-proto that is added",
      { prefix: "/", headers: [{ name: "x-forwarded-proto", string_match: { exact: "http" } }] },
      "/",
    ],
    ["x-request-id that is added", { prefix: "/", headers: [{ name: "x-request-id", present_match: true }] }, "/"],
    [
      "a hop-by-hop header",
      { prefix: "/", headers: [{ name: "connection", present_match: true }] },
      "/",
      "connection: keep-alive",
    ],
    [
      "cookie lines are one value",
      { prefix: "/", headers: [{ name: "cookie", string_match: { exact: "a=1; b=2" } }] },
      "/",
      "cookie: a=1",
      "cookie: b=2",
    ],
    [
      "cookie lines, by regex",
      { prefix: "/", headers: [{ name: "cookie", string_match: { safe_regex: regex("^(.*?;)?( ?b=2)(;.*)?$") } }] },
      "/",
      "cookie: a=1",
      "cookie: b=2",
    ],
  ]),
  ...query([
    ["exact", EXACT, "/?q=v"],
    ["exact, another value", EXACT, "/?q=w"],
    ["exact, none", EXACT, "/"],
    ["exact, the first counts", EXACT, "/?q=v&q=w"],
    ["exact, the second does not", EXACT, "/?q=w&q=v"],
    ["exact, escaped", { string_match: { exact: "v v" } }, "/?q=v%20v"],
    ["exact, a plus is a plus", { string_match: { exact: "v v" } }, "/?q=v+v"],
    ["exact, an escaped name", EXACT, "/?%71=v"],
    ["exact, name in capitals", EXACT, "/?Q=v"],
    ["exact, an equals sign in the value", { string_match: { exact: "v=w" } }, "/?q=v=w"],
    ["present", { present_match: true }, "/?q=v"],
    ["present without a value", { present_match: true }, "/?q"],
    ["present with an empty value", { present_match: true }, "/?a=b&q="],
    ["present, none", { present_match: true }, "/?qq=1"],
    ["absence wanted", { present_match: false }, "/?a=b"],
    ["absence wanted, present", { present_match: false }, "/?q=b"],
    ["no specifier", {}, "/?q=1"],
    ["regex", { string_match: { safe_regex: regex("[0-9]+") } }, "/?q=12"],
    ["prefix, ignore_case", { string_match: { prefix: "AB", ignore_case: true } }, "/?q=abc"],
    ["empty pairs", EXACT, "/?&&q=v&"],
    ["a semicolon does not separate", EXACT, "/?a=b;q=v"],
    ["a fragment", EXACT, "/?q=v#f"],
  ]),
  ...cookies([
    ["exact", {}, "cookie: a=b; c=v"],
    ["another value", {}, "cookie: c=w"],
    ["none", {}],
    ["no such cookie", {}, "cookie: a=b"],
    ["on a second line", {}, "cookie: a=b", "cookie: c=v"],
    ["twice, the first counts", {}, "cookie: c=v; c=w"],
    ["twice, the second does not", {}, "cookie: c=w; c=v"],
    ["without white space", {}, "cookie: a=b;c=v"],
    ["with much white space", {}, "cookie: a=b ;   c=v  "],
    ["white space around the sign", {}, "cookie: c = v"],
    ["in quotes", {}, 'cookie: c="v"'],
    ["case of the name counts", {}, "cookie: C=v"],
    ["a sign in the value", { string_match: { exact: "v=w" } }, "cookie: c=v=w"],
    ["an empty value", { string_match: { exact: "" } }, "cookie: c="],
    ["no sign", { string_match: { exact: "" } }, "cookie: c"],
    ["a comma in the value", { string_match: { exact: "v,w" } }, "cookie: c=v,w"],
    ["regex", { string_match: { safe_regex: regex("[0-9]+") } }, "cookie: c=12"],
    ["inverted, none", { invert_match: true }],
    ["inverted, another value", { invert_match: true }, "cookie: c=w"],
    ["inverted, the value", { invert_match: true }, "cookie: c=v"],
  ]),
  {
    name: "cookies: all must match",
    feature: "Route match: cookies",
    routes: [
      {
        match: {
          prefix: "/",
          cookies: [
            { name: "a", ...EXACT },
            { name: "b", ...EXACT },
          ],
        },
        direct_response: { status: 200 },
      },
    ],
    client: [get("/", "cookie: a=v; b=w"), got(1), get("/", "cookie: a=v; b=v")],
  },
  ...cases("runtime_fraction", [
    ["0", { prefix: "/", runtime_fraction: { default_value: { numerator: 0 } } }, "/"],
    ["100", { prefix: "/", runtime_fraction: { default_value: { numerator: 100 } } }, "/"],
    [
      "10000 of TEN_THOUSAND",
      { prefix: "/", runtime_fraction: { default_value: { numerator: 10000, denominator: "TEN_THOUSAND" } } },
      "/",
    ],
    ["more than all", { prefix: "/", runtime_fraction: { default_value: { numerator: 200 } } }, "/"],
    [
      "with a runtime key that is not set",
      { prefix: "/", runtime_fraction: { default_value: { numerator: 100 }, runtime_key: "k" } },
      "/",
    ],
  ]),
  ...cases("grpc", [
    ["application/grpc", { prefix: "/", grpc: {} }, "/", "content-type: application/grpc"],
    ["with a suffix", { prefix: "/", grpc: {} }, "/", "content-type: application/grpc+proto"],
    ["another type that begins so", { prefix: "/", grpc: {} }, "/", "content-type: application/grpc-web"],
    ["in capitals", { prefix: "/", grpc: {} }, "/", "content-type: application/GRPC"],
    ["with parameters", { prefix: "/", grpc: {} }, "/", "content-type: application/grpc;x=y"],
    ["another type", { prefix: "/", grpc: {} }, "/", "content-type: text/plain"],
    ["no type", { prefix: "/", grpc: {} }, "/"],
  ]),
  {
    name: "the first route that matches",
    feature: "Route match: order",
    routes: [
      { match: { prefix: "/a/b" }, direct_response: { status: 201 } },
      { match: { prefix: "/a" }, direct_response: { status: 202 } },
      { match: { path: "/a/c" }, direct_response: { status: 203 } },
    ],
    client: [get("/a/b"), get("/a/c"), get("/b")],
  },
  {
    name: "a later route takes what a header kept from the first",
    feature: "Route match: order",
    routes: [
      { match: { prefix: "/", headers: [{ name: "x-a", ...EXACT }] }, direct_response: { status: 201 } },
      { match: { prefix: "/" }, direct_response: { status: 202 } },
    ],
    client: [get("/", "x-a: v"), get("/")],
  },
  {
    name: "CONNECT is matched by no prefix",
    feature: "Route match: CONNECT",
    routes: [{ match: { prefix: "/" }, direct_response: { status: 200 } }],
    client: [request("CONNECT", "a.test:443", "Host: a.test:443")],
  },
  {
    name: "OPTIONS * is matched by a prefix",
    feature: "Route match: CONNECT",
    routes: [
      { match: { prefix: "/" }, direct_response: { status: 201 } },
      { match: { prefix: "" }, direct_response: { status: 202 } },
    ],
    client: [request("OPTIONS", "*")],
  },
  ...[
    ["a bad regex", { safe_regex: { regex: "(" } }],
    ["a regex with a look-ahead", { safe_regex: { regex: "a(?=b)" } }],
    ["a regex with a back reference", { safe_regex: { regex: "(a)\\1" } }],
    ["a path_separated_prefix that ends with a slash", { path_separated_prefix: "/a/" }],
    ["a path_separated_prefix with a question mark", { path_separated_prefix: "/a?b" }],
    ["no path", { headers: [] }],
    ["a header without a name", { prefix: "/", headers: [{ name: "" }] }],
  ].map(([name, match]): ContractCase => ({
    name: `${name as string} is refused`,
    feature: "Route match: what is refused",
    routes: [{ match: match as JsonObject, direct_response: { status: 200 } }],
    client: [],
    refused: true,
  })),
];
