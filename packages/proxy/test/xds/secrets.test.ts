import assert from "node:assert/strict";
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { type TLSSocket, connect } from "node:tls";
import type { JsonObject } from "@bufbuild/protobuf";
import { startBackend, until } from "../support/proxy.ts";
import { downstreamTls, identity, pem, statsOf, tlsCertificate, tlsProxy, trusting } from "../support/tls.ts";

const SECRET = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret";

/** A file that SDS reads. */
function secretFile(t: TestContext, name: string): { path: string; write: (secret: JsonObject) => void } {
  const folder = mkdtempSync(join(tmpdir(), "secrets-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, `${name}.json`);
  return {
    path,
    write(secret) {
      writeFileSync(`${path}.new`, JSON.stringify({ resources: [{ "@type": SECRET, name, ...secret }] }));
      renameSync(`${path}.new`, path);
    },
  };
}

const fromFile = (name: string, path: string): JsonObject => ({
  name,
  sds_config: { path_config_source: { path }, resource_api_version: "V3" },
});

/** Handshakes and asks; the certificate that the server has shown, and its answer. */
async function ask(port: number, client = "client"): Promise<{ serial: string; answer: string; error: string }> {
  return new Promise((resolve) => {
    const socket: TLSSocket = connect({
      port,
      host: "127.0.0.1",
      rejectUnauthorized: false,
      ...identity(client),
    });
    let answer = "";
    let error = "";
    let serial = "";
    socket.on("secureConnect", () => (serial = socket.getPeerX509Certificate()?.serialNumber ?? ""));
    socket.on("data", (chunk) => (answer += chunk.toString("latin1")));
    socket.on("error", (cause) => (error = cause.message));
    socket.on("close", () => resolve({ serial, answer: answer.slice(0, 12), error }));
    socket.write("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  });
}

test("certificates and authorities from files are those of the next handshake, and no request is lost", async (t) => {
  const backend = await startBackend(t);
  const certificate = secretFile(t, "default");
  const authority = secretFile(t, "ROOTCA");
  certificate.write({ tls_certificate: tlsCertificate("server") });
  authority.write({ validation_context: trusting("ca") });
  const { proxy, port } = await tlsProxy(t, {
    backend: backend.port,
    downstream: downstreamTls(
      {
        tls_certificate_sds_secret_configs: [fromFile("default", certificate.path)],
        validation_context_sds_secret_config: fromFile("ROOTCA", authority.path),
      },
      { require_client_certificate: true },
    ),
  });
  assert.deepEqual(await ask(port), { serial: "2001", answer: "HTTP/1.1 200", error: "" });

  const old = connect({ port, host: "127.0.0.1", rejectUnauthorized: false, ...identity("client") });
  t.after(() => old.destroy());
  let received = "";
  old.on("data", (chunk) => (received += chunk.toString("latin1")));
  old.write("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  await until(() => received.includes("200 OK"));

  const load = new AbortController();
  const failures: string[] = [];
  const loaded = Promise.all(
    [1, 2, 3].map(async () => {
      while (!load.signal.aborted) {
        const { answer, error } = await ask(port);
        if (answer !== "HTTP/1.1 200") failures.push(error);
      }
    }),
  );
  for (const name of ["server-other", "server-rsa", "server-other"]) {
    certificate.write({ tls_certificate: tlsCertificate(name) });
    const wanted = name === "server-rsa" ? "2007" : "2002";
    for (;;) if ((await ask(port)).serial === wanted) break;
  }
  load.abort();
  await loaded;
  assert.deepEqual(failures, []);

  // What is open lives on.
  received = "";
  old.write("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  await until(() => received.includes("200 OK"));

  authority.write({ validation_context: trusting("other-ca") });
  for (;;) if ((await ask(port)).answer === "") break;
  assert.equal((await ask(port, "client-untrusted")).answer, "HTTP/1.1 200");

  // What is none is refused, and the one before stays.
  certificate.write({ tls_certificate: { ...tlsCertificate("server"), private_key: { inline_string: "x" } } });
  authority.write({ validation_context: trusting("ca") });
  for (;;) if ((await ask(port)).answer !== "") break;
  assert.equal((await ask(port)).serial, "2002");
  const stats = await statsOf(proxy);
  assert.ok((stats.get("listener.l.server_ssl_socket_factory.ssl_context_update_by_sds") ?? 0) >= 5);
  const dump = await (await fetch(`http://${proxy.adminAddress}/config_dump?resource=dynamic_active_secrets`)).text();
  assert.ok(dump.includes('"default"') && dump.includes("[redacted]") && !dump.includes("PRIVATE KEY"), dump);
});

test("a combined validation context is the secret laid over its fixed part", async (t) => {
  const backend = await startBackend(t);
  const authority = secretFile(t, "ROOTCA");
  authority.write({ validation_context: trusting("ca") });
  const names = { match_typed_subject_alt_names: [{ san_type: "URI", matcher: { suffix: "/sa/client" } }] };
  const { port } = await tlsProxy(t, {
    backend: backend.port,
    downstream: downstreamTls(
      {
        tls_certificates: [tlsCertificate("server")],
        combined_validation_context: {
          default_validation_context: names,
          validation_context_sds_secret_config: fromFile("ROOTCA", authority.path),
        },
      },
      { require_client_certificate: true },
    ),
  });
  assert.equal((await ask(port)).answer, "HTTP/1.1 200");
  assert.equal((await ask(port, "workload")).answer, "");
  assert.equal((await ask(port, "client-untrusted")).answer, "");
});

test("static secrets", async (t) => {
  const backend = await startBackend(t);
  const { port } = await tlsProxy(t, {
    backend: backend.port,
    downstream: downstreamTls(
      {
        tls_certificate_sds_secret_configs: [{ name: "mine" }],
        validation_context_sds_secret_config: { name: "theirs" },
      },
      { require_client_certificate: true },
    ),
    staticResources: {
      secrets: [
        { name: "mine", tls_certificate: tlsCertificate("server") },
        { name: "theirs", validation_context: trusting("ca") },
      ],
    },
  });
  assert.equal((await ask(port)).answer, "HTTP/1.1 200");
  assert.equal((await ask(port, "client-untrusted")).answer, "");
  assert.ok(pem("ca.pem") !== "");
});

test("ticket keys from a file: a session ends with the key that sealed it", async (t) => {
  const backend = await startBackend(t);
  const tickets = secretFile(t, "tickets");
  const keys = (letter: string): JsonObject => ({
    session_ticket_keys: { keys: [{ inline_string: letter.repeat(80) }] },
  });
  tickets.write(keys("a"));
  const { proxy, port } = await tlsProxy(t, {
    backend: backend.port,
    downstream: downstreamTls(
      { tls_certificates: [tlsCertificate("server")] },
      { session_ticket_keys_sds_secret_config: fromFile("tickets", tickets.path) },
    ),
  });
  const resume = (session?: Buffer): Promise<{ session: Buffer | undefined; reused: boolean }> =>
    new Promise((resolve, reject) => {
      const given = session === undefined ? {} : { session };
      const socket = connect({ port, host: "127.0.0.1", rejectUnauthorized: false, ...given });
      let newest: Buffer | undefined;
      let reused = false;
      socket.on("session", (each) => (newest = each));
      socket.on("secureConnect", () => (reused = socket.isSessionReused()));
      socket.on("error", reject);
      socket.on("data", () => socket.destroy());
      socket.on("close", () => resolve({ session: newest, reused }));
      socket.write("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    });
  const { session } = await resume();
  assert.ok(session !== undefined);
  assert.equal((await resume(session)).reused, true);
  tickets.write(keys("b"));
  for (;;) if (!(await resume(session)).reused) break;
  // What is no key is refused, and the one before stays.
  const before = await resume();
  tickets.write({ session_ticket_keys: { keys: [{ inline_string: "short" }] } });
  assert.equal((await resume(before.session)).reused, true);
  const dump = await (await fetch(`http://${proxy.adminAddress}/config_dump`)).text();
  assert.ok(!dump.includes(Buffer.from("b".repeat(80)).toString("base64")) && !dump.includes("b".repeat(80)));
});

for (const [name, watched] of [
  ["in the directory of the files", false],
  ["in watched_directory", true],
] as const) {
  test(`files that a secret names are read again when something is moved: ${name}`, async (t) => {
    const backend = await startBackend(t);
    const secret = secretFile(t, "default");
    const folder = mkdtempSync(join(tmpdir(), "secrets-"));
    const other = mkdtempSync(join(tmpdir(), "secrets-"));
    t.after(() => [folder, other].forEach((each) => rmSync(each, { recursive: true })));
    const put = (directory: string, file: string, content: string): void => {
      writeFileSync(join(directory, `${file}.new`), content);
      renameSync(join(directory, `${file}.new`), join(directory, file));
    };
    const both = (identityName: string): void => {
      put(folder, "tls.key", pem(`${identityName}.key`));
      put(folder, "tls.crt", pem(`${identityName}.pem`));
      if (watched) put(other, "again", "");
    };
    both("server");
    secret.write({
      tls_certificate: {
        certificate_chain: { filename: join(folder, "tls.crt") },
        private_key: { filename: join(folder, "tls.key") },
        ...(watched ? { watched_directory: { path: other } } : {}),
      },
    });
    const { proxy, port } = await tlsProxy(t, {
      backend: backend.port,
      downstream: downstreamTls({ tls_certificate_sds_secret_configs: [fromFile("default", secret.path)] }),
    });
    assert.equal((await ask(port)).serial, "2001");
    both("server-other");
    for (;;) if ((await ask(port)).serial === "2002") break;
    // A key without its certificate is nothing.
    put(folder, "tls.key", pem("server-rsa.key"));
    if (watched) put(other, "again", "");
    assert.equal((await ask(port)).answer, "HTTP/1.1 200");
    both("server-rsa");
    for (;;) if ((await ask(port)).serial === "2007") break;
    assert.equal((await statsOf(proxy)).get("listener.l.server_ssl_socket_factory.ssl_context_update_by_sds"), 2);
  });
}
