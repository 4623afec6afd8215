/** A gRPC client that speaks xDS itself (`@grpc/grpc-js-xds`) resolves `xds:///` names through the control plane. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { credentials, Server, ServerCredentials } from "@grpc/grpc-js";
import * as grpc from "@grpc/grpc-js";
import { startControlPlane } from "../support/control-plane.ts";
import type { RunningControlPlane } from "../support/control-plane.ts";
import { registerWorkload } from "../support/workload.ts";

const YAML = `
apiVersion: v1
kind: Service
metadata: { name: greeter }
spec:
  selector: { app: greeter }
  ports: [{ name: grpc, port: 9090 }]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: greeter }
spec:
  host: greeter
  subsets:
  - { name: v1, labels: { version: v1 } }
  - { name: v2, labels: { version: v2 } }
`;

const splitTo = (version: string): string => `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: greeter }
spec:
  hosts: [greeter]
  http:
  - route: [{ destination: { host: greeter, subset: ${version} } }]
`;

const bytes = (value: Buffer): Buffer => value;
const HELLO = {
  path: "/greet.Greeter/Hello",
  requestStream: false,
  responseStream: false,
  requestSerialize: bytes,
  requestDeserialize: bytes,
  responseSerialize: bytes,
  responseDeserialize: bytes,
} as const;

let folder: string;
let control: RunningControlPlane;
const servers: Server[] = [];
let registrations: { close(): void }[] = [];

before(async () => {
  folder = mkdtempSync(join(tmpdir(), "tulle-grpc-"));
  control = await startControlPlane({ configDir: join(folder, "config"), stateDir: join(folder, "state") });
  await control.apply(`${YAML}---${splitTo("v1")}`);
  for (const version of ["v1", "v2"]) {
    const port = await greeter(version);
    const labels = { app: "greeter", version };
    registrations.push(
      registerWorkload(control.xdsPort, { name: `greeter-${version}`, labels, port: 9090, bindPort: port }),
    );
  }
  await control.waitForWorkloads(2);
  process.env["GRPC_XDS_BOOTSTRAP_CONFIG"] = JSON.stringify({
    xds_servers: [
      {
        server_uri: `127.0.0.1:${control.xdsPort}`,
        channel_creds: [{ type: "insecure" }],
        server_features: ["xds_v3"],
      },
    ],
    node: { id: "sidecar~127.0.0.1~caller.default~default.svc.cluster.local", locality: {} },
  });
  const { register } = await import("@grpc/grpc-js-xds");
  register();
});

after(async () => {
  for (const registration of registrations) registration.close();
  for (const server of servers) server.forceShutdown();
  await control?.stop();
  rmSync(folder, { recursive: true, force: true });
});

for (const name of ["greeter.default.svc.cluster.local:9090", "greeter:9090"]) {
  test(`xds:///${name} is resolved, routed by the VirtualService and answered`, async () => {
    const client = new grpc.Client(`xds:///${name}`, credentials.createInsecure());
    try {
      assert.equal(await hello(client), "v1");
      await control.apply(splitTo("v2"));
      const deadline = performance.now() + 60_000;
      while ((await hello(client)) !== "v2") assert.ok(performance.now() < deadline, "the change never arrived");
      await control.apply(splitTo("v1"));
      while ((await hello(client)) !== "v1") assert.ok(performance.now() < deadline, "the change back never arrived");
    } finally {
      client.close();
    }
  });
}

test("a route that a gRPC client cannot follow is unavailable, and leaves the others as they are", async () => {
  const client = new grpc.Client("xds:///greeter:9090", credentials.createInsecure());
  try {
    await control.apply(`
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: greeter }
spec:
  hosts: [greeter]
  http:
  - match: [{ headers: { x-blocked: { exact: "1" } } }]
    directResponse: { status: 403 }
  - route: [{ destination: { host: greeter, subset: v2 } }]`);
    const deadline = performance.now() + 60_000;
    while ((await hello(client)) !== "v2") assert.ok(performance.now() < deadline, "the change never arrived");
    const blocked = new grpc.Metadata();
    blocked.set("x-blocked", "1");
    await assert.rejects(hello(client, blocked), { code: grpc.status.UNAVAILABLE });
    assert.deepEqual(await control.nacks(), []);
  } finally {
    client.close();
  }
});

function hello(client: grpc.Client, metadata = new grpc.Metadata()): Promise<string> {
  return new Promise((resolve, reject) => {
    const deadline = new Date(Date.now() + 30_000);
    client.makeUnaryRequest(HELLO.path, bytes, bytes, Buffer.from(""), metadata, { deadline }, (error, value) =>
      error === null ? resolve(value?.toString() ?? "") : reject(error),
    );
  });
}

async function greeter(version: string): Promise<number> {
  const server = new Server();
  server.addService(
    { Hello: HELLO },
    { Hello: (_call: unknown, answer: grpc.sendUnaryData<Buffer>) => answer(null, Buffer.from(version)) },
  );
  servers.push(server);
  return new Promise((resolve, reject) =>
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) =>
      error === null ? resolve(port) : reject(error),
    ),
  );
}
