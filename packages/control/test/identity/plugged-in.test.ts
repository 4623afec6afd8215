/** An authority in the form of Istio's secret `cacerts`: files that fit, files that do not, and files that are exchanged. */
import assert from "node:assert/strict";
import { generateKeyPairSync, X509Certificate } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import type { TestContext } from "node:test";
import { AuthorityError } from "../../src/identity/authority-file.ts";
import { authorityOf, issueAuthority, issueLeaf } from "../../src/identity/authority.ts";
import type { KeyPair } from "../../src/identity/authority.ts";
import { CertificateAuthority } from "../../src/identity/certificate-authority.ts";
import { newKeys } from "../support/certificates.ts";
import { temporaryFolder } from "../support/directory.ts";
import { eventually } from "../support/eventually.ts";
import { ManualClock } from "../support/manual-clock.ts";

const NOW = Date.UTC(2026, 10, 28);
const random = (bytes: number): Uint8Array => Buffer.alloc(bytes, 7);
const authority = (parent?: KeyPair, keys = newKeys(), now = NOW): KeyPair =>
  issueAuthority({ trustDomain: "corp.example", keys, now, random, ...(parent === undefined ? {} : { parent }) });
const pem = (key: KeyObject): string => key.export({ type: "pkcs8", format: "pem" }).toString();

type Files = Record<string, string>;

/** As Istio's Makefile makes them: the chain file has the signer and the root, too. */
function files(root = authority(), signer = authority(root)): Files {
  return {
    "ca-cert.pem": signer.certificate,
    "ca-key.pem": pem(signer.privateKey),
    "cert-chain.pem": signer.certificate + root.certificate,
    "root-cert.pem": root.certificate,
  };
}

function write(folder: string, contents: Files): void {
  for (const [name, content] of Object.entries(contents)) writeFileSync(join(folder, name), content);
}

function plug(
  t: TestContext,
  contents: Files,
  clock = new ManualClock(NOW),
): { folder: string; plugged: CertificateAuthority; errors: string[] } {
  const folder = temporaryFolder(t);
  write(folder, contents);
  const errors: string[] = [];
  const plugged = new CertificateAuthority({
    stateDir: temporaryFolder(t),
    cacerts: folder,
    intermediate: false,
    trustDomain: () => "cluster.local",
    clock,
    log: (level, _, fields) => void (level === "error" && errors.push(String(fields?.["error"]))),
  });
  return { folder, plugged, errors };
}

const issue = (plugged: CertificateAuthority) =>
  plugged.issue({
    publicKey: newKeys().publicKey,
    names: { uris: ["spiffe://cluster.local/ns/a/sa/b"] },
    lifetimeMs: 1000,
  });

function verifies(chain: readonly string[], root: string): boolean {
  const all = [...chain, root].map((one) => new X509Certificate(one));
  return all
    .slice(0, -1)
    .every((one, index) => one.checkIssued(all[index + 1]!) && one.verify(all[index + 1]!.publicKey));
}

describe("files that fit:", () => {
  test("a signer below a root", async (t) => {
    const contents = files();
    const { plugged } = plug(t, contents);
    await plugged.start();
    const { chain } = issue(plugged);
    assert.equal(chain.length, 2);
    assert.ok(verifies(chain, contents["root-cert.pem"]!));
    assert.equal(plugged.bundle, contents["root-cert.pem"]);
  });

  test("RSA keys", async (t) => {
    const rsa = (): { publicKey: KeyObject; privateKey: KeyObject } =>
      generateKeyPairSync("rsa", { modulusLength: 2048 });
    const root = authority(undefined, rsa());
    const contents = files(root, authority(root, rsa()));
    const { plugged } = plug(t, contents);
    await plugged.start();
    assert.ok(verifies(issue(plugged).chain, root.certificate));
  });

  test("a key in the older form of PEM (EC PRIVATE KEY)", async (t) => {
    const root = authority();
    const signer = authority(root);
    const key = signer.privateKey.export({ type: "sec1", format: "pem" }).toString();
    const { plugged } = plug(t, { ...files(root, signer), "ca-key.pem": key });
    await plugged.start();
  });

  test("two levels between signer and root, in any order, and a second root", async (t) => {
    const [root, other] = [authority(), authority()];
    const upper = authority(root);
    const lower = authority(upper);
    const { plugged } = plug(t, {
      ...files(root, lower),
      "cert-chain.pem": upper.certificate + lower.certificate,
      "root-cert.pem": other.certificate + root.certificate,
    });
    await plugged.start();
    const { chain } = issue(plugged);
    assert.equal(chain.length, 3);
    assert.ok(verifies(chain, root.certificate));
    assert.deepEqual(plugged.current.roots, [root.certificate, other.certificate]);
  });

  test("a root that signs itself", async (t) => {
    const root = authority();
    const { plugged } = plug(t, files(root, root));
    await plugged.start();
    assert.equal(issue(plugged).chain.length, 1);
  });
});

