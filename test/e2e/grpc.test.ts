/** gRPC between workloads: a real server and a real client, two sidecars, mutual TLS; deadlines, streams, a canary, retries. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { freePorts } from "../support/ports.ts";
import { eventually, startTulle, tulle } from "./support/tulle.ts";
import type { RunningTulle } from "./support/tulle.ts";

const GRPC = import.meta.resolve("@grpc/grpc-js");

/** Methods of a service of bytes: `Echo` answers who it is, `Count` three times, `Slow` never, `Moody` refuses every other call. */
const SERVER = `
const { Server, ServerCredentials, Metadata, status } = await import(${JSON.stringify(GRPC)});
const same = (bytes) => bytes;
const method = (name, responseStream) => ({ path: "/test.Test/" + name, requestStream: false, responseStream,
  requestSerialize: same, requestDeserialize: same, responseSerialize: same, responseDeserialize: same });
const me = Buffer.from(process.env.WHO);
let moods = 0;
const server = new Server();
server.addService(
  { echo: method("Echo", false), count: method("Count", true), slow: method("Slow", false), moody: method("Moody", false) },
  {
    echo: (call, done) => done(null, me),
    count: (call) => { for (let i = 0; i < 3; i++) call.write(me); call.end(); },
    slow: () => {},
    moody: (call, done) => moods++ % 2 === 0 ? done({ code: status.UNAVAILABLE, details: "not now" }) : done(null, me),
  },
);
server.bindAsync("127.0.0.1:" + process.env.PORT, ServerCredentials.createInsecure(), () => console.log("listening"));
`;

/** Calls what its arguments say, and tells what became of it as one line. */
const CLIENT = `
const { Client, credentials, Metadata } = await import(${JSON.stringify(GRPC)});
const [target, method, times, deadlineMs] = process.argv.slice(1);
const client = new Client(target, credentials.createInsecure(), { "grpc.default_authority": "greeter:9090" });
const same = (bytes) => bytes;
const options = () => ({ deadline: Date.now() + Number(deadlineMs) });
const results = [];
for (let i = 0; i < Number(times); i++) {
  results.push(await new Promise((resolve) => {
    const path = "/test.Test/" + method;
    if (method === "Count") {
      const got = [];
      client.makeServerStreamRequest(path, same, same, Buffer.from("x"), new Metadata(), options())
        .on("data", (bytes) => got.push(String(bytes))).on("error", (error) => resolve("error " + error.code))
        .on("end", () => resolve(got.join()));
    } else client.makeUnaryRequest(path, same, same, Buffer.from("x"), new Metadata(), options(),
      (error, bytes) => resolve(error ? "error " + error.code : String(bytes)));
  }));
}
console.log(JSON.stringify(results));
process.exit(0);
`;

const YAML = `
apiVersion: v1
kind: Service
metadata: { name: greeter, namespace: default }
spec: { selector: { app: greeter }, ports: [{ name: grpc, port: 9090, targetPort: 9090 }] }
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: { name: default, namespace: istio-system }
spec: { mtls: { mode: STRICT } }
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: greeter, namespace: default }
spec: { host: greeter, subsets: [{ name: v1, labels: { version: v1 } }, { name: v2, labels: { version: v2 } }] }
`;

function routed(weight: number): string {
  return `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: greeter, namespace: default }
spec:
  hosts: [greeter]
  http:
    - retries: { attempts: 2, retryOn: unavailable }
      route:
        - { destination: { host: greeter, subset: v1 }, weight: ${100 - weight} }
        - { destination: { host: greeter, subset: v2 }, weight: ${weight} }
`;
}

describe("gRPC between two workloads", () => {
  const state = mkdtempSync(join(tmpdir(), "tulle-e2e-grpc-"));
  const yaml = join(state, "mesh.yaml");
  const commands: RunningTulle[] = [];
  before(async () => {
    const where = ["--xds", "127.0.0.1:0", "--xds-tls", "127.0.0.1:0", "--http", "127.0.0.1:0", "--json"];
    const up = startTulle(["up", "--state-dir", state, ...where]);
    commands.push(up);
    await up.nextLine();
    await apply(YAML + "---" + routed(0));
    for (const version of ["v1", "v2"]) {
      const who = ["--service", "greeter", "--version", version, "--port", "9090", "--protocol", "grpc"];
      const program = [process.execPath, "--input-type=module", "-e", SERVER];
      commands.push(startTulle(["run", ...who, "--state-dir", state, "--", ...program], { WHO: version }));
    }
  });
  after(async () => {
    for (const command of commands.reverse()) {
      command.kill("SIGTERM");
      await command.ended;
    }
    rmSync(state, { recursive: true, force: true });
  });

  async function apply(text: string): Promise<void> {
    writeFileSync(yaml, text);
    const { code, stderr } = await tulle("apply", "-f", yaml, "--state-dir", state);
    assert.equal(code, 0, stderr);
  }

  /** What became of so many calls. */
  async function call(method: string, times: number, deadlineMs = 60_000): Promise<string[]> {
    const [local] = await freePorts(1);
    const program = [
      process.execPath,
      "--input-type=module",
      "-e",
      CLIENT,
      `127.0.0.1:${local}`,
      method,
      `${times}`,
      `${deadlineMs}`,
    ];
    const who = ["--service", "caller", "--outbound", `9090=${local}`, "--state-dir", state];
    const { stdout, stderr } = await startTulle(["run", ...who, "--", ...program]).ended;
    assert.notEqual(stdout.trim(), "", stderr);
    return JSON.parse(stdout.trim().split("\n").at(-1)!) as string[];
  }

  test("unary calls reach the version that the route names", async () => {
    const first = await eventually("an answer", 60_000, async () => {
      const results = await call("Echo", 1);
      return results[0] === "v1" ? results : undefined;
    });
    assert.deepEqual(first, ["v1"]);
  });

  test("a stream of the server", async () => assert.deepEqual(await call("Count", 1), ["v1,v1,v1"]));

  test("a deadline", async () => assert.deepEqual(await call("Slow", 1, 300), ["error 4"]));

  test("UNAVAILABLE is retried", async () => assert.deepEqual(await call("Moody", 4), ["v1", "v1", "v1", "v1"]));

  test("a canary by weight", async () => {
    await apply(routed(50));
    // Until v2 is healthy a part of the calls has nowhere to go.
    await eventually("calls to both", 60_000, async () => {
      const results = await call("Echo", 40);
      return new Set(results).size === 2 && results.every((answer) => answer === "v1" || answer === "v2");
    });
  });
});
