/** The authority that Tulle makes for itself: on disk, across restarts, when it is damaged, and while its root is replaced. */
import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { chmodSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import type { TestContext } from "node:test";
import { AuthorityError } from "../../src/identity/authority-file.ts";
import { CertificateAuthority } from "../../src/identity/certificate-authority.ts";
import { afterStep, nextStep, wouldCutOff } from "../../src/identity/rotation.ts";
import type { Holder } from "../../src/identity/rotation.ts";
import { newKeys } from "../support/certificates.ts";
import { temporaryFolder } from "../support/directory.ts";
import { eventually } from "../support/eventually.ts";
import { ManualClock } from "../support/manual-clock.ts";

const DAY = 86_400_000;

interface Started {
  readonly authority: CertificateAuthority;
  readonly clock: ManualClock;
  readonly warnings: string[];
}

async function start(
  stateDir: string,
  options: { intermediate?: boolean; clock?: ManualClock } = {},
): Promise<Started> {
  const clock = options.clock ?? new ManualClock(Date.UTC(2026, 10, 28));
  const warnings: string[] = [];
  const authority = new CertificateAuthority({
    stateDir,
    cacerts: undefined,
    intermediate: options.intermediate ?? false,
    trustDomain: () => "cluster.local",
    clock,
    log: (level, message) => void (level === "warn" && warnings.push(message)),
  });
  await authority.start();
  return { authority, clock, warnings };
}

const leafOf = (authority: CertificateAuthority, lifetimeMs = DAY) =>
  authority.issue({
    publicKey: newKeys().publicKey,
    names: { uris: ["spiffe://cluster.local/ns/a/sa/b"] },
    lifetimeMs,
  });
const file = (stateDir: string): string => join(stateDir, "ca", "authority.json");

describe("on disk", () => {
  test("the key is in one file that only its owner may read; the root is elsewhere, for all", async (t) => {
    const stateDir = temporaryFolder(t);
    const { authority } = await start(stateDir);
    assert.equal(statSync(file(stateDir)).mode & 0o777, 0o600);
    assert.equal(statSync(join(stateDir, "ca")).mode & 0o777, 0o700);
    assert.equal(readFileSync(authority.bundlePath, "utf8"), authority.bundle);
    assert.ok(!authority.bundle.includes("PRIVATE"));
    assert.deepEqual(readdirSync(join(stateDir, "ca")).toSorted(), ["authority.json"]);
  });

  test("a restart has the same root", async (t) => {
    const stateDir = temporaryFolder(t);
    const [first, second] = [await start(stateDir), await start(stateDir)];
    assert.equal(second.authority.bundle, first.authority.bundle);
  });

  test("the root is an authority's certificate for ten years, and signs itself", async (t) => {
    const { authority, clock } = await start(temporaryFolder(t));
    const root = new X509Certificate(authority.bundle);
    assert.ok(root.ca && root.verify(root.publicKey) && root.subject.includes("O=cluster.local"));
    assert.equal(Math.round((root.validToDate.getTime() - clock.now()) / DAY), 3650);
  });
});

describe("a file that is not what it should be is an error with the way out, and stays as it is:", () => {
  const cases: readonly (readonly [string, (path: string) => void, RegExp])[] = [
    [
      "half written",
      (path) => writeFileSync(path, readFileSync(path, "utf8").slice(0, 400)),
      /not complete JSON; put back a copy/,
    ],
    ["empty", (path) => writeFileSync(path, ""), /not complete JSON/],
    ["of another form", (path) => writeFileSync(path, '{"version":7}'), /another form than this version writes/],
    [
      "with a key that cannot be read",
      (path) => edit(path, (text) => text.replace(/BEGIN PRIVATE KEY-----\\n..../, "$&!!!!")),
      /a root in it cannot be read/,
    ],
    ["readable by others", (path) => chmodSync(path, 0o644), /mode 644\): chmod 600/],
  ];
  const edit = (path: string, change: (text: string) => string): void =>
    writeFileSync(path, change(readFileSync(path, "utf8")));
  for (const [name, damage, words] of cases) {
    test(name, async (t) => {
      const stateDir = temporaryFolder(t);
      await start(stateDir);
      damage(file(stateDir));
      const before = readFileSync(file(stateDir), "utf8");
      await assert.rejects(start(stateDir), (error) => error instanceof AuthorityError && words.test(error.message));
      assert.equal(readFileSync(file(stateDir), "utf8"), before);
    });
  }

  test("with the key of another", async (t) => {
    const [one, other] = [temporaryFolder(t), temporaryFolder(t)];
    await start(one);
    await start(other);
    const key = (path: string): string =>
      (JSON.parse(readFileSync(path, "utf8")) as { roots: [{ root: { key: string } }] }).roots[0].root.key;
    const [mine, theirs] = [key(file(one)), key(file(other))].map((text) => JSON.stringify(text)) as [string, string];
    edit(file(one), (text) => text.replace(mine, theirs));
    await assert.rejects(start(one), /the key of a root in it is not that of its certificate/);
  });
});

