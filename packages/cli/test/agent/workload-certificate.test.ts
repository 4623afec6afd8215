/** How an agent keeps a workload's certificate: when it asks, what it does while nobody answers, and what it makes of answers. */
import assert from "node:assert/strict";
import { createPrivateKey, generateKeyPairSync, X509Certificate } from "node:crypto";
import { describe, test } from "node:test";
import { keyOfCertificateRequest, makeAuthority, makeLeaf, pemBlocks, readCertificate, toPem } from "@tulle/identity";
import { ManualClock } from "../../../xds/test/support/manual-clock.ts";
import { WorkloadCertificate } from "../../src/agent/workload-certificate.ts";
import type { Credentials } from "../../src/agent/workload-certificate.ts";

const ID = "spiffe://cluster.local/ns/default/sa/reviews";
const HOUR = 3_600_000;
const START = new ManualClock().now();

class TestAuthority {
  readonly pem: string;
  readonly #key = generateKeyPairSync("ec", { namedCurve: "P-256" });
  readonly #der: Buffer;

  constructor(name: string) {
    const { publicKey, privateKey } = this.#key;
    const names = { uris: ["spiffe://cluster.local"] };
    const validity = { notBefore: START - HOUR, notAfter: START + 9000 * HOUR };
    const content = { serial: Buffer.from([1]), ...validity, publicKey, names };
    this.#der = makeAuthority({ key: privateKey }, { commonName: name }, content);
    this.pem = toPem("CERTIFICATE", this.#der);
  }

  answer(csr: string, now: number, roots = this.pem): readonly string[] {
    const { subject: name, keyId } = readCertificate(this.#der);
    const der = makeLeaf(
      { key: this.#key.privateKey, name, keyId },
      {
        serial: Buffer.from([2]),
        notBefore: now - 120_000,
        notAfter: now + 24 * HOUR,
        publicKey: keyOfCertificateRequest(pemBlocks("CERTIFICATE REQUEST", csr)[0]!),
        names: { uris: [ID] },
      },
    );
    return [toPem("CERTIFICATE", der), roots];
  }
}

interface Entry {
  readonly level: string;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

class Bench {
  readonly clock = new ManualClock();
  readonly authority = new TestAuthority("first");
  readonly changes: Credentials[] = [];
  readonly log: Entry[] = [];
  asked = 0;
  /** How the authority answers. */
  answer: (csr: string) => readonly string[] = (csr) => this.authority.answer(csr, this.clock.now());
  readonly certificate = new WorkloadCertificate({
    identity: ID,
    request: async (csr) => {
      this.asked++;
      return this.answer(csr);
    },
    onChange: (credentials) => void this.changes.push(credentials),
    clock: this.clock,
    random: () => 0.5,
    log: (level, message, fields = {}) => void this.log.push({ level, message, fields }),
  });

  async start(): Promise<void> {
    this.certificate.start();
    await this.settle();
  }

  async settle(): Promise<void> {
    for (let i = 0; i < 5; i++) await new Promise(setImmediate);
  }

  /** In steps, because what a timer starts goes on between them. */
  async pass(ms: number, step = ms): Promise<void> {
    for (let passed = 0; passed < ms; passed += step) {
      this.clock.advance(step);
      await this.settle();
    }
  }
}

const away = (): never => {
  throw new Error("no connection");
};

test("key and certificate fit, and what is handed on is what the authority gave", async () => {
  const bench = new Bench();
  await bench.start();
  const { certificate, key, roots, identity, notAfter } = bench.certificate.current!;
  assert.ok(new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key)));
  assert.equal(roots, bench.authority.pem);
  assert.equal(identity, ID);
  assert.equal(notAfter, START + 24 * HOUR);
});

test("it is renewed at half of its life, with a new key", async () => {
  const bench = new Bench();
  await bench.start();
  await bench.pass(12 * HOUR - 1);
  assert.equal(bench.asked, 1);
  await bench.pass(1);
  assert.equal(bench.asked, 2);
  assert.notEqual(bench.changes[1]!.key, bench.changes[0]!.key);
  bench.certificate.close();
  await bench.pass(100 * HOUR);
  assert.equal(bench.asked, 2);
});

describe("while the control plane is away", () => {
  test("the first certificate is asked for again and again, told once, and then comes", async () => {
    const bench = new Bench();
    bench.answer = away;
    await bench.start();
    await bench.pass(60_000, 250);
    assert.equal(bench.certificate.current, undefined);
    assert.equal(bench.certificate.lastError, "no connection");
    assert.equal(bench.log.filter(({ message }) => message === "no certificate yet").length, 1);
    assert.ok(bench.asked >= 6 && bench.asked <= 12, `${bench.asked} attempts in a minute`);
    bench.answer = (csr) => bench.authority.answer(csr, bench.clock.now());
    await bench.pass(30_000, 250);
    assert.equal(bench.certificate.lastError, "");
    assert.ok(bench.certificate.current !== undefined);
  });

  test("the certificate in hand serves on until it expires, with warnings that grow louder, and then is no more", async () => {
    const bench = new Bench();
    await bench.start();
    bench.answer = away;
    await bench.pass(12 * HOUR + 1000, 500);
    const levels = (): Set<string> => new Set(bench.log.map(({ level }) => level));
    assert.deepEqual(levels(), new Set(["warn"]));
    assert.equal(bench.log[0]!.fields["expires"], new Date(START + 24 * HOUR).toISOString());
    assert.equal(bench.log[0]!.fields["reason"], "no connection");
    await bench.pass(6 * HOUR + 60_000, 30_000);
    assert.deepEqual(levels(), new Set(["warn", "error"]));
    await bench.pass(6 * HOUR - 120_000, 30_000);
    assert.ok(bench.certificate.current !== undefined);
    await bench.pass(120_000, 10_000);
    assert.equal(bench.certificate.current, undefined);
    assert.ok(bench.log.some(({ message }) => message.startsWith("the certificate has expired")));
    assert.equal(bench.changes.length, 1, "the proxy keeps what it has");
    const { sent, failed } = bench.certificate.requests;
    assert.equal(failed, sent - 1);

    bench.answer = (csr) => bench.authority.answer(csr, bench.clock.now());
    await bench.pass(60_000, 1000);
    assert.ok(bench.certificate.current !== undefined);
  });
});

describe("an answer that is none is a failed attempt:", () => {
  const cases: readonly (readonly [string, (bench: Bench) => readonly string[], RegExp])[] = [
    ["nothing", () => [], /no certificate and roots/],
    ["no PEM", () => ["x", "y"], /no certificate and roots/],
    ["a certificate for another key", (bench) => bench.authority.answer(otherRequest(), START), /for another key/],
  ];
  for (const [name, answer, words] of cases) {
    test(name, async () => {
      const bench = new Bench();
      bench.answer = () => answer(bench);
      await bench.start();
      assert.match(bench.certificate.lastError, words);
    });
  }

  function otherRequest(): string {
    const bench = new Bench();
    let csr = "";
    bench.answer = (sent) => {
      csr = sent;
      return [];
    };
    bench.certificate.start();
    return csr;
  }
});

describe("when the roots change", () => {
  test("the proxy hears of it at once; a certificate of a root that still signs is kept", async () => {
    const bench = new Bench();
    await bench.start();
    const both = bench.authority.pem + new TestAuthority("second").pem;
    bench.certificate.trust(both);
    assert.equal(bench.changes.at(-1)!.roots, both);
    await bench.pass(60_000, 1000);
    assert.equal(bench.asked, 1);
  });

  test("a certificate of a root that signs no more is renewed within seconds", async () => {
    const bench = new Bench();
    await bench.start();
    const second = new TestAuthority("second");
    const both = second.pem + bench.authority.pem;
    bench.answer = (csr) => second.answer(csr, bench.clock.now(), both);
    bench.certificate.trust(both);
    await bench.pass(5_000, 500);
    assert.equal(bench.asked, 2);
    assert.equal(bench.changes.at(-1)!.roots, both);
    assert.ok(new X509Certificate(bench.changes.at(-1)!.certificate).checkIssued(new X509Certificate(second.pem)));
  });
});
