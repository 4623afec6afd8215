/** Paths: normalisation, escaped slashes, merged slashes, fragments. What is matched is what is forwarded. */
import type { ContractCase, JsonObject } from "../harness/case.ts";
import { get, request, toCluster } from "../harness/steps.ts";

type Row = readonly [name: string, path: string];

const ROUTES = [
  { match: { path: "/secret" }, direct_response: { status: 403 } },
  { match: { prefix: "/secret/" }, direct_response: { status: 403 } },
  toCluster("", "a"),
];

/** GETs of these paths; `/secret` and what is under it is forbidden. */
function cases(feature: string, manager: JsonObject, rows: readonly Row[]): ContractCase[] {
  return rows.map(([name, path]) => ({
    name: `${feature}: ${name}`,
    feature: `Paths: ${feature}`,
    manager,
    routes: ROUTES,
    client: [get(path)],
  }));
}

const ESCAPED: readonly Row[] = [
  ["%2F", "/a%2Fb"],
  ["%2f and a query", "/a%2fb?c=%2f"],
  ["%5C", "/a%5Cb"],
  ["%5c before a secret", "/x%5c..%5csecret"],
  ["%2F before a secret", "/x%2F..%2Fsecret"],
  ["no escape", "/a/b"],
  ["only in the query", "/a?b=%2F"],
];

export const CASES: readonly ContractCase[] = [
  ...cases("as they are", {}, [
    ["dot segments", "/a/../secret"],
    ["escaped letters", "/%73ecret"],
    ["two slashes", "//secret"],
    ["a backslash", "/x\\..\\secret"],
    ["parameters", "/secret;x=1"],
    ["a query", "/secret?x=1"],
    ["an empty query", "/a?"],
    ["question marks in a query", "/a?b?c"],
    ["quotes and brackets", '/a"b[c]{d}|e^f`g'],
    ["obs-text", "/caf\xe9"],
    ["no leading slash", "a/b"],
    ["an asterisk", "*"],
    ["a fragment after a query", "/a?b#c"],
    ["a fragment alone", "/#c"],
  ]),
  ...cases("normalize_path", { normalize_path: true }, [
    ["dot segments", "/a/../secret"],
    ["one dot", "/a/./b"],
    ["a dot segment at the end", "/a/b/.."],
    ["one dot at the end", "/a/b/."],
    ["above the root", "/../../secret"],
    ["escaped dots", "/a/%2e%2E/secret"],
    ["a mixed dot segment", "/a/.%2e/secret"],
    ["escaped letters", "/%73ecret"],
    ["escaped unreserved characters", "/%7Ea%2Db%5Fc"],
    ["escaped reserved characters stay", "/%21%24%26%3a%40"],
    ["lower-case escapes stay", "/%c3%a9"],
    ["an escaped slash stays", "/a%2fb"],
    ["an escaped backslash stays", "/a%5cb"],
    ["a backslash", "/x\\..\\secret"],
    ["two slashes stay", "//a//b"],
    ["dots with parameters", "/a/..;x/secret"],
    ["one dot with parameters", "/a/.;x/b"],
    ["parameters of a segment", "/a;x/b;y"],
    ["three dots", "/a/.../b"],
    ["dots in a name", "/a..b/.c/d."],
    ["a query is left alone", "/a?b=/../c&d=%73"],
    ["a NUL escape", "/a%00b"],
    ["a NUL escape before dots", "/x/.%00../secret"],
    ["a lone percent sign", "/a%b"],
    ["a percent sign at the end", "/a%"],
    ["an escaped percent sign", "/a%25b"],
    ["a double escape", "/%252e%252e/secret"],
    ["no leading slash", "a/../b"],
    ["an empty path of an absolute form", "http://b.test?x"],
    ["dot segments in an absolute form", "http://b.test/a/../secret"],
  ]),
  ...cases("merge_slashes", { merge_slashes: true }, [
    ["two slashes", "//secret"],
    ["many slashes", "/a////b///c//"],
    ["in a query", "/a//b?c=//d"],
    ["escaped ones stay", "/a/%2f/b"],
    ["only slashes", "///"],
  ]),
  ...cases("merge_slashes and normalize_path", { merge_slashes: true, normalize_path: true }, [
    ["slashes and dots", "//a//..//secret"],
    ["backslashes", "/\\a\\\\b"],
  ]),
  ...cases("escaped slashes rejected", { path_with_escaped_slashes_action: "REJECT_REQUEST" }, ESCAPED),
  ...cases("escaped slashes forwarded", { path_with_escaped_slashes_action: "UNESCAPE_AND_FORWARD" }, ESCAPED),
  ...cases(
    "escaped slashes forwarded, normalised",
    { path_with_escaped_slashes_action: "UNESCAPE_AND_FORWARD", normalize_path: true, merge_slashes: true },
    ESCAPED,
  ),
  ...cases("escaped slashes redirected", { path_with_escaped_slashes_action: "UNESCAPE_AND_REDIRECT" }, ESCAPED),
  {
    name: "escaped slashes rejected for gRPC",
    feature: "Paths: escaped slashes rejected",
    manager: { path_with_escaped_slashes_action: "REJECT_REQUEST" },
    client: [request("POST", "/a%2Fb", "content-type: application/grpc")],
  },
  {
    name: "escaped slashes redirected for gRPC",
    feature: "Paths: escaped slashes redirected",
    manager: { path_with_escaped_slashes_action: "UNESCAPE_AND_REDIRECT" },
    client: [request("POST", "/a%2Fb", "content-type: application/grpc")],
  },
  {
    name: "ignore_path_parameters_in_path_matching",
    feature: "Paths: ignore_path_parameters_in_path_matching",
    routeConfig: { ignore_path_parameters_in_path_matching: true },
    routes: ROUTES,
    client: [get("/secret;x=1")],
  },
  {
    name: "ignore_path_parameters_in_path_matching, in the middle",
    feature: "Paths: ignore_path_parameters_in_path_matching",
    routeConfig: { ignore_path_parameters_in_path_matching: true },
    routes: ROUTES,
    client: [get("/secret;x/a;y?z;w")],
  },
];
