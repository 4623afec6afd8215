/**
 * `tulle run --capture`: unmodified programs in network namespaces, captured both ways. The world outside is a namespace as well, at
 * addresses for documentation (RFC 5737, RFC 3849).
 */
import assert from "node:assert/strict";
import { execFileSync, spawn, spawnSync } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { randomInt } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { startControlPlane } from "../support/control-plane.ts";
import type { RunningControlPlane } from "../support/control-plane.ts";
import { Namespace, whyNoNamespaces } from "./support/namespaces.ts";
import { eventually, startTulle } from "./support/tulle.ts";
import type { Ended, RunningTulle } from "./support/tulle.ts";

const TULLE = join(import.meta.dirname, "../../packages/cli/bin/tulle.js");
const PROGRAMS = ["curl", "python3", "redis-server", "redis-cli", "setpriv"];
/** One of 64 blocks of four addresses: such tests may run side by side. */
const BLOCK = randomInt(64);
const WORLD = {
  device: `world${BLOCK}`,
  host: { v4: `198.51.100.${BLOCK * 4 + 1}`, v6: `2001:db8:99:${BLOCK}::1` },
  v4: `198.51.100.${BLOCK * 4 + 2}`,
  v6: `2001:db8:99:${BLOCK}::2`,
};

const RULES = `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: web, namespace: default }
spec:
  hosts: [ web ]
  http:
    - match: [ { uri: { prefix: /teapot } } ]
      directResponse: { status: 418 }
    - route: [ { destination: { host: web } } ]
      headers: { response: { add: { x-mesh: "through" } } }
`;

const REGISTRY_ONLY = `
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: { name: default, namespace: closed }
spec: { outboundTrafficPolicy: { mode: REGISTRY_ONLY } }
`;

const STRICT = `
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: { name: strict, namespace: default }
spec: { mtls: { mode: STRICT } }
`;

interface ProxyAddress {
  readonly workload: string;
  readonly address: string;
}

