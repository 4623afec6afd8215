import assert from "node:assert/strict";
import { test } from "node:test";
import { startBackend } from "../support/proxy.ts";
import { downstreamTls, pem, tlsCertificate, tlsProxy, trusting, upstreamTls } from "../support/tls.ts";

test("a configuration dump shows no private key, wherever it stands", async (t) => {
  const backend = await startBackend(t);
  const certificate = { ...tlsCertificate("server"), password: { inline_bytes: "c2VjcmV0" } };
  const { proxy } = await tlsProxy(t, {
    backend: backend.port,
    downstream: downstreamTls({ tls_certificates: [certificate], validation_context: trusting("ca") }),
    upstream: upstreamTls({ tls_certificates: [tlsCertificate("client")] }),
    staticResources: { secrets: [{ name: "s", tls_certificate: tlsCertificate("workload") }] },
  });
  const dump = await (await fetch(`http://${proxy.adminAddress}/config_dump`)).text();
  for (const name of ["server", "client", "workload"]) {
    const [, line] = pem(`${name}.key`).split("\n");
    assert.ok(!dump.includes(line), name);
  }
  assert.ok(!dump.includes("PRIVATE KEY"));
  assert.ok(!dump.includes("c2VjcmV0"));
  assert.ok(dump.includes("[redacted]"));
  assert.ok(dump.includes("W3JlZGFjdGVkXQ=="));
  assert.ok(dump.includes("BEGIN CERTIFICATE"));
});
