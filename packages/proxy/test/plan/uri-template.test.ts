import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { uriTemplateTest } from "../../src/plan/uri-template.ts";

/** Those of the paths that the template matches. What Envoy matches: test/contract/cases/rbac.ts. */
function matched(template: string, ...paths: readonly string[]): string[] {
  return paths.filter(uriTemplateTest(template));
}

describe("a path template", () => {
  it("has operators for one segment and for any number", () => {
    assert.deepEqual(matched("/a/*/c", "/a/b/c", "/a//c", "/a/b/b/c"), ["/a/b/c"]);
    assert.deepEqual(matched("/a/**", "/a/", "/a/b/c", "/a"), ["/a/", "/a/b/c"]);
    assert.deepEqual(matched("/{x=**}/y", "/x/y", "/a/x/y", "/y"), ["/x/y", "/a/x/y"]);
  });

  it("takes characters that mean something in regular expressions for themselves", () => {
    assert.deepEqual(matched("/a.b+(c)", "/a.b+(c)", "/aXb+(c)", "/a.bb(c)"), ["/a.b+(c)"]);
  });

  it("is refused where Envoy cannot read it", () => {
    for (const template of [
      "",
      "a/b",
      "/{x}/{x}",
      "/{}",
      "/{1x}",
      "/{x-y}",
      "/a//b",
      "/{a}/{b}/{c}/{d}/{e}/{f}",
      "/**/*",
      "/{x=**}/*",
      "/{abcdefghijklmnopq}",
      "/{a",
      "/a}",
      "/a b",
      "/a|b",
      "/é",
      "/{x}{y}",
      "/*.json/x",
      "/{x=}",
      "/{x=a//b}",
      "/{x={y}}",
      "/a*b",
      "/***",
    ]) {
      assert.throws(() => uriTemplateTest(template), /invalid path template/, template);
    }
  });
});
