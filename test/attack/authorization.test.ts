/** Requests that what decides about them could misread: it decides against them, or says so. By the CVE that somebody got for it. */
import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { exchange, responsesIn } from "../support/raw-client.ts";
import { jwk, jwks, token } from "../support/tokens.ts";
import { type Target, assertServes, startTarget } from "./support/target.ts";

const FILTERS = "type.googleapis.com/envoy.extensions.filters.http";
const ROUTER = { name: "router", typed_config: { "@type": `${FILTERS}.router.v3.Router` } };
const CONNECT = "CONNECT secret.test:443 HTTP/1.1\r\nHost: secret.test:443\r\n\r\n";

async function behind(t: TestContext, manager: object, ...filters: readonly object[]): Promise<Target> {
  const target = await startTarget({ ...manager, http_filters: [...filters, ROUTER] });
  t.after(() => target.close());
  return target;
}

/** CONNECT ends here: what follows goes to the backend as it is. */
const TUNNELS = {
  upgrade_configs: [{ upgrade_type: "CONNECT" }],
  route_config: {
    virtual_hosts: [
      {
        name: "all",
        domains: ["*"],
        routes: [
          {
            match: { connect_matcher: {} },
            route: { cluster: "b", upgrade_configs: [{ upgrade_type: "CONNECT", connect_config: {} }] },
          },
          { match: { prefix: "/" }, route: { cluster: "b" } },
        ],
      },
    ],
  },
};

function authorizer(service: object, fields: object = {}): object {
  const server_uri = { uri: "http://nobody.test", cluster: "nobody", timeout: "0.5s" };
  return {
    name: "envoy.filters.http.ext_authz",
    typed_config: {
      "@type": `${FILTERS}.ext_authz.v3.ExtAuthz`,
      ...fields,
      http_service: { server_uri, ...service },
    },
  };
}

describe("CONNECT, which has no path", () => {
  for (const [name, service] of Object.entries({
    "as it is": {},
    "with a prefix": { path_prefix: "/check" },
    "at a path of its own": { path_override: "/check" },
  })) {
    it(`CVE-2026-73547: an external authorizer that is asked ${name} and cannot answer has not allowed it`, async (t) => {
      const target = await behind(t, TUNNELS, authorizer(service));
      const { text } = await exchange(target.port, [CONNECT, "smuggled"], { idleMs: 60 });
      assert.equal(responsesIn(text)[0]?.status, 403);
      assert.equal(target.backend.takeBytes(), "", "the tunnel did not open");
    });
  }

  it("CVE-2026-73547: what RBAC allows by path is not CONNECT", async (t) => {
    const policies = {
      p: { permissions: [{ url_path: { path: { safe_regex: { regex: ".*" } } } }], principals: [{ any: true }] },
    };
    const rbac = {
      name: "envoy.filters.http.rbac",
      typed_config: { "@type": `${FILTERS}.rbac.v3.RBAC`, rules: { action: "ALLOW", policies } },
    };
    const target = await behind(t, TUNNELS, rbac);
    const { text } = await exchange(target.port, [CONNECT, "smuggled"], { idleMs: 60 });
    assert.equal(responsesIn(text)[0]?.status, 403);
    assert.equal(target.backend.takeBytes(), "");
    await assertServes(target);
  });
});

describe("headers that only a verified token may set", () => {
  const provider = {
    issuer: "https://issuer.test",
    local_jwks: { inline_string: jwks(jwk("rsa")) },
    forward_payload_header: "x-payload",
    claim_to_headers: [{ header_name: "x-user", claim_name: "sub" }],
  };
  const either = {
    requires_any: { requirements: [{ provider_name: "p" }, { allow_missing: {} }] },
  };
  const jwt = {
    name: "envoy.filters.http.jwt_authn",
    typed_config: {
      "@type": `${FILTERS}.jwt_authn.v3.JwtAuthentication`,
      providers: { p: provider },
      // Nothing is asked of the rest.
      rules: [{ match: { prefix: "/verified" }, requires: either }],
    },
  };

  async function seen(target: Target, path: string, ...lines: readonly string[]): Promise<string> {
    target.backend.takeBytes();
    const head = [`GET ${path} HTTP/1.1`, "Host: h", ...lines].join("\r\n");
    const { text } = await exchange(target.port, `${head}\r\n\r\n`, { idleMs: 60 });
    assert.equal(responsesIn(text)[0]?.status, 200);
    return target.backend.take()[0]?.head ?? "";
  }

  for (const [name, path] of Object.entries({
    "without a token": "/verified",
    "where no rule is": "/open",
  })) {
    it(`JWT header spoofing (stripped since Envoy 1.40): ${name}`, async (t) => {
      const target = await behind(t, {}, jwt);
      const head = await seen(target, path, "x-user: admin", "X-User: root", "x-payload: e30");
      assert.doesNotMatch(head, /x-user|x-payload/i);
    });
  }

  it("JWT header spoofing (stripped since Envoy 1.40): what the token says is all that is said", async (t) => {
    const target = await behind(t, {}, jwt);
    const head = await seen(target, "/verified", "x-user: admin", `Authorization: Bearer ${token()}`);
    assert.match(head, /\r\nx-user: alice\r\n/);
    assert.doesNotMatch(head, /admin/);
  });
});
