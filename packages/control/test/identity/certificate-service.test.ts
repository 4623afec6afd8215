/** Who gets a certificate from the control plane, for whom, and who does not. */
import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { statSync } from "node:fs";
import { connect } from "node:net";
import type { Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { status as Status } from "@grpc/grpc-js";
import { makeAuthority, makeLeaf, readCertificate, toPem } from "@tulle/identity";
import type { Issuer } from "@tulle/identity";
import { asker, ID, newKeys, readRoots } from "../support/certificates.ts";
import type { Leaf } from "../support/certificates.ts";
import { callSocket } from "../support/api-socket.ts";
import { start } from "../support/control-plane.ts";
import type { TestControlPlane } from "../support/control-plane.ts";
import { temporaryFolder } from "../support/directory.ts";
import { eventually } from "../support/eventually.ts";
import { meshConfig } from "../support/mesh.ts";

const identity = { xdsTls: "127.0.0.1:0" };
const HOUR = 3_600_000;

interface Mesh extends TestControlPlane {
  readonly identity: NonNullable<TestControlPlane["plane"]["identity"]>;
  readonly roots: string;
  readonly token: (serviceAccount: string, lifetimeSeconds?: number) => Promise<{ id: string; token: string }>;
}

async function mesh(t: TestContext): Promise<Mesh> {
  const control = await start(t, { identity });
  const served = control.plane.identity!;
  const token = async (serviceAccount: string, lifetimeSeconds = 60): Promise<{ id: string; token: string }> => {
    const wanted = { namespace: "default", serviceAccount, lifetimeSeconds };
    const { status, body } = await callSocket(served.apiSocket, "POST", "/api/v1/tokens", wanted);
    assert.equal(status, 201);
    return body as { id: string; token: string };
  };
  return { ...control, identity: served, roots: readRoots(served.roots), token };
}

const uriOf = ({ chain }: Leaf): string => new X509Certificate(chain[0]!).subjectAltName!;

async function refused(asking: Promise<unknown>, code: number, words: RegExp): Promise<void> {
  await assert.rejects(asking, (error: { code: number; details: string }) => {
    assert.equal(Status[error.code], Status[code], error.details);
    assert.match(error.details, words);
    return true;
  });
}

test("a token gives a certificate of its own identity, whatever the request calls itself", async (t) => {
  const { identity, roots, token } = await mesh(t);
  const leaf = await asker(t, identity.tlsAddress, { roots }).ask({ token: (await token("ratings")).token });
  assert.equal(uriOf(leaf), "URI:spiffe://cluster.local/ns/default/sa/ratings");
  const certificate = new X509Certificate(leaf.chain[0]!);
  assert.equal(leaf.chain.at(-1), roots);
  assert.ok(certificate.verify(new X509Certificate(roots).publicKey));
  const age = Date.now() - certificate.validFromDate.getTime();
  assert.ok(age >= 120_000 && age < 180_000, "backdated by two minutes");
  const left = certificate.validToDate.getTime() - Date.now();
  assert.ok(left > 23.9 * HOUR && left <= 24 * HOUR);
});

test("the certificate renews itself, also without the token", async (t) => {
  const { identity, roots, token } = await mesh(t);
  const first = await asker(t, identity.tlsAddress, { roots }).ask({ token: (await token("ratings")).token });
  const second = await asker(t, identity.tlsAddress, { roots, leaf: first }).ask();
  assert.equal(uriOf(second), uriOf(first));
  assert.notEqual(
    new X509Certificate(second.chain[0]!).serialNumber,
    new X509Certificate(first.chain[0]!).serialNumber,
  );
});

test("the local socket gives what it is asked for, and only to its owner", async (t) => {
  const { identity } = await mesh(t);
  const local = asker(t, `unix:${identity.grpcSocket}`);
  assert.equal(uriOf(await local.ask({ metadata: { ImpersonatedIdentity: ID } })), `URI:${ID}`);
  await refused(local.ask(), Status.INVALID_ARGUMENT, /whose certificate it is to be/);
  await refused(
    local.ask({ metadata: { ImpersonatedIdentity: "spiffe://cluster.local/x" } }),
    Status.INVALID_ARGUMENT,
    /no workload's/,
  );
  const elsewhere = await local.ask({ metadata: { ImpersonatedIdentity: ID.replace("cluster", "other") } });
  assert.equal(uriOf(elsewhere), `URI:${ID}`, "the trust domain is the mesh's");
  assert.equal(statSync(identity.grpcSocket).mode & 0o777, 0o600);
  assert.equal(statSync(identity.apiSocket).mode & 0o777, 0o600);
});

test("nobody gets one without a credential, or for somebody else", async (t) => {
  const { identity, roots, token, plane } = await mesh(t);
  const remote = asker(t, identity.tlsAddress, { roots });
  await refused(remote.ask(), Status.UNAUTHENTICATED, /neither a certificate nor a token/);
  await refused(remote.ask({ token: "eyJhbGciOi" }), Status.UNAUTHENTICATED, /none of tulle token create/);
  const good = (await token("ratings")).token;
  const forged = `${good.slice(0, -2)}${good.endsWith("A") ? "BB" : "AA"}`;
  await refused(remote.ask({ token: forged }), Status.UNAUTHENTICATED, /not known here/);
  await refused(
    remote.ask({ token: good, metadata: { ImpersonatedIdentity: ID } }),
    Status.PERMISSION_DENIED,
    /asked for a certificate of/,
  );
  await refused(asker(t, plane.xdsAddress).ask({ token: good }), Status.UNIMPLEMENTED, /./);
});

test("a revoked token gives none, and who joined with it gets no new one", async (t) => {
  const { identity, roots, token } = await mesh(t);
  const { id, token: text } = await token("ratings");
  const remote = asker(t, identity.tlsAddress, { roots });
  const leaf = await remote.ask({ token: text });
  const renewed = await asker(t, identity.tlsAddress, { roots, leaf }).ask();
  const { body } = await callSocket(identity.apiSocket, "DELETE", `/api/v1/tokens/${id}`);
  assert.equal((body as { holders: unknown[] }).holders.length, 2);
  await refused(remote.ask({ token: text }), Status.UNAUTHENTICATED, /was revoked/);
  for (const held of [leaf, renewed]) {
    await refused(
      asker(t, identity.tlsAddress, { roots, leaf: held }).ask(),
      Status.PERMISSION_DENIED,
      /which was revoked/,
    );
  }
});

test("tokens and rotation are not served on the port", async (t) => {
  const { call } = await mesh(t);
  for (const [method, path] of [
    ["GET", "/api/v1/tokens"],
    ["POST", "/api/v1/tokens"],
    ["DELETE", "/api/v1/tokens/1"],
    ["POST", "/api/v1/ca/rotation"],
  ] as const) {
    assert.equal((await call(method, path, method === "POST" ? "{}" : undefined)).status, 403, `${method} ${path}`);
  }
});

test("requests that are no requests are refused in words", async (t) => {
  const { identity } = await mesh(t);
  const local = asker(t, `unix:${identity.grpcSocket}`);
  const metadata = { ImpersonatedIdentity: ID };
  for (const [csr, words] of [
    ["garbage", /no certificate request in PEM/],
    ["x".repeat(20_000), /20000 characters, at most 16384/],
    [toPem("CERTIFICATE REQUEST", Buffer.from("3003020100", "hex")), /malformed/],
  ] as const) {
    await refused(local.ask({ metadata, csr }), Status.INVALID_ARGUMENT, words);
  }
  await refused(
    local.ask({ metadata, csr: "x".repeat(17 * 1024 * 1024) }),
    Status.RESOURCE_EXHAUSTED,
    /larger than max/,
  );
  await refused(local.ask({ metadata, seconds: -1 }), Status.INVALID_ARGUMENT, /a lifetime of -1 s/);
  await refused(local.ask({ metadata, seconds: 91 * 86_400 }), Status.INVALID_ARGUMENT, /possible are 1 to 7776000/);
  const { chain } = await local.ask({ metadata, seconds: 60 });
  assert.ok(new X509Certificate(chain[0]!).validToDate.getTime() - Date.now() <= 60_000);
});

test("one workload that asks without end is held back, others are not", async (t) => {
  const { identity, roots, token } = await mesh(t);
  const remote = asker(t, identity.tlsAddress, { roots });
  const greedy = (await token("greedy")).token;
  const asked = await Promise.allSettled(Array.from({ length: 150 }, () => remote.ask({ token: greedy })));
  const limited = asked.filter(
    (one) => one.status === "rejected" && (one.reason as { code: Status }).code === Status.RESOURCE_EXHAUSTED,
  );
  assert.ok(limited.length >= 30, `${limited.length} of 150 were refused`);
  await remote.ask({ token: (await token("modest")).token });
});

function strangers(lifetime: { notBefore: number; notAfter: number }, uri: string): { leaf: Leaf } {
  const keys = newKeys();
  const content = { serial: Buffer.from([1]), ...lifetime, publicKey: keys.publicKey, names: { uris: [uri] } };
  const root = makeAuthority({ key: keys.privateKey }, { organization: "evil" }, content);
  const issuer: Issuer = {
    key: keys.privateKey,
    name: readCertificate(root).subject,
    keyId: readCertificate(root).keyId,
  };
  const leafKeys = newKeys();
  const leaf = makeLeaf(issuer, { ...content, publicKey: leafKeys.publicKey });
  return { leaf: { chain: [toPem("CERTIFICATE", leaf), toPem("CERTIFICATE", root)], key: leafKeys.privateKey } };
}

test("a certificate of another authority is refused in words", async (t) => {
  const { identity, roots } = await mesh(t);
  const { leaf } = strangers({ notBefore: Date.now() - HOUR, notAfter: Date.now() + HOUR }, ID);
  await refused(
    asker(t, identity.tlsAddress, { roots, leaf }).ask(),
    Status.UNAUTHENTICATED,
    /not accepted: unable to/,
  );
});

test("a certificate that has expired is refused: in a new connection, and in one that was opened with it", async (t) => {
  const { identity, roots } = await mesh(t);
  const local = asker(t, `unix:${identity.grpcSocket}`);
  const leaf = await local.ask({ metadata: { ImpersonatedIdentity: ID }, seconds: 2 });
  const open = asker(t, identity.tlsAddress, { roots, leaf });
  await open.ask();
  await eventually(() => assert.ok(new X509Certificate(leaf.chain[0]!).validToDate.getTime() < Date.now()));
  await refused(open.ask(), Status.UNAUTHENTICATED, /opened with has expired; connect again/);
  await refused(
    asker(t, identity.tlsAddress, { roots, leaf }).ask(),
    Status.UNAUTHENTICATED,
    /not accepted: cert has expired/,
  );
});

test("a connection lives on with the certificates that its peer has been given since it was opened", async (t) => {
  const { identity, roots } = await mesh(t);
  const local = asker(t, `unix:${identity.grpcSocket}`);
  const metadata = { ImpersonatedIdentity: ID, NODE_ID: "node" };
  const leaf = await local.ask({ metadata, seconds: 2 });
  const open = asker(t, identity.tlsAddress, { roots, leaf });
  await open.ask({ metadata: { NODE_ID: "node" } });
  await eventually(() => assert.ok(new X509Certificate(leaf.chain[0]!).validToDate.getTime() < Date.now()));
  await open.ask({ metadata: { NODE_ID: "node" } });
});

test("what is no TLS, no HTTP/2 or no gRPC closes its own connection and nothing else", async (t) => {
  const { identity, roots, token } = await mesh(t);
  const [host, port] = identity.tlsAddress.split(":") as [string, string];
  const closed = (socket: Socket, text: string): Promise<void> =>
    new Promise((resolve) => {
      socket.on("error", () => undefined);
      socket.once("close", () => resolve());
      socket.resume();
      socket.write(text);
    });
  const tls = (): Socket => connectTls({ host, port: Number(port), ca: roots, ALPNProtocols: ["h2"] });
  await closed(connect(Number(port), host), "GET / HTTP/1.1\r\n\r\n".repeat(10));
  await closed(tls(), "GET / HTTP/1.1\r\nhost: a\r\n\r\n".repeat(10));
  await closed(tls(), "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + "\xff".repeat(100));
  await closed(connect(identity.grpcSocket), "x".repeat(100));
  const reset = connect(Number(port), host);
  await new Promise<void>((resolve) => reset.once("connect", () => resolve()));
  reset.resetAndDestroy();
  await asker(t, identity.tlsAddress, { roots }).ask({ token: (await token("ratings")).token });
});

test("a restart remembers tokens, revocations and who joined by what", async (t) => {
  const base = temporaryFolder(t);
  const first = await start(t, { identity, base });
  const post = async (socket: string): Promise<{ id: string; token: string }> => {
    const wanted = { namespace: "default", serviceAccount: "ratings", lifetimeSeconds: 60 };
    return (await callSocket(socket, "POST", "/api/v1/tokens", wanted)).body as { id: string; token: string };
  };
  const served = first.plane.identity!;
  const roots = readRoots(served.roots);
  const [kept, revoked] = [await post(served.apiSocket), await post(served.apiSocket)];
  const leaf = await asker(t, served.tlsAddress, { roots }).ask({ token: revoked.token });
  await callSocket(served.apiSocket, "DELETE", `/api/v1/tokens/${revoked.id}`);
  await first.plane.close();

  const second = (await start(t, { identity, base })).plane.identity!;
  assert.equal(readRoots(second.roots), roots);
  const remote = asker(t, second.tlsAddress, { roots });
  await remote.ask({ token: kept.token });
  await refused(remote.ask({ token: revoked.token }), Status.UNAUTHENTICATED, /was revoked/);
  await refused(asker(t, second.tlsAddress, { roots, leaf }).ask(), Status.PERMISSION_DENIED, /which was revoked/);
});

test("a mesh that changes its trust domain knows its old one as an alias", async (t) => {
  const { identity, roots, token, apply } = await mesh(t);
  const leaf = await asker(t, identity.tlsAddress, { roots }).ask({ token: (await token("ratings")).token });
  await apply(meshConfig("trustDomain: new.example\ntrustDomainAliases: [cluster.local]"));
  const renewed = await asker(t, identity.tlsAddress, { roots, leaf }).ask();
  assert.equal(uriOf(renewed), "URI:spiffe://new.example/ns/default/sa/ratings");
  await apply(meshConfig("trustDomain: new.example"));
  await refused(asker(t, identity.tlsAddress, { roots, leaf }).ask(), Status.UNAUTHENTICATED, /another trust domain/);
});

test("the control plane's own certificate is its authority's, by its usual names", async (t) => {
  const { identity, roots, token } = await mesh(t);
  const { token: text } = await token("ratings");
  for (const name of ["localhost", "istiod.istio-system.svc"]) {
    await asker(t, identity.tlsAddress, { roots, name }).ask({ token: text });
  }
  await refused(
    asker(t, identity.tlsAddress, { roots, name: "example.com" }).ask({ token: text }),
    Status.UNAVAILABLE,
    /altnames/i,
  );
});

test("metrics count what was asked, issued and refused", async (t) => {
  const { identity, call } = await mesh(t);
  const local = asker(t, `unix:${identity.grpcSocket}`);
  await local.ask({ metadata: { ImpersonatedIdentity: ID } });
  await assert.rejects(local.ask({ metadata: { ImpersonatedIdentity: ID }, csr: "x" }));
  await assert.rejects(local.ask());
  const text = (await call("GET", "/metrics")).body as string;
  for (const line of [
    "citadel_server_csr_count 3",
    "citadel_server_success_cert_issuance_count 1",
    "citadel_server_csr_parsing_err_count 1",
    "citadel_server_id_extraction_err_count 1",
    "citadel_server_authentication_failure_count 0",
  ]) {
    assert.ok(text.includes(`${line}\n`), line);
  }
  assert.match(text, /citadel_server_root_cert_expiry_seconds 3\d{8}\n/);
});