describe("tulle run --capture", { skip: whyNoNamespaces(PROGRAMS) }, () => {
  const folder = mkdtempSync(join(tmpdir(), "tulle-captured-"));
  const files = join(folder, "www");
  const world = new Namespace();
  const running: (ChildProcess | RunningTulle)[] = [];
  let control: RunningControlPlane;

  const start = (service: string, options: readonly string[], ...program: readonly string[]): RunningTulle =>
    startTulle([
      ...`run --capture --state-dir ${folder}/state --wait 60 --service ${service}`.split(" "),
      ...options,
      "--",
      ...program,
    ]);
  /** A shell script as the captured program. */
  const shell = (script: string, ...options: readonly string[]): Promise<Ended> =>
    start("shell", options, "sh", "-c", script).ended;

  /** Two Node.js processes and a program for each, on a machine that may have more to do. */
  const workloads = (count: number): Promise<unknown> =>
    eventually(`${count} workloads`, 60_000, () =>
      control.waitForWorkloads(count).then(
        () => true,
        () => false,
      ),
    );

  before(async () => {
    execFileSync("mkdir", ["-p", files]);
    execFileSync("sh", ["-c", `echo hello > ${files}/index.html`]);
    makeWorld(world);
    running.push(
      spawn("ip", ["netns", "exec", world.name, "python3", "-m", "http.server", "8000", "--bind", "::", "-d", files], {
        stdio: "ignore",
      }),
    );
    control = await startControlPlane({ configDir: join(folder, "config"), stateDir: join(folder, "state") });
    await control.apply(RULES);
    await control.apply(REGISTRY_ONLY);
    running.push(start("web", ["--port", "8080"], "python3", "-m", "http.server", "8080", "-d", files));
    running.push(
      start("cache", ["--port", "6379"], "redis-server", "--protected-mode", "no", "--save", "", "--dir", folder),
    );
    await workloads(2);
  });

  after(async () => {
    for (const each of running) each.kill("SIGTERM");
    await Promise.all(running.flatMap((each) => ("ended" in each ? [each.ended] : [])));
    await control.stop();
    world.remove();
    rmSync(folder, { recursive: true });
  });

  test("curl reaches a Python server by its service's name, and rules apply", async () => {
    const { code, stdout, stderr } = await shell("curl -sS -i http://web:8080/ && curl -sS -i http://web:8080/teapot");
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^HTTP\/1\.1 200 OK/);
    assert.match(stdout, /^x-mesh: through\r$/m);
    assert.match(stdout, /^hello$/m);
    assert.match(stdout, /^HTTP\/1\.1 418 /m);
  });

  test("the server is captured as well: requests come from its sidecar", async () => {
    const { stdout, stderr } = await shell("curl -sS -o /dev/null -D - http://web:8080/ && curl -sS http://web:8080/x");
    assert.match(stdout, /^x-envoy-upstream-service-time: \d+\r$/m, stderr);
    const server = running[1] as RunningTulle;
    await eventually("a request from the sidecar", 60_000, () =>
      /^127\.0\.0\.6 - - .*"GET \/x HTTP/m.test(server.stderr()),
    );
    assert.doesNotMatch(server.stderr(), /^10\.213\./m);
  });

  test("redis-cli talks to redis-server, captured on both sides, over mutual TLS", async () => {
    const { code, stdout, stderr } = await shell(
      "redis-cli -h cache set greeting hello && redis-cli -h cache get greeting && redis-cli -h cache client list && " +
        "curl -s $TULLE_ADMIN/stats",
    );
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^OK\nhello\n/);
    assert.match(stdout, /addr=127\.0\.0\.6:/);
    // What is no HTTP has a cluster of its own, whose connections say so.
    const cluster = "cluster.outbound|6379|~tcp|cache.default.svc.cluster.local";
    assert.ok(stdout.includes(`${cluster}.upstream_cx_total: 3\n`), stdout);
    assert.ok(stdout.includes(`${cluster}.ssl.handshake: 3\n`), stdout);
  });

  test("STRICT: a plaintext client from outside is refused at the captured port, callers of the mesh never notice", async () => {
    const proxies = (await (await fetch(`http://${control.http}/api/v1/proxies`)).json()) as ProxyAddress[];
    const address = proxies.find(({ workload }) => workload.startsWith("cache"))!.address;
    /** From this machine, which is outside the mesh. */
    const plaintext = (): string => spawnSync("redis-cli", ["-h", address, "ping"], { encoding: "utf8" }).stdout.trim();
    await eventually("an answer in plaintext", 60_000, () => plaintext() === "PONG");
    await control.apply(STRICT);
    await control.waitForSync();
    await eventually("the refusal of plaintext", 60_000, () => plaintext() === "");
    const { code, stdout, stderr } = await shell("redis-cli -h cache ping");
    assert.deepEqual([code, stdout], [0, "PONG\n"], stderr);
    await fetch(`http://${control.http}/api/v1/objects/security.istio.io/PeerAuthentication/default/strict`, {
      method: "DELETE",
    });
    await eventually("an answer in plaintext again", 60_000, () => plaintext() === "PONG");
  });

  test("its metrics are at Istio's ports: the proxy's at 15090, with the program's at 15020, where the control plane sends a Prometheus", async () => {
    writeFileSync(join(files, "metrics.txt"), "pages_served_total 42\n");
    const options = ["--port", "8082", "--metrics-port", "8082", "--metrics-path", "/metrics.txt"];
    const server = start("metered", options, "python3", "-m", "http.server", "8082", "-d", files);
    running.push(server);
    const targets = async (): Promise<readonly { targets: string[]; labels: { app?: string } }[]> =>
      (await (await fetch(`http://${control.http}/api/v1/sd/prometheus`)).json()) as [];
    let found: string | undefined;
    await eventually("a target", 60_000, async () => {
      found = (await targets()).find(({ labels }) => labels.app === "metered")?.targets[0];
      return found !== undefined;
    });
    const address = /^(10\.213\.\d+\.\d+):15020$/.exec(found!)![1]!;
    const get = (path: string): string =>
      spawnSync("curl", ["-sS", "-m", "10", `http://${address}:${path}`], { encoding: "utf8" }).stdout;
    await eventually("both", 60_000, () => /^pages_served_total 42$/m.test(get("15020/stats/prometheus")));
    assert.match(get("15020/stats/prometheus"), /^envoy_server_live\{\} 1$/m);
    assert.equal(get("15020/healthz/ready"), "ready\n");
    const own = get("15090/stats/prometheus");
    assert.match(own, /^envoy_server_live\{\} 1$/m);
    assert.doesNotMatch(own, /pages_served_total/);
  });

  test("the sidecar is another user than the program, and may do nothing", () => {
    const status = (running[1] as RunningTulle)
      .processes()
      .map((pid) => [readFileSync(`/proc/${pid}/cmdline`, "utf8"), readFileSync(`/proc/${pid}/status`, "utf8")])
      .find(([command]) => command!.includes("captured-sidecar"))![1]!;
    assert.match(status, /^Gid:\t1337\t1337\t1337\t1337$/m);
    assert.match(status, /^CapEff:\t0+$/m);
    assert.match(status, /^CapBnd:\t0+$/m);
    assert.match(status, /^NoNewPrivs:\t1$/m);
  });

  test("over IPv6: to a service, and to an address that nobody knows", async () => {
    const { code, stdout, stderr } = await shell(
      `curl -sS -6 -i http://web:8080/ && curl -sS -g -w '%{remote_ip}\\n' 'http://[${WORLD.v6}]:8000/'`,
    );
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^x-mesh: through\r$/m);
    assert.ok(stdout.includes(`\n${WORLD.v6}\n`), stdout);
  });

  test("over IPv6 the server is captured, too", async () => {
    const server = start(
      "six",
      ["--port", "8081"],
      "sh",
      "-c",
      `ip -6 -br address show eth0; exec python3 -m http.server 8081 --bind :: -d ${files}`,
    );
    running.push(server);
    const address = /(fd74:[0-9a-f:]+)\//.exec(await server.nextLine())![1]!;
    await eventually("an answer by way of the sidecar", 60_000, () => {
      const { stdout } = spawnSync("curl", ["-sS", "-g", "-i", `http://[${address}]:8081/`], { encoding: "utf8" });
      return /^x-envoy-upstream-service-time: \d+\r$/m.test(stdout);
    });
    await eventually("a request from the sidecar", 60_000, () => /^::6 - - /m.test(server.stderr()));
  });

  test("names of the mesh are answered with addresses of their own", async () => {
    const { stdout } = await shell(
      "getent ahostsv4 web; getent ahostsv4 web.default; getent ahostsv6 web.default.svc.cluster.local",
    );
    const addresses = [...new Set(stdout.split("\n").map((line) => line.split(" ")[0]))].filter((part) => part !== "");
    assert.equal(addresses.length, 2, stdout);
    assert.match(addresses[0]!, /^240\.240\./);
    assert.match(addresses[1]!, /^2001:2::f0f0:/);
  });

  test("ALLOW_ANY: what nobody knows is passed through; what is excluded is not even seen", async () => {
    const visit = `curl -sS http://${WORLD.v4}:8000/ && curl -s $TULLE_ADMIN/stats | grep '^cluster.PassthroughCluster.upstream_cx_total'`;
    const seen = await shell(visit);
    assert.match(seen.stdout, /^hello\ncluster\.PassthroughCluster\.upstream_cx_total: 1\n$/, seen.stderr);
    for (const exclusion of [
      ["--exclude-outbound-cidrs", "198.51.100.0/24"],
      ["--exclude-outbound-ports", "8000"],
      ["--outbound-cidrs", "240.240.0.0/16"],
    ]) {
      const unseen = await shell(visit, ...exclusion);
      assert.match(unseen.stdout, /^hello\ncluster\.PassthroughCluster\.upstream_cx_total: 0\n$/, unseen.stderr);
    }
  });

  test("REGISTRY_ONLY: what nobody knows cannot be reached; services can", async () => {
    const { stdout, stderr } = await shell(
      `curl -sS -m 5 http://${WORLD.v4}:8000/; echo "exit $?"; curl -sS http://web.default:8080/`,
      "--namespace",
      "closed",
    );
    assert.match(stdout, /^exit (?:52|56)\n/, stderr);
    assert.match(stdout, /\nhello\n$/);
  });

  test("the program's exit code is the command's, and nothing stays behind", async () => {
    const before = leftovers();
    const { code } = await shell("exit 7");
    assert.equal(code, 7);
    assert.deepEqual(leftovers(), before);
  });

  test("Ctrl-C ends the program and takes all down", async () => {
    const before = leftovers();
    const tulle = start("sleeper", [], "sleep", "1000");
    await eventually("a namespace", 60_000, () => leftovers().length > before.length);
    await eventually("the program", 60_000, () => processes(tulle, "sleep").length > 0);
    tulle.kill("SIGINT");
    assert.equal((await tulle.ended).code, 130);
    assert.deepEqual(leftovers(), before);
  });

  test("kill -9: the next start removes what was left", async () => {
    const before = leftovers();
    const tulle = start("sleeper", [], "sleep", "1000");
    await eventually("the program", 60_000, () => processes(tulle, "sleep").length > 0);
    tulle.kill("SIGKILL");
    await tulle.ended;
    assert.notDeepEqual(leftovers(), before);
    await eventually("the end of program and sidecar", 60_000, () => tulle.processes().length === 0);
    assert.equal((await shell("exit 0")).code, 0);
    assert.deepEqual(leftovers(), before);
  });

  test("without root it says what is needed, and changes nothing", () => {
    const before = leftovers();
    const { status, stderr } = spawnSync(
      "setpriv",
      [
        "--reuid",
        "65534",
        "--clear-groups",
        process.execPath,
        TULLE,
        "run",
        "--capture",
        "--service",
        "x",
        "--",
        "true",
      ],
      { encoding: "utf8" },
    );
    assert.equal(status, 1);
    assert.match(stderr, /--capture needs root/);
    assert.deepEqual(leftovers(), before);
  });
});

