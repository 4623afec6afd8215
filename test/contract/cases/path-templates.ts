/** Routes by path templates, and rewrites with what their variables stand for. */
import type { ContractCase, JsonObject } from "../harness/case.ts";
import { get, inTurn, typed } from "../harness/steps.ts";

const matched = (path_template: string): JsonObject => ({
  path_match_policy: {
    name: "match",
    typed_config: typed("extensions.path.match.uri_template.v3.UriTemplateMatchConfig", { path_template }),
  },
});
const rewritten = (path_template_rewrite: string): JsonObject => ({
  path_rewrite_policy: {
    name: "rewrite",
    typed_config: typed("extensions.path.rewrite.uri_template.v3.UriTemplateRewriteConfig", { path_template_rewrite }),
  },
});

function routed(name: string, template: string, action: JsonObject, ...paths: readonly string[]): ContractCase {
  return {
    name,
    feature: "Route match: path templates",
    routes: [{ match: matched(template), route: { cluster: "a", ...action } }],
    client: inTurn(...paths.map((path) => get(path))),
  };
}

function refused(name: string, route: JsonObject): ContractCase {
  return { name, feature: "Route match: path templates", routes: [route], client: [], refused: true };
}

export const CASES: readonly ContractCase[] = [
  routed("segments and the rest", "/api/{v}/**", {}, "/api/1/x", "/api/1", "/no", "/api/1/x?q=/"),
  routed(
    "a rewrite keeps the query",
    "/api/{v}/{r=**}",
    rewritten("/{r}/{v}"),
    "/api/1/x/y?q=1",
    "/api/1/",
    "/api/a%20b/c",
  ),
  routed("a variable of two segments", "/*/{a=x/*}/z", rewritten("/n/{a}"), "/q/x/y/z", "/q/y/z"),
  routed("text behind a variable", "/a/{b}.html", rewritten("/{b}.htm/fixed"), "/a/c.html", "/a/c"),
  routed("a variable twice", "/a/{b}", rewritten("/{b}/{b}"), "/a/c"),
  routed("a rewrite that ends with a slash", "/a/{b}", rewritten("/{b}/"), "/a/c"),
  routed("a rewrite by regex", "/a/{b}", { regex_rewrite: { pattern: { regex: "/a" }, substitution: "/z" } }, "/a/b?x"),
  {
    ...routed("letters of another case", "/Api/{b}", rewritten("/x/{b}"), "/api/c", "/Api/C"),
    routes: [
      { match: { ...matched("/Api/{b}"), case_sensitive: false }, route: { cluster: "a", ...rewritten("/x/{b}") } },
    ],
  },
  refused("a rewrite by a variable that is not there", {
    match: matched("/a/{b}"),
    route: { cluster: "a", ...rewritten("/{c}") },
  }),
  refused("a rewrite without a slash", { match: matched("/a/{b}"), route: { cluster: "a", ...rewritten("{b}") } }),
  refused("a rewrite with two slashes", { match: matched("/a/{b}"), route: { cluster: "a", ...rewritten("//{b}") } }),
  refused("a template without a slash", { match: matched("a/{b}"), route: { cluster: "a" } }),
  refused("a rewrite of what matches otherwise", {
    match: { prefix: "/" },
    route: { cluster: "a", ...rewritten("/x") },
  }),
  refused("two rewrites", {
    match: matched("/a/{b}"),
    route: { cluster: "a", prefix_rewrite: "/q", ...rewritten("/x") },
  }),
  refused("a prefix to rewrite", { match: matched("/a/{b}"), route: { cluster: "a", prefix_rewrite: "/q" } }),
  refused("a redirect's prefix", { match: matched("/a/{b}"), redirect: { prefix_rewrite: "/q" } }),
];