describe("through an intermediate", () => {
  test("leaves lead to the root, and the intermediate stays across a restart", async (t) => {
    const stateDir = temporaryFolder(t);
    const { authority } = await start(stateDir, { intermediate: true });
    const [leaf, intermediate] = leafOf(authority).chain.map((pem) => new X509Certificate(pem)) as [
      X509Certificate,
      X509Certificate,
    ];
    const root = new X509Certificate(authority.bundle);
    assert.ok(leaf.verify(intermediate.publicKey) && intermediate.verify(root.publicKey) && intermediate.ca);
    const { authority: again } = await start(stateDir, { intermediate: true });
    assert.equal(leafOf(again).chain[1], leafOf(authority).chain[1]);
  });

  test("it is renewed at half its life, without a new root", async (t) => {
    const { authority, clock } = await start(temporaryFolder(t), { intermediate: true });
    const before = leafOf(authority).chain[1];
    const { bundle } = authority;
    let changes = 0;
    authority.onChange(() => changes++);
    clock.advance(183 * DAY);
    await eventually(() => {
      clock.advance(DAY / 24);
      assert.equal(changes, 1);
    });
    assert.notEqual(leafOf(authority).chain[1], before);
    assert.equal(authority.bundle, bundle);
  });
});

describe("leaves", () => {
  test("do not live longer than what signs them", async (t) => {
    const { authority, clock } = await start(temporaryFolder(t));
    clock.advance(3649.5 * DAY);
    assert.equal(leafOf(authority).notAfter, new X509Certificate(authority.bundle).validToDate.getTime());
  });

  test("have serial numbers of chance, positive and of 16 bytes", async (t) => {
    const { authority } = await start(temporaryFolder(t));
    const serials = Array.from({ length: 50 }, () => leafOf(authority).serial);
    assert.equal(new Set(serials).size, 50);
    assert.ok(serials.every((serial) => /^[4-7][0-9A-F]{31}$/.test(serial)));
  });
});

test("a root in the last fifth of its life is warned of", async (t) => {
  const { warnings, clock } = await start(temporaryFolder(t));
  clock.advance(2900 * DAY);
  assert.deepEqual(warnings, []);
  await eventually(() => {
    clock.advance(DAY);
    assert.match(warnings[0] ?? "", /tulle ca rotate/);
  });
});

describe("rotation of the root", () => {
  async function step(authority: CertificateAuthority, clock: ManualClock): Promise<void> {
    await authority.replaceOwn(afterStep(authority.own!, clock.now(), () => authority.makeRoot()));
  }
  const holder = (change: Partial<Holder>): Holder => ({
    identity: "spiffe://cluster.local/ns/a/sa/b",
    node: "b",
    issuedAt: 0,
    notAfter: Number.MAX_SAFE_INTEGER / 2,
    root: "old",
    connected: true,
    hasBundle: false,
    ...change,
  });

  test("goes step by step, and a restart after each goes on from there", async (t) => {
    const stateDir = temporaryFolder(t);
    const restart = async (context: TestContext, clock: ManualClock): Promise<CertificateAuthority> => {
      context.diagnostic("restart");
      return (await start(stateDir, { clock })).authority;
    };
    const { authority: first, clock } = await start(stateDir);
    const old = first.root;
    assert.equal(nextStep(first.own!), "distribute");
    await step(first, clock);

    const second = await restart(t, clock);
    assert.equal(nextStep(second.own!), "sign");
    assert.equal(second.root, old, "the old root still signs");
    assert.equal(second.current.roots.length, 2);
    await step(second, clock);

    const third = await restart(t, clock);
    assert.equal(nextStep(third.own!), "retire");
    assert.notEqual(third.root, old);
    assert.equal(third.current.roots.length, 2, "the old root is still trusted");
    assert.equal(leafOf(third).root, third.root);
    await step(third, clock);

    const last = await restart(t, clock);
    assert.equal(nextStep(last.own!), "distribute");
    assert.equal(last.root, third.root);
    assert.equal(last.current.roots.length, 1);
  });

  test("with an intermediate, each root has its own", async (t) => {
    const { authority, clock } = await start(temporaryFolder(t), { intermediate: true });
    for (let i = 0; i < 3; i++) await step(authority, clock);
    const [leaf, intermediate] = leafOf(authority).chain.map((pem) => new X509Certificate(pem)) as [
      X509Certificate,
      X509Certificate,
    ];
    assert.ok(
      leaf.verify(intermediate.publicKey) && intermediate.verify(new X509Certificate(authority.bundle).publicKey),
    );
  });

  test("the new root must not sign before everybody has heard of it", async (t) => {
    const { authority, clock } = await start(temporaryFolder(t));
    assert.deepEqual(wouldCutOff(authority.own!, [holder({})]), []);
    await step(authority, clock);
    const why = (change: Partial<Holder>): string[] =>
      wouldCutOff(authority.own!, [holder(change)]).map((one) => one.why);
    assert.match(why({})[0]!, /has not confirmed yet/);
    assert.match(why({ connected: false })[0]!, /is not connected, and has not heard/);
    assert.deepEqual(why({ hasBundle: true }), []);
    assert.deepEqual(why({ connected: false, issuedAt: clock.now() + 1 }), [], "its certificate came with both roots");
  });

  test("the old root must stay while somebody holds a certificate of it", async (t) => {
    const { authority, clock } = await start(temporaryFolder(t));
    await step(authority, clock);
    await step(authority, clock);
    const why = (change: Partial<Holder>): string[] =>
      wouldCutOff(authority.own!, [holder(change)]).map((one) => one.why);
    assert.match(
      why({ hasBundle: true, notAfter: Date.UTC(2030, 0, 1) })[0]!,
      /^holds a certificate of the old root until 2030-01-01/,
    );
    assert.match(why({ connected: false })[0]!, /^is not connected, and holds/);
    assert.deepEqual(why({ root: authority.root }), []);
  });
});