/** A machine beyond this one, with a way back to it and to nobody else. */
function makeWorld(world: Namespace): void {
  const ip = (...args: readonly string[]): void => void execFileSync("ip", args);
  world.create();
  ip("link", "add", WORLD.device, "type", "veth", "peer", "name", "eth0", "netns", world.name);
  ip("address", "add", `${WORLD.host.v4}/30`, "dev", WORLD.device);
  ip("address", "add", `${WORLD.host.v6}/64`, "dev", WORLD.device, "nodad");
  ip("link", "set", WORLD.device, "up");
  world.exec("ip", "address", "add", `${WORLD.v4}/30`, "dev", "eth0");
  world.exec("ip", "address", "add", `${WORLD.v6}/64`, "dev", "eth0", "nodad");
  world.exec("ip", "link", "set", "eth0", "up");
}

/** What capturing makes on a machine. */
function leftovers(): readonly string[] {
  const output = (...command: readonly string[]): readonly string[] =>
    execFileSync(command[0]!, command.slice(1), { encoding: "utf8" }).split("\n");
  const folder = "/run/tulle/capture";
  return [
    ...output("ip", "netns").filter((line) => /^tulle-\d/.test(line)),
    ...output("ip", "-br", "link").filter((line) => /^tulle\d/.test(line)),
    ...output("nft", "list", "tables").filter((line) => line.includes("tulle_workload")),
    ...(existsSync(folder) ? readdirSync(folder) : []),
    ...(existsSync("/etc/netns") ? readdirSync("/etc/netns") : []),
  ].map((line) => line.trim().split(/[ @]/)[0]!);
}

function processes(tulle: RunningTulle, name: string): readonly number[] {
  return tulle.processes().filter((pid) => {
    const { stdout } = spawnSync("cat", [`/proc/${pid}/comm`], { encoding: "utf8" });
    return stdout.trim() === name;
  });
}
