/** Certificate requests: ours as others read them, others' as we read them, and those that nobody should accept. */
import "reflect-metadata";
import assert from "node:assert/strict";
import { webcrypto } from "node:crypto";
import { describe, test } from "node:test";
import * as x509 from "@peculiar/x509";
import { assert as forAll, integer, nat, property, uint8Array } from "fast-check";
import {
  CertificateRequestError,
  keyOfCertificateRequest,
  makeCertificateRequest,
  pemBlocks,
  toPem,
} from "../src/index.ts";
import { ecKeys, pemOf, rsaKeys } from "./support/keys.ts";
import { hasOpenssl, openssl } from "./support/openssl.ts";

const ID = "spiffe://cluster.local/ns/default/sa/reviews";
const LABEL = "CERTIFICATE REQUEST";
x509.cryptoProvider.set(webcrypto as never);

describe("a request that we make", () => {
  const keys = ecKeys();
  const der = makeCertificateRequest(ID, keys.publicKey, keys.privateKey);

  test("is read back with its key", () => {
    assert.equal(pemOf(keyOfCertificateRequest(der)), pemOf(keys.publicKey));
  });

  test("is accepted by @peculiar/x509: key, signature, name", async () => {
    const request = new x509.Pkcs10CertificateRequest(new Uint8Array(der));
    assert.equal(await request.verify(), true);
    assert.equal(request.subject, "");
    const names = request.getExtension("2.5.29.17");
    assert.ok(names instanceof x509.SubjectAlternativeNameExtension);
    assert.deepEqual(names.names.toJSON(), [{ type: "url", value: ID }]);
    assert.equal(names.critical, true);
  });

  test("is accepted by openssl", { skip: !hasOpenssl }, () => {
    const text = openssl({ "a.csr": toPem(LABEL, der) }, "req", "-in", "a.csr", "-noout", "-text", "-verify");
    assert.match(text, /URI:spiffe:\/\/cluster\.local\/ns\/default\/sa\/reviews/);
    assert.match(text, /Public-Key: \(256 bit\)/);
  });
});

describe("a request of others", () => {
  const accepted: readonly (readonly [string, readonly string[]])[] = [
    ["ECDSA P-256", ["ecparam", "-name", "prime256v1", "-genkey", "-noout"]],
    ["ECDSA P-384", ["ecparam", "-name", "secp384r1", "-genkey", "-noout"]],
    ["RSA 2048", ["genrsa", "2048"]],
  ];
  for (const [name, command] of accepted) {
    test(`by openssl with ${name} gives its key, whatever it calls itself`, { skip: !hasOpenssl }, () => {
      const key = openssl({}, ...command);
      const csr = openssl({ "a.key": key }, "req", "-new", "-key", "a.key", "-subj", "/O=evil/CN=root");
      const publicKey = openssl({ "a.key": key }, "pkey", "-in", "a.key", "-pubout");
      assert.equal(pemOf(keyOfCertificateRequest(pemBlocks(LABEL, csr)[0]!)), publicKey);
    });
  }

  test("by @peculiar/x509, without extensions, gives its key", async () => {
    const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
    const keys = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
    const request = await x509.Pkcs10CertificateRequestGenerator.create({ keys, signingAlgorithm: algorithm });
    assert.equal(keyOfCertificateRequest(new Uint8Array(request.rawData)).asymmetricKeyType, "ec");
  });
});

describe("refused, with the reason:", () => {
  const refused = (der: Uint8Array, reason: RegExp): void => {
    assert.throws(
      () => keyOfCertificateRequest(der),
      (error) => error instanceof CertificateRequestError && reason.test(error.message),
    );
  };
  const keys = ecKeys();
  const good = makeCertificateRequest(ID, keys.publicKey, keys.privateKey);

  test("a request signed by another key", () => {
    refused(makeCertificateRequest(ID, keys.publicKey, ecKeys().privateKey), /not by the key that it asks for/);
  });

  test("one whose content was changed after it was signed", () => {
    const changed = Buffer.from(good);
    changed[changed.indexOf("reviews")] = 0x52;
    refused(changed, /not by the key that it asks for/);
  });

  test("RSA with 512 and 1024 bits, and with so many that it would be work", () => {
    for (const bits of [512, 1024, 4608]) {
      const weak = rsaKeys(bits);
      refused(makeCertificateRequest(ID, weak.publicKey, weak.privateKey), new RegExp(`RSA with ${bits} bits`));
    }
  });

  test("a curve that is not P-256, P-384 or P-521", () => {
    refused(makeCertificateRequest(ID, ecKeys("secp256k1").publicKey, keys.privateKey), /secp256k1/);
  });

  test("a signature with SHA-1", { skip: !hasOpenssl }, () => {
    const key = openssl({}, "genrsa", "2048");
    const csr = openssl({ "a.key": key }, "req", "-new", "-sha1", "-key", "a.key", "-subj", "/CN=a");
    refused(pemBlocks(LABEL, csr)[0]!, /algorithm 1\.2\.840\.113549\.1\.1\.5, which is not accepted/);
  });

  test("nothing, garbage, and what follows the end", () => {
    refused(Buffer.alloc(0), /the request is missing/);
    refused(Buffer.from("hello"), /begins with 0x68/);
    refused(Buffer.concat([good, Buffer.from([0])]), /1 bytes follow/);
    refused(Buffer.from("3080", "hex"), /indefinite/);
    refused(Buffer.from("30820001", "hex"), /padded/);
    refused(Buffer.from("3085ffffffffff", "hex"), /length of 5 bytes/);
  });

  test("every truncation, and every byte that another one stands for", () => {
    for (let length = 0; length < good.length; length++) refused(good.subarray(0, length), /./);
    forAll(
      property(nat(good.length - 1), integer({ min: 1, max: 255 }), (at, change) => {
        const changed = Buffer.from(good);
        changed[at]! ^= change;
        refused(changed, /./);
      }),
    );
  });

  test("any bytes", () => {
    forAll(property(uint8Array({ maxLength: 300 }), (bytes) => refused(bytes, /./)));
  });
});
