/** Certificates as Node.js, @peculiar/x509 and openssl read them. */
import "reflect-metadata";
import assert from "node:assert/strict";
import { webcrypto, X509Certificate } from "node:crypto";
import { describe, test } from "node:test";
import * as x509 from "@peculiar/x509";
import { DerError, makeLeaf, readCertificate, toPem } from "../src/index.ts";
import { authority, DAY, ecKeys, issuerOf, NOW, rsaKeys } from "./support/keys.ts";
import { hasOpenssl, openssl } from "./support/openssl.ts";

x509.cryptoProvider.set(webcrypto as never);
const ID = "spiffe://cluster.local/ns/default/sa/reviews";
const LABEL = "CERTIFICATE";
const content = (keys: ReturnType<typeof ecKeys>) => ({
  serial: Buffer.from("7f000000000000000000000000000001", "hex"),
  notBefore: NOW - 120_000,
  notAfter: NOW + DAY,
  publicKey: keys.publicKey,
  names: { uris: [ID] },
});

for (const [name, rootKeys] of [
  ["ECDSA P-256", ecKeys()],
  ["ECDSA P-384", ecKeys("P-384")],
  ["RSA 2048", rsaKeys(2048)],
] as const) {
  describe(`a chain from a root with ${name}`, () => {
    const root = authority(rootKeys, "root");
    const middleKeys = ecKeys();
    const middle = authority(middleKeys, "intermediate", root.issuer);
    const keys = ecKeys();
    const leaf = makeLeaf(middle.issuer, content(keys));

    test("is what Node.js says it should be", () => {
      const parsed = new X509Certificate(leaf);
      assert.equal(parsed.subject, undefined);
      assert.equal(parsed.subjectAltName, `URI:${ID}`);
      assert.equal(parsed.serialNumber, "7F000000000000000000000000000001");
      assert.equal(parsed.validFromDate.getTime(), NOW - 120_000);
      assert.equal(parsed.validToDate.getTime(), NOW + DAY);
      assert.equal(parsed.ca, false);
      assert.deepEqual(parsed.keyUsage, ["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"]);
      const parent = new X509Certificate(middle.certificate);
      assert.ok(
        parsed.checkIssued(parent) && parsed.verify(middleKeys.publicKey) && parsed.checkPrivateKey(keys.privateKey),
      );
      const top = new X509Certificate(root.certificate);
      assert.ok(
        top.ca && top.checkIssued(top) && parent.ca && parent.checkIssued(top) && parent.verify(rootKeys.publicKey),
      );
    });

    test("is what @peculiar/x509 says it should be", async () => {
      const parsed = new x509.X509Certificate(new Uint8Array(leaf));
      assert.equal(parsed.getExtension(x509.SubjectAlternativeNameExtension)?.critical, true);
      const usage = x509.KeyUsageFlags.digitalSignature | x509.KeyUsageFlags.keyEncipherment;
      assert.equal(parsed.getExtension(x509.KeyUsagesExtension)?.usages, usage);
      assert.equal(parsed.getExtension(x509.BasicConstraintsExtension)?.ca, false);
      assert.equal(
        await parsed.verify({
          publicKey: await new x509.X509Certificate(new Uint8Array(middle.certificate)).publicKey.export(),
          date: new Date(NOW),
        }),
        true,
      );
    });

    test("is verified by openssl, as the client's and as the server's", { skip: !hasOpenssl }, () => {
      const files = {
        root: toPem(LABEL, root.certificate),
        middle: toPem(LABEL, middle.certificate),
        leaf: toPem(LABEL, leaf),
      };
      const at = ["-attime", `${NOW / 1000}`];
      for (const purpose of ["sslserver", "sslclient"]) {
        const args = ["-x509_strict", "-purpose", purpose, "-CAfile", "root", "-untrusted", "middle", "leaf"];
        assert.match(openssl(files, "verify", ...at, ...args), /leaf: OK/);
      }
    });
  });
}

test(
  "of two roots with the same name the one that signed is found by its key identifier",
  { skip: !hasOpenssl },
  () => {
    const [old, current] = [authority(ecKeys(), "root"), authority(ecKeys(), "root")];
    const leaf = makeLeaf(current.issuer, content(ecKeys()));
    const roots = toPem(LABEL, old.certificate) + toPem(LABEL, current.certificate);
    const files = { roots, leaf: toPem(LABEL, leaf) };
    assert.match(openssl(files, "verify", "-attime", `${NOW / 1000}`, "-CAfile", "roots", "leaf"), /OK/);
  },
);

describe("reading a certificate", () => {
  test("finds serial number and URIs, as they are and not as they are printed", () => {
    const uris = ["spiffe://cluster.local/ns/a/sa/b, URI:spiffe://cluster.local/ns/default/sa/admin", ID];
    const leaf = makeLeaf(authority(ecKeys(), "root").issuer, {
      ...content(ecKeys()),
      names: { uris, dns: ["a.example"] },
    });
    const facts = readCertificate(leaf);
    assert.deepEqual(facts.uris, uris);
    assert.equal(facts.serial, new X509Certificate(leaf).serialNumber);
  });

  test("finds the subject byte for byte, the key identifier and the times, also from 2050 on", () => {
    const late = Date.UTC(2051, 0, 1);
    const keys = ecKeys();
    const { certificate, issuer } = authority(keys, "root", undefined, late);
    const facts = readCertificate(certificate);
    assert.equal(facts.notAfter, late);
    assert.equal(facts.notBefore, NOW - DAY);
    assert.equal(new X509Certificate(certificate).validToDate.getTime(), late);
    assert.deepEqual(issuerOf(certificate, keys.privateKey).keyId, issuer.keyId);
    assert.equal(facts.keyId?.length, 20);
  });

  test("of others works, with and without a key identifier", { skip: !hasOpenssl }, () => {
    const key = openssl({}, "genrsa", "2048");
    for (const [config, length] of [
      ["subjectKeyIdentifier=hash", 20],
      ["subjectKeyIdentifier=none", undefined],
    ] as const) {
      const args = [
        "-x509",
        "-new",
        "-key",
        "a.key",
        "-subj",
        "/O=cluster.local/CN=a",
        "-days",
        "1",
        "-addext",
        config,
      ];
      const pem = openssl({ "a.key": key }, "req", ...args);
      assert.equal(readCertificate(new X509Certificate(pem).raw).keyId?.length, length, config);
    }
  });

  test("that is none throws", () => {
    assert.throws(() => readCertificate(Buffer.from("garbage")), DerError);
  });
});
