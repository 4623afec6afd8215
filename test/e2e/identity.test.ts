/** Identities as users meet them: joining by token and beside the control plane, refusals, a control plane that is away, a new root. */
import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { freePorts } from "../support/ports.ts";
import { eventually, startTulle, tulle } from "./support/tulle.ts";
import type { RunningTulle } from "./support/tulle.ts";

/** Answers with what it was sent, whether it knows a token, and where its sidecar tells its metrics. */
const SERVER = `require("node:http").createServer((q, r) => r.end(JSON.stringify({ ...q.headers, token: process.env.TULLE_TOKEN, admin: process.env.TULLE_ADMIN }))).listen(process.env.PORT, "127.0.0.1")`;
/** Asks again and again; what goes wrong is told at once, how much went well at the end. */
const CALLER = `
let good = 0, bad = 0, stop = false;
process.on("SIGTERM", () => { stop = true; });
(async () => {
  while (!stop) {
    try {
      const r = await fetch("http://web:8080/", { headers: { connection: "close" } });
      const { "x-forwarded-client-cert": xfcc } = await r.json();
      if (r.status === 200 && xfcc?.includes("/sa/caller")) good++; else { bad++; console.log("bad", r.status, xfcc); }
    } catch (error) { bad++; console.log("bad", String(error.cause ?? error)); }
    if (good === 1) console.log("first");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  console.log("done", good, bad);
})()`;

interface Mesh {
  readonly controlPlane: RunningTulle;
  readonly xds: string;
  readonly xdsTls: string;
  readonly http: string;
}

async function up(stateDir: string, ports: readonly string[], ...args: string[]): Promise<Mesh> {
  const [xds = "127.0.0.1:0", xdsTls = "127.0.0.1:0", http = "127.0.0.1:0"] = ports;
  const where = ["--xds", xds, "--xds-tls", xdsTls, "--http", http, "--json"];
  const controlPlane = startTulle(["up", "--state-dir", stateDir, ...where, ...args]);
  const ready = JSON.parse(await controlPlane.nextLine()) as Omit<Mesh, "controlPlane">;
  return { controlPlane, ...ready };
}

