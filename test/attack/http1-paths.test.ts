/**
 * Paths, header values and patterns that make what authorises and what forwards see different things, by the CVE that somebody got for it.
 * One path is all that the route table, RBAC and the upstream know of.
 */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { exchange, responsesIn } from "../support/raw-client.ts";
import { type Target, assertRefused, assertServes, startTarget } from "./support/target.ts";

const RBAC = "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC";
const ROUTER = {
  name: "envoy.filters.http.router",
  typed_config: { "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router" },
};

/** Requests that these permissions match are denied. */
function denying(...permissions: readonly object[]): object {
  const rules = { action: "DENY", policies: { p: { permissions, principals: [{ any: true }] } } };
  return {
    http_filters: [{ name: "envoy.filters.http.rbac", typed_config: { "@type": RBAC, rules } }, ROUTER],
  };
}

/** `/admin…` is answered by the proxy itself, everything else by the backend. */
const ADMIN_IS_OURS = {
  route_config: {
    virtual_hosts: [
      {
        name: "all",
        domains: ["*"],
        routes: [
          { match: { prefix: "/admin" }, direct_response: { status: 403 } },
          { match: { prefix: "/" }, route: { cluster: "b" } },
        ],
      },
    ],
  },
};
const FORBIDDEN = { url_path: { path: { prefix: "/admin" } } };

async function statusOf(target: Target, path: string, ...lines: readonly string[]): Promise<number | undefined> {
  const head = [`GET ${path} HTTP/1.1`, "Host: h", ...lines].join("\r\n");
  const { text } = await exchange(target.port, `${head}\r\n\r\n`, { idleMs: 60 });
  return responsesIn(text)[0]?.status;
}

/** A target for the tests of one description. */
function withTarget(manager: object): { readonly target: Target } {
  const holder: { target: Target } = { target: undefined as unknown as Target };
  before(async () => {
    holder.target = await startTarget(manager);
  });
  after(() => holder.target.close());
  return holder;
}

for (const [what, manager] of [
  ["routes", ADMIN_IS_OURS],
  ["RBAC", denying(FORBIDDEN)],
] as const) {
  describe(`path confusion: ${what}`, () => {
    const held = withTarget({
      normalize_path: true,
      merge_slashes: true,
      path_with_escaped_slashes_action: "UNESCAPE_AND_FORWARD",
      ...manager,
    });
    for (const [name, paths] of Object.entries({
      "CVE-2019-9901: dot segments": ["/x/../admin", "/./admin", "/x/%2e%2e/admin", "/x/.%2E/admin", "//admin"],
      "CVE-2026-73551: dot segments with parameters": [
        "/x/..;/admin",
        "/x/..;a=b/admin",
        "/.;/admin",
        "/x/%2e%2e;/admin",
      ],
      "CVE-2021-29492: escaped slashes": ["/x%2f..%2fadmin", "/x%5c..%5cadmin", "/x/..%2Fadmin", "/x\\..\\admin"],
    })) {
      it(name, async () => {
        for (const path of paths) {
          held.target.backend.takeBytes();
          assert.equal(await statusOf(held.target, path), 403, path);
          assert.equal(held.target.backend.takeBytes(), "", `${path}: the backend saw nothing`);
        }
        await assertServes(held.target);
      });
    }

    it("CVE-2019-9901: what climbs above the root stays under it", async () => {
      assert.equal(await statusOf(held.target, "/../../../../admin"), 403);
      held.target.backend.takeBytes();
      assert.equal(await statusOf(held.target, "/../../etc"), 200);
      assert.match(held.target.backend.take()[0]?.head ?? "", /^GET \/etc /);
    });
  });
}

describe("path confusion: escaped slashes may be refused", () => {
  const held = withTarget({ path_with_escaped_slashes_action: "REJECT_REQUEST" });
  for (const path of ["/x%2fadmin", "/x%5Cadmin"])
    it(`CVE-2021-29492: ${path}`, () => assertRefused(held.target, `GET ${path} HTTP/1.1\r\nHost: h\r\n\r\n`, 400));
});

describe("path parameters: what a route ignores, RBAC ignores", () => {
  const held = withTarget({
    ...denying(FORBIDDEN),
    route_config: {
      ignore_path_parameters_in_path_matching: true,
      virtual_hosts: [
        {
          name: "all",
          domains: ["*"],
          routes: [
            { match: { path: "/own/page" }, direct_response: { status: 204 } },
            { match: { prefix: "/" }, route: { cluster: "b" } },
          ],
        },
      ],
    },
  });
  it("CVE-2026-73511: parameters of each segment", async () => {
    assert.equal(await statusOf(held.target, "/own;a=b/page;c"), 204);
    await assertServes(held.target);
  });
  it("CVE-2026-73553: a denied path with parameters", async () => {
    for (const path of ["/admin;x", "/admin;x/y", "/admin;"])
      assert.equal(await statusOf(held.target, path), 403, path);
  });
});

describe("NUL and controls in values", () => {
  const held = withTarget(denying({ header: { name: "x-role", string_match: { exact: "admin" } } }));
  it("CVE-2019-9900: NUL in a header value", () =>
    assertRefused(held.target, "GET / HTTP/1.1\r\nHost: h\r\nX-Role: admin\0x\r\n\r\n", 400));
  it("CVE-2019-9900: NUL in the path", () => assertRefused(held.target, "GET /a\0b HTTP/1.1\r\nHost: h\r\n\r\n", 400));
});

describe("authorisation fails closed", () => {
  const held = withTarget(
    denying(
      { header: { name: "x-role", string_match: { exact: "guest" } } },
      { header: { name: "x-name", string_match: { safe_regex: { regex: "bad.*" } } } },
    ),
  );
  it("CVE-2026-26308: a value among several of one name", async () => {
    const denied = await statusOf(held.target, "/", "X-Role: guest");
    assert.equal(denied, 403);
    assert.equal(await statusOf(held.target, "/", "X-Role: other", "X-Role: guest"), 403);
    assert.equal(await statusOf(held.target, "/", "X-Role: guest", "X-Role: other"), 403);
  });
  it("CVE-2026-73552: bytes that are no UTF-8 do not make a pattern fail", async () => {
    assert.equal(await statusOf(held.target, "/", "X-Name: bad\xff\xfe"), 403);
    assert.equal(await statusOf(held.target, "/", "X-Name: bad\xc3"), 403);
    await assertServes(held.target);
  });
});

describe("patterns", () => {
  const routes = [
    { match: { safe_regex: { regex: "/(a+)+b" } }, direct_response: { status: 204 } },
    { match: { safe_regex: { regex: "/(x|x|x)*y" } }, direct_response: { status: 204 } },
    { match: { prefix: "/" }, route: { cluster: "b" } },
  ];
  const held = withTarget({ route_config: { virtual_hosts: [{ name: "all", domains: ["*"], routes }] } });
  it("CVE-2019-15225: time in proportion to the text", async () => {
    const started = process.cpuUsage();
    assert.equal(await statusOf(held.target, `/${"a".repeat(30_000)}`), 200);
    assert.equal(await statusOf(held.target, `/${"x".repeat(30_000)}`), 200);
    const { user, system } = process.cpuUsage(started);
    assert.ok((user + system) / 1e6 < 2, `${(user + system) / 1e6} s of CPU`);
    await assertServes(held.target);
  });
});
