/** The proxy as a process: exit codes, messages and signals. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { JsonValue } from "@bufbuild/protobuf";
import { listenerJson } from "../plan/support.ts";
import { eventually } from "../xds/support.ts";

let dir: string;
before(async () => (dir = await mkdtemp(join(tmpdir(), "tulle-run-"))));
after(() => rm(dir, { recursive: true }));

interface Running {
  readonly child: ChildProcess;
  readonly exited: Promise<number | null>;
  readonly stderr: () => string;
  /** Port of its first listener. */
  readonly port: () => Promise<number>;
}

async function run(name: string, bootstrap: JsonValue, drainTimeMs: number): Promise<Running> {
  const file = join(dir, `${name}.json`);
  await writeFile(file, JSON.stringify(bootstrap));
  const child = spawn(process.execPath, [join(import.meta.dirname, "run-proxy-main.ts"), file, String(drainTimeMs)]);
  after(() => child.kill("SIGKILL"));
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk) => (stdout += String(chunk)));
  child.stderr.on("data", (chunk) => (stderr += String(chunk)));
  const exited = once(child, "exit").then(([code]) => code as number | null);
  const port = async (): Promise<number> => {
    const line = await eventually("ready", () => stdout.split("\n").find((each) => each.startsWith("[")));
    return (JSON.parse(line ?? "") as { port: number }[])[0].port;
  };
  return { child, exited, stderr: () => stderr, port };
}

/** One listener on any port, to an application on `upstream`. */
function bootstrap(upstream: number): JsonValue {
  const address = (port: number): JsonValue => ({ socket_address: { address: "127.0.0.1", port_value: port } });
  const routes = [{ match: { prefix: "/" }, route: { cluster: "b" } }];
  const route_config = { name: "r", virtual_hosts: [{ name: "v", domains: ["*"], routes }] };
  return {
    static_resources: {
      listeners: [{ ...(listenerJson({ route_config }) as { [field: string]: JsonValue }), address: address(0) }],
      clusters: [
        {
          name: "b",
          load_assignment: {
            cluster_name: "b",
            endpoints: [{ lb_endpoints: [{ endpoint: { address: address(upstream) } }] }],
          },
        },
      ],
    },
  };
}

test("a broken bootstrap: every problem on a line of its own, exit code 1", async () => {
  const json = {
    static_resources: {
      clusters: [
        { name: "a", lb_policy: "MAGLEV", maglev_lb_config: { table_size: 4 } },
        { name: "b", track_timeout_budgets: true },
      ],
    },
  };
  const { exited, stderr } = await run("broken", json, 0);
  assert.equal(await exited, 1);
  assert.equal(stderr(), "static_resources.clusters[1].track_timeout_budgets: true is not supported (only false)\n");
});

test("SIGTERM: a request in flight is finished, then exit code 0", async () => {
  const app = createServer((_, response) => setTimeout(() => response.end("slow"), 300));
  await new Promise<void>((resolve) => app.listen(0, "127.0.0.1", resolve));
  after(() => app.close());
  const { child, exited, port } = await run("graceful", bootstrap((app.address() as AddressInfo).port), 60_000);
  const listening = await port();
  let arrived = false;
  app.on("request", () => (arrived = true));
  const answer = new Promise<string>((resolve, reject) => {
    request({ port: listening, host: "127.0.0.1", agent: false }, (response) => {
      let body = "";
      response.on("data", (chunk) => (body += String(chunk)));
      response.on("end", () => resolve(`${response.statusCode} ${body}`));
    })
      .on("error", reject)
      .end();
  });
  await eventually("the request is with the application", () => arrived);
  child.kill("SIGTERM");
  assert.equal(await answer, "200 slow");
  assert.equal(await exited, 0);
});

test("a second signal closes at once", async () => {
  const app = createServer(() => {});
  await new Promise<void>((resolve) => app.listen(0, "127.0.0.1", resolve));
  after(() => {
    app.close();
    app.closeAllConnections();
  });
  const { child, exited, stderr, port } = await run("twice", bootstrap((app.address() as AddressInfo).port), 60_000);
  const socket = connect(await port(), "127.0.0.1");
  socket.on("error", () => {});
  let arrived = false;
  app.on("request", () => (arrived = true));
  socket.write("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
  await eventually("the request is with the application", () => arrived);
  child.kill("SIGTERM");
  await eventually("draining", () => stderr().includes("draining"));
  child.kill("SIGINT");
  assert.equal(await exited, 0);
});

test("a proxy without a socket runs until it is told to stop", async () => {
  const { child, exited } = await run("nothing", {}, 100);
  await once(child.stdout!, "data");
  child.kill("SIGTERM");
  assert.equal(await exited, 0);
});