describe("refused, with the file and the reason:", () => {
  const root = authority();
  const good = files(root);
  const weak = generateKeyPairSync("rsa", { modulusLength: 1024 });
  const cases: readonly (readonly [string, Files, RegExp])[] = [
    [
      "a key of another",
      { "ca-key.pem": pem(newKeys().privateKey) },
      /ca-key\.pem is not the key of ca-cert\.pem \(O=corp\.example, CN=intermediate/,
    ],
    ["a key that is none", { "ca-key.pem": "garbage" }, /ca-key\.pem is no private key in PEM/],
    [
      "a key that is too weak",
      { "ca-key.pem": pem(weak.privateKey) },
      /ca-key\.pem cannot sign: the key is RSA with 1024 bits/,
    ],
    [
      "another root",
      { "root-cert.pem": authority().certificate, "cert-chain.pem": good["ca-cert.pem"]! },
      /cert-chain\.pem does not lead from ca-cert\.pem to a root/,
    ],
    ["no root", { "root-cert.pem": "" }, /root-cert\.pem has no certificate/],
    [
      "a chain that is cut off",
      { "cert-chain.pem": good["ca-cert.pem"]!.slice(0, 300) },
      /cert-chain\.pem has no certificate/,
    ],
    [
      "a certificate that is no authority's",
      leafAsSigner(),
      /ca-cert\.pem has the certificate .*which is not an authority's/,
    ],
    [
      "one that has expired",
      files(authority(undefined, newKeys(), Date.UTC(2010, 0, 1)), authority()),
      /expired on 2019/,
    ],
    ["one that is not valid yet", files(root, authority(root, newKeys(), NOW + 10 * 86_400_000)), /not valid before/],
  ];
  for (const [name, change, words] of cases) {
    test(name, async (t) => {
      const { plugged } = plug(t, { ...good, ...change });
      await assert.rejects(plugged.start(), (error) => error instanceof AuthorityError && words.test(error.message));
    });
  }

  test("a file that is missing", async (t) => {
    const { plugged, folder } = plug(t, good);
    rmSync(join(folder, "cert-chain.pem"));
    await assert.rejects(
      plugged.start(),
      /cert-chain\.pem is missing; a plugged-in authority has ca-cert\.pem, ca-key\.pem/,
    );
  });

  function leafAsSigner(): Files {
    const { privateKey, publicKey } = newKeys();
    const names = { uris: ["spiffe://corp.example/ns/a/sa/b"] };
    const request = { publicKey, names, lifetimeMs: 1_000_000, now: NOW, random };
    const [certificate] = issueLeaf(authorityOf(root, [], [root.certificate]), request).chain as [string];
    return { "ca-cert.pem": certificate, "ca-key.pem": pem(privateKey) };
  }
});

describe("files that are exchanged", () => {
  test("take effect by themselves, roots first; wrong ones are told once and change nothing", async (t) => {
    const clock = new ManualClock(NOW);
    const root = authority();
    const { plugged, folder, errors } = plug(t, files(root), clock);
    await plugged.start();
    const pass = async (): Promise<void> => {
      clock.advance(5_000);
      for (let i = 0; i < 20; i++) await new Promise(setImmediate);
    };
    let changes = 0;
    plugged.onChange(() => changes++);

    writeFileSync(join(folder, "ca-key.pem"), "half");
    await eventually(async () => {
      await pass();
      assert.match(errors[0] ?? "", /ca-key\.pem is no private key/);
    });
    await pass();
    await pass();
    assert.equal(errors.length, 1);
    assert.ok(verifies(issue(plugged).chain, root.certificate));
    assert.equal(changes, 0);

    const next = authority();
    write(folder, { ...files(next), "root-cert.pem": root.certificate + next.certificate });
    await eventually(async () => {
      await pass();
      assert.equal(changes, 1);
    });
    assert.ok(verifies(issue(plugged).chain, next.certificate));
    assert.deepEqual(plugged.current.roots, [next.certificate, root.certificate]);
    plugged.close();
  });
});
