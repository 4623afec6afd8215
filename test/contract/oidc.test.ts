/** RequestAuthentications that leave it to the issuer to say where its keys are: from a whole control plane, on Envoy and on Tulle. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { startControlPlane, type RunningControlPlane } from "../support/control-plane.ts";
import { startEnvoy } from "../support/envoy.ts";
import { freePorts } from "../support/ports.ts";
import { type RecordingBackend, named, startRecordingBackend } from "../support/recording-backend.ts";
import { jwk, jwks, token } from "../support/tokens.ts";
import { startTulle } from "../support/tulle-proxy.ts";
import { adsBootstrap } from "../support/workload.ts";

const CERTIFICATES = join(import.meta.dirname, "../support/certificates");
const pem = (file: string): string => readFileSync(join(CERTIFICATES, file), "utf8");

const subjects: { readonly name: string; readonly port: number; stop(): Promise<void> }[] = [];
const asked: string[] = [];
/** Null: it is not well. */
let document: object | null = null;
let issuer: string;
let keysAt: string;
let control: RunningControlPlane;
let app: RecordingBackend;
let folder: string;
const closers: (() => void)[] = [];

/** @param certified over TLS, by an authority that is not the system's */
async function serve(certified: boolean, listener: RequestListener): Promise<number> {
  const server = certified
    ? createTlsServer({ cert: pem("server.pem"), key: pem("server.key") }, listener)
    : createServer(listener);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  closers.push(
    () => server.closeAllConnections(),
    () => server.close(),
  );
  return (server.address() as AddressInfo).port;
}

before(async () => {
  // As in a company that has an authority of its own.
  process.env["NODE_EXTRA_CA_CERTS"] = join(CERTIFICATES, "ca.pem");
  folder = mkdtempSync(join(tmpdir(), "tulle-oidc-"));
  keysAt = `http://127.0.0.1:${await serve(false, (_, response) => response.end(jwks(jwk("rsa"))))}/keys`;
  const port = await serve(true, (request, response) => {
    asked.push(request.url ?? "");
    if (document === null) response.writeHead(503).end();
    else response.end(JSON.stringify(document));
  });
  issuer = `https://127.0.0.1:${port}/realms/a`;
  app = await startRecordingBackend(named("app"));
  control = await startControlPlane({ configDir: join(folder, "config"), stateDir: join(folder, "state") });
  const address = "127.0.0.1";
  for (const name of ["envoy", "tulle"]) {
    const [bind_port = 0] = await freePorts(1);
    const inbound = [{ port: 8080, protocol: "http", address, bind_port, app_address: address, app_port: app.port }];
    const bootstrap = adsBootstrap(control.xdsPort, { name, labels: { app: "app" }, tulle: { inbound } });
    const started = name === "envoy" ? await startEnvoy({ bootstrap }) : await startTulle(bootstrap);
    subjects.push({ name, port: bind_port, stop: () => started.stop() });
  }
});

after(async () => {
  for (const subject of subjects) await subject.stop();
  await control?.stop();
  await app?.close();
  for (const close of closers) close();
  rmSync(folder, { recursive: true, force: true });
});

async function statusOf(port: number, claims: object, key: "rsa" | "rsa2" = "rsa"): Promise<number> {
  const authorization = `Bearer ${token(claims, { key })}`;
  const response = await fetch(`http://127.0.0.1:${port}/`, { headers: { authorization, connection: "close" } });
  await response.text();
  return response.status;
}

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 30_000;
  while (!(await holds())) {
    assert.ok(performance.now() < deadline, `waited in vain for ${what}:\n${control.logs()}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function findings(): Promise<string> {
  const response = await fetch(`http://${control.http}/api/v1/objects?kind=RequestAuthentication`);
  const { items } = (await response.json()) as { items: { status: { type: string; message: string }[] }[] };
  return items.flatMap(({ status }) => status.map(({ type, message }) => `${type}: ${message}`)).join("\n");
}

test("an issuer that does not say where its keys are: no token passes, no request without one is held up", async () => {
  await control.apply(`
apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: { name: tokens }
spec: { jwtRules: [{ issuer: "${issuer}" }] }`);
  for (const { name, port } of subjects) {
    await until(`${name} to refuse`, async () => (await statusOf(port, { iss: issuer })) === 401);
    const response = await fetch(`http://127.0.0.1:${port}/`, { headers: { connection: "close" } });
    assert.equal(await response.text(), "app", name);
  }
  assert.equal(asked[0], "/realms/a/.well-known/openid-configuration");
  await until("the status", async () =>
    (await findings()).includes("Invalid: where the keys are is not known, so no token passes: "),
  );
  assert.match(await findings(), /answers with status 503/);
});

test("as soon as it does, its tokens pass, and no others", async () => {
  document = { issuer, jwks_uri: keysAt };
  for (const { name, port } of subjects) {
    await until(`${name} to let the token through`, async () => (await statusOf(port, { iss: issuer })) === 200);
    assert.equal(await statusOf(port, { iss: issuer }, "rsa2"), 401, name);
    assert.equal(await statusOf(port, { iss: "https://other.test" }), 401, name);
  }
  assert.ok((await findings()).includes(`InForce: the keys are at ${keysAt}, as it says`));
});

test("a control plane that starts anew knows it from before, whatever has become of the issuer", async () => {
  document = null;
  const xds = `127.0.0.1:${control.xdsPort}`;
  await control.stop();
  control = await startControlPlane({ configDir: join(folder, "config"), stateDir: join(folder, "state"), xds });
  await until("the status", async () => (await findings()).includes("it does not say so again"));
  await until("both to be back", async () => {
    const response = await fetch(`http://${control.http}/api/v1/proxies`);
    return ((await response.json()) as unknown[]).length === subjects.length;
  });
  await control.waitForSync();
  for (const { name, port } of subjects) assert.equal(await statusOf(port, { iss: issuer }), 200, name);
});