describe("a workload of another machine", () => {
  const here = mkdtempSync(join(tmpdir(), "tulle-e2e-state-"));
  const there = mkdtempSync(join(tmpdir(), "tulle-e2e-other-"));
  const roots = join(there, "roots.pem");
  let mesh: Mesh;
  before(async () => {
    mesh = await up(here, []);
    const shown = await tulle("ca", "show", "-o", "pem", "--state-dir", here);
    writeFileSync(roots, shown.stdout);
  });
  after(async () => {
    mesh.controlPlane.kill("SIGTERM");
    await mesh.controlPlane.ended;
    for (const folder of [here, there]) rmSync(folder, { recursive: true, force: true });
  });
  const token = async (account: string, ...args: string[]): Promise<string> => {
    const { stdout, stderr } = await tulle(
      "token",
      "create",
      "--service-account",
      account,
      "--state-dir",
      here,
      ...args,
    );
    assert.match(stdout, /^tulle-/, stderr);
    return stdout.trim();
  };
  const run = (
    name: string,
    credentials: NodeJS.ProcessEnv,
    more: readonly string[],
    ...program: string[]
  ): RunningTulle => {
    const who = ["--service", name, "--service-account", name, "--state-dir", there];
    const where = ["--xds-tls", mesh.xdsTls, "--ca-roots", roots];
    return startTulle(["run", ...who, ...where, ...more, "--", ...program], credentials);
  };

  test("joins with a token over TLS, is known by its identity, and its program does not see the token", async () => {
    const web = run("web", { TULLE_TOKEN: await token("default/web") }, [], process.execPath, "-e", SERVER);
    const credentials = { TULLE_TOKEN: await token("default/shell") };
    const answer = await eventually("an answer", 60_000, async () => {
      const call = `fetch("http://web:8080/").then(async (r) => { if (r.ok) console.log(await r.text()); })`;
      return (await run("shell", credentials, [], process.execPath, "-e", call).ended).stdout || undefined;
    });
    const {
      "x-forwarded-client-cert": xfcc,
      token: seen,
      admin,
      ...headers
    } = JSON.parse(answer) as Record<string, string>;
    assert.match(
      xfcc!,
      /By=spiffe:\/\/cluster\.local\/ns\/default\/sa\/web;.*URI=spiffe:\/\/cluster\.local\/ns\/default\/sa\/shell/,
    );
    assert.equal(seen, undefined);
    // The caller's workload is for the sidecar's metrics, not for the program.
    assert.deepEqual(
      Object.keys(headers).filter((name) => name.includes("peer-metadata")),
      [],
    );
    const metrics = await (await fetch(`${admin}/stats/prometheus`)).text();
    assert.match(
      metrics,
      /^istio_requests_total\{reporter="destination",source_workload="shell",source_canonical_service="shell",source_canonical_revision="latest",source_workload_namespace="default",source_principal="spiffe:\/\/cluster\.local\/ns\/default\/sa\/shell",source_app="shell",source_version="unknown",source_cluster="Kubernetes",.*connection_security_policy="mutual_tls"\} 1$/m,
    );
    const { stdout } = await tulle("proxies", "--http", mesh.http);
    assert.match(stdout, /^web-\w{5}\.default .* mTLS +cluster\.local\/ns\/default\/sa\/web +in 2\dh/m);
    web.kill("SIGTERM");
    await web.ended;
  });

  const refused = async (
    words: RegExp,
    credentials: NodeJS.ProcessEnv,
    more: readonly string[] = [],
  ): Promise<void> => {
    // It tries again until then, and says why it is refused at the end.
    const { code, stderr } = await run("web", credentials, ["--wait", "10", ...more], "true").ended;
    assert.equal(code === 1 || code === 2, true, stderr);
    assert.match(stderr, words);
  };

  test("without a token, with one that is revoked, expired or of nobody is refused in words", async () => {
    const revoked = await token("default/web");
    assert.equal((await tulle("token", "revoke", revoked.split("-")[1]!, "--state-dir", here)).code, 0);
    const short = await token("default/web", "--ttl", "1s");
    await new Promise((resolve) => setTimeout(resolve, 1100));
    await Promise.all([
      refused(/needs a token: --token-file FILE, or TULLE_TOKEN/, {}),
      refused(/token \w+ was revoked on/, { TULLE_TOKEN: revoked }),
      refused(/token \w+ expired on/, { TULLE_TOKEN: short }),
      refused(/the token is none of tulle token create/, { TULLE_TOKEN: "x" }),
    ]);
    const { stdout } = await tulle("token", "list", "--state-dir", here);
    assert.match(stdout, / revoked$/m);
    assert.match(stdout, / expired$/m);
  });

  test("that claims to be another than its token says is refused, with which is which", async () => {
    await refused(
      /the node claims to be service account web of namespace default, but it has proved to be other of default/,
      { TULLE_TOKEN: await token("default/other") },
    );
  });

  test("does not talk to a control plane that its roots do not know", async () => {
    const stranger = mkdtempSync(join(tmpdir(), "tulle-e2e-stranger-"));
    const other = await up(stranger, []);
    const shown = await tulle("ca", "show", "-o", "pem", "--state-dir", stranger);
    other.controlPlane.kill("SIGTERM");
    await other.controlPlane.ended;
    rmSync(stranger, { recursive: true, force: true });
    writeFileSync(join(there, "wrong.pem"), shown.stdout);
    const wrong = [
      "run",
      "--service",
      "web",
      "--wait",
      "10",
      "--xds-tls",
      mesh.xdsTls,
      "--ca-roots",
      join(there, "wrong.pem"),
    ];
    const { code, stderr } = await startTulle([...wrong, "--", "true"], { TULLE_TOKEN: await token("default/web") })
      .ended;
    assert.equal(code, 1);
    assert.match(stderr, /unable to verify|self.signed certificate|unable to get/i);
  });
});

