/** Where a workload finds that it gets its identity from, and what it is told if it cannot. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, test } from "node:test";
import { findMembership, notJoined } from "../../src/agent/membership.ts";
import type { MembershipOptions } from "../../src/agent/membership.ts";
import { UsageError } from "../../src/errors.ts";

const stateDir = mkdtempSync(join(tmpdir(), "tulle-membership-"));
const file = join(stateDir, "control-plane.json");
const here = {
  xds: "127.0.0.1:1",
  http: "127.0.0.1:2",
  xdsTls: "127.0.0.1:3",
  grpcSocket: "/s/grpc.sock",
  apiSocket: "/s/api.sock",
  roots: "/s/root-cert.pem",
};
const other = { host: "10.0.0.1", port: 15_012 };
const NONE: MembershipOptions = {
  xds: undefined,
  "xds-tls": undefined,
  "token-file": undefined,
  "ca-roots": undefined,
};
const find = (options: Partial<MembershipOptions> = {}) => findMembership({ ...NONE, ...options }, stateDir);

after(() => rmSync(stateDir, { recursive: true }));
afterEach(() => {
  rmSync(file, { force: true });
  for (const name of ["TULLE_XDS", "TULLE_XDS_TLS", "TULLE_TOKEN", "TULLE_CA_ROOTS"]) delete process.env[name];
});

test("beside the control plane its socket and its roots are at hand", () => {
  writeFileSync(file, JSON.stringify(here));
  assert.deepEqual(find(), {
    address: { host: "127.0.0.1", port: 3 },
    from: stateDir,
    rootsFile: "/s/root-cert.pem",
    rootsAreFresh: true,
    socket: "/s/grpc.sock",
    token: undefined,
  });
});

test("a plaintext address means no identity, and none is known means none", () => {
  assert.equal(find(), undefined);
  writeFileSync(file, JSON.stringify(here));
  assert.equal(find({ xds: other }), undefined);
  process.env["TULLE_XDS"] = "127.0.0.1:1";
  assert.equal(find(), undefined);
});

test("elsewhere a token and roots are needed; the token leaves the environment", () => {
  process.env["TULLE_TOKEN"] = "t";
  const found = find({ "xds-tls": other, "ca-roots": "r.pem" });
  assert.deepEqual(found, {
    address: other,
    from: "--xds-tls",
    rootsFile: "r.pem",
    rootsAreFresh: false,
    socket: undefined,
    token: "t",
  });
  assert.equal(process.env["TULLE_TOKEN"], undefined);
  writeFileSync(join(stateDir, "token"), "from a file\n");
  process.env["TULLE_XDS_TLS"] = "10.0.0.1:15012";
  process.env["TULLE_CA_ROOTS"] = "r.pem";
  assert.equal(find({ "token-file": join(stateDir, "token") })?.token, "from a file");
});

test("what is missing is named, with where to get it", () => {
  const fails = (words: RegExp, options: Partial<MembershipOptions>, token?: string): void => {
    if (token !== undefined) process.env["TULLE_TOKEN"] = token;
    assert.throws(
      () => find(options),
      (error) => error instanceof UsageError && words.test(`${error.message} ${error.hints.join(" ")}`),
    );
  };
  fails(/--ca-roots FILE is missing.*tulle ca show -o pem/, { "xds-tls": other }, "t");
  fails(/needs a token.*tulle token create/, { "xds-tls": other, "ca-roots": "r.pem" });
  fails(/a control plane in plaintext.*--xds-tls/, { xds: other }, "t");
  fails(/no control plane is known/, {}, "t");
  assert.throws(() => find({ "token-file": "/no/such/file" }), /--token-file \/no\/such\/file: ENOENT/);
});

test("who got no certificate is told the way out of what went wrong", () => {
  process.env["TULLE_TOKEN"] = "t";
  const membership = find({ "xds-tls": other, "ca-roots": "r.pem" })!;
  const hint = (why: string): string | undefined => notJoined(membership, "default/web", why).hints[0];
  assert.match(
    hint("unable to get local issuer certificate")!,
    /r\.pem is to be what this prints.*tulle ca show -o pem/,
  );
  assert.match(hint("the token is none of tulle token create")!, /tulle token create --service-account default\/web/);
});
