import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { test } from "node:test";
import { DerError } from "@tulle/identity";
import { certificatePem, namesOf, parseCertificate, pemCertificates } from "../../../src/codec/x509/certificate.ts";
import { pem } from "../../support/tls.ts";

const read = (file: string) => pemCertificates(pem(file)).map(parseCertificate);

test("what a certificate says of its subject", () => {
  const [client] = read("client.pem");
  assert.equal(client.serial, "3001");
  assert.equal(client.subject, "CN=client,OU=Test\\, Engineering,O=Tulle,L=San Francisco,ST=California,C=US");
  assert.equal(client.issuer, "CN=Test CA,O=Tulle");
  assert.equal(new Date(client.validFrom).toISOString(), "2024-01-01T00:00:00.000Z");
  assert.equal(new Date(client.validTo).toISOString(), "2120-01-01T00:00:00.000Z");
  assert.deepEqual(namesOf(client, "uri"), ["spiffe://cluster.local/ns/default/sa/client"]);
  assert.deepEqual(namesOf(client, "dns"), ["client.test", "www.client.test"]);
  assert.deepEqual(namesOf(client, "ip"), ["127.0.0.2"]);
  assert.deepEqual(namesOf(client, "email"), ["client@client.test"]);
});

test("a workload's certificate has no subject, and its name is critical", () => {
  const [workload] = read("workload.pem");
  assert.equal(workload.subject, "");
  assert.deepEqual(workload.names, [{ kind: "uri", value: "spiffe://cluster.local/ns/default/sa/workload", oid: "" }]);
});

test("agrees with OpenSSL about every certificate that there is", () => {
  for (const file of ["ca", "other-ca", "intermediate", "server", "server-rsa", "server-expired", "client-plain"]) {
    const [mine] = read(`${file}.pem`);
    const theirs = new X509Certificate(pem(`${file}.pem`));
    assert.equal(mine.serial.toUpperCase(), theirs.serialNumber);
    assert.equal(mine.validTo, Date.parse(theirs.validTo));
    assert.equal(mine.validFrom, Date.parse(theirs.validFrom));
    assert.deepEqual(Buffer.from(mine.publicKeyInfo), theirs.publicKey.export({ type: "spki", format: "der" }));
    assert.equal(certificatePem(mine.der), pem(`${file}.pem`));
  }
});

test("a file may hold several", () => {
  assert.deepEqual(
    read("client-chain.pem").map(({ subject }) => subject),
    ["CN=chained", "CN=Intermediate,O=Tulle"],
  );
});

test("CVE-2026-47778: a name with NUL in it makes a certificate unreadable", () => {
  assert.throws(() => read("client-nul.pem"), /a name contains NUL/);
});

test("whatever else the bytes are: a certificate, or DerError", () => {
  const [der] = pemCertificates(pem("client.pem"));
  const attempt = (bytes: Uint8Array, what: string): void => {
    try {
      parseCertificate(bytes);
    } catch (error) {
      assert.ok(error instanceof DerError, `${what}: ${String(error)}`);
    }
  };
  for (let length = 0; length < der.length; length++) attempt(der.subarray(0, length), `${length} bytes`);
  for (let at = 0; at < der.length; at++) {
    // Tags, and lengths of every form.
    for (const value of [0, 1, 2, 6, 0x0c, 0x17, 0x30, 0x31, 0x7f, 0x80, 0x81, 0x84, 0x85, 0xa0, 0xa3, 0xff]) {
      const bytes = Uint8Array.from(der);
      bytes[at] = value;
      attempt(bytes, `byte ${at} is ${value}`);
    }
  }
});