describe("under traffic", () => {
  const stateDir = mkdtempSync(join(tmpdir(), "tulle-e2e-state-"));
  let ports: readonly string[];
  let mesh: Mesh;
  let web: RunningTulle;
  /** What is left of it when the control plane is away at a renewal is the time that another one has to start. */
  const args = ["--cert-ttl", "24s"];
  before(async () => {
    ports = (await freePorts(3)).map((port) => `127.0.0.1:${port}`);
    mesh = await up(stateDir, ports, ...args);
    web = startTulle([
      "run",
      "--service",
      "web",
      "--service-account",
      "web",
      "--state-dir",
      stateDir,
      "--",
      process.execPath,
      "-e",
      SERVER,
    ]);
  });
  after(async () => {
    web.kill("SIGTERM");
    mesh.controlPlane.kill("SIGTERM");
    await Promise.all([web.ended, mesh.controlPlane.ended]);
    rmSync(stateDir, { recursive: true, force: true });
  });
  const startCaller = async (): Promise<RunningTulle> => {
    // A proxy waits up to 30 s between attempts to reconnect.
    await eventually("web", 60_000, async () =>
      /web\.default/.test((await tulle("proxies", "--http", mesh.http)).stdout),
    );
    await new Promise((resolve) => setTimeout(resolve, 1000));
    const caller = startTulle([
      "run",
      "--service",
      "caller",
      "--service-account",
      "caller",
      "--state-dir",
      stateDir,
      "--",
      process.execPath,
      "-e",
      CALLER,
    ]);
    assert.equal(await caller.nextLine(), "first");
    return caller;
  };
  const finish = async (caller: RunningTulle): Promise<number> => {
    caller.kill("SIGTERM");
    const { stdout } = await caller.ended;
    const [, good, bad] = /done (\d+) (\d+)\n$/.exec(stdout) ?? [];
    assert.equal(bad, "0", stdout);
    return Number(good);
  };

  test("the control plane is killed for longer than half of a certificate's life: nothing fails, and it is warned of", async () => {
    const caller = await startCaller();
    process.kill(mesh.controlPlane.pid, "SIGKILL");
    await eventually("a warning", 60_000, () => /the certificate cannot be renewed/.test(caller.stderr()));
    await new Promise((resolve) => setTimeout(resolve, 1500));
    mesh = await up(stateDir, ports, ...args);
    // By the time that is up again the certificate of before would be over.
    await new Promise((resolve) => setTimeout(resolve, 11_000));
    assert.ok((await finish(caller)) > 100);
  });

  test("the root is replaced: nothing fails, and nobody holds a certificate of the old one", async () => {
    const caller = await startCaller();
    const root = (): string => new X509Certificate(readFileSync(join(stateDir, "root-cert.pem"))).fingerprint256;
    const before = root();
    const rehearsal = await tulle("ca", "rotate", "--dry-run", "--state-dir", stateDir);
    assert.match(rehearsal.stdout, /next step: distribute/);
    const { code, stdout, stderr } = await tulle("ca", "rotate", "--state-dir", stateDir, "--wait", "120s");
    assert.equal(code, 0, stdout + stderr);
    assert.match(stdout, /done: distribute[^]*done: sign[^]*done: retire/);
    assert.notEqual(root(), before);
    await new Promise((resolve) => setTimeout(resolve, 1000));
    assert.ok((await finish(caller)) > 20);
    const shown = JSON.parse((await tulle("ca", "show", "-o", "json", "--state-dir", stateDir)).stdout) as {
      roots: unknown[];
    };
    assert.equal(shown.roots.length, 1);
  });
});
