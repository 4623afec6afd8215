/** A gateway as a user sets it up: TLS by a Secret, tokens of an issuer that says where its keys are, routes by what they say. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { request } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { jwk, jwks, token } from "../support/tokens.ts";
import { eventually, startTulle, tulle } from "./support/tulle.ts";
import type { RunningTulle } from "./support/tulle.ts";

const pem = (file: string): string => readFileSync(new URL(`../support/certificates/${file}`, import.meta.url), "utf8");
const base64 = (text: string): string => Buffer.from(text).toString("base64");
/** Says which version it is. */
const SERVER = `require("node:http").createServer((q, r) => r.end(process.env.TULLE_VERSION)).listen(process.env.PORT, "127.0.0.1")`;

const yaml = (issuer: string): string => `
apiVersion: v1
kind: Secret
metadata: { name: shop, namespace: istio-system }
type: kubernetes.io/tls
data: { tls.crt: ${base64(pem("server.pem"))}, tls.key: ${base64(pem("server.key"))} }
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: edge }
spec:
  selector: { istio: ingressgateway }
  servers:
  - port: { number: 443, name: https, protocol: HTTPS }
    hosts: [server.test]
    tls: { mode: SIMPLE, credentialName: shop }
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: shop }
spec:
  host: shop
  subsets: [{ name: v1, labels: { version: v1 } }, { name: v2, labels: { version: v2 } }]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: shop }
spec:
  hosts: [server.test]
  gateways: [edge]
  http:
  - match: [{ headers: { "@request.auth.claims.groups": { exact: beta } } }]
    route: [{ destination: { host: shop, subset: v2 } }]
  - route: [{ destination: { host: shop, subset: v1 } }]
---
apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: { name: shop, namespace: istio-system }
spec:
  selector: { matchLabels: { istio: ingressgateway } }
  jwtRules: [{ issuer: "${issuer}" }]
`;

/** Status and body, or the error of the connection. */
function ask(port: string, bearer?: string): Promise<string> {
  return new Promise((resolve) => {
    const headers = bearer === undefined ? {} : { authorization: `Bearer ${bearer}` };
    const sent = request(
      {
        host: "127.0.0.1",
        port,
        servername: "server.test",
        ca: pem("ca.pem"),
        headers: { host: "server.test", ...headers },
        agent: false,
      },
      (response) => {
        let text = "";
        response.on("data", (chunk: Buffer) => (text += chunk.toString()));
        response.once("end", () => resolve(`${response.statusCode} ${text}`));
      },
    );
    sent.setTimeout(30_000, () => sent.destroy(new Error("no answer")));
    sent.once("error", (error) => resolve(error.message));
    sent.end();
  });
}

describe("a gateway with TLS and tokens", () => {
  const here = mkdtempSync(join(tmpdir(), "tulle-e2e-gateway-"));
  const elsewhere = mkdtempSync(join(tmpdir(), "tulle-e2e-elsewhere-"));
  const started: RunningTulle[] = [];
  let where: { readonly xds: string; readonly http: string };
  let controlPlane: RunningTulle;
  let issuer: string;
  let port: string;
  const issuing = createServer((message, response) => {
    if (message.url === "/keys") response.end(jwks(jwk("rsa")));
    else response.end(JSON.stringify({ issuer, jwks_uri: `${issuer}/keys` }));
  });

  async function gateway(...args: readonly string[]): Promise<string> {
    const running = startTulle(["gateway", "--address", "127.0.0.1", "--port", "443=0", "--json", ...args]);
    started.push(running);
    const { ports } = JSON.parse(await running.nextLine()) as { readonly ports: Readonly<Record<string, string>> };
    return ports["443"]!.split(":").at(-1)!;
  }

  before(async () => {
    issuing.listen(0, "127.0.0.1");
    await once(issuing, "listening");
    issuer = `http://127.0.0.1:${(issuing.address() as AddressInfo).port}`;
    const free = ["--xds", "127.0.0.1:0", "--xds-tls", "127.0.0.1:0", "--http", "127.0.0.1:0"];
    controlPlane = startTulle(["up", "--state-dir", here, ...free, "--json"]);
    started.push(controlPlane);
    where = JSON.parse(await controlPlane.nextLine()) as typeof where;
    const response = await fetch(`http://${where.http}/api/v1/apply`, { method: "POST", body: yaml(issuer) });
    assert.equal(response.status, 200, await response.text());
    for (const version of ["v1", "v2"]) {
      const who = ["--service", "shop", "--version", version, "--port", "80", "--state-dir", here];
      started.push(startTulle(["run", ...who, "--", process.execPath, "-e", SERVER]));
    }
    port = await gateway("--state-dir", here);
  });
  after(async () => {
    for (const each of started.reverse()) {
      each.kill("SIGTERM");
      await each.ended;
    }
    issuing.closeAllConnections();
    issuing.close();
    for (const folder of [here, elsewhere]) rmSync(folder, { recursive: true, force: true });
  });

  test("TLS by the certificate of the Secret", async () => {
    await eventually("an answer", 60_000, async () => (await ask(port)) === "200 v1");
  });

  test("tokens of the issuer are verified, by keys at the place that it tells", async () => {
    const good = token({ iss: issuer });
    await eventually("the keys", 60_000, async () => (await ask(port, good)) === "200 v1");
    assert.equal(await ask(port, token({ iss: issuer }, { key: "rsa2" })), "401 Jwt verification fails");
  });

  test("who is in the group gets the other version", async () => {
    const beta = token({ iss: issuer, groups: ["beta", "staff"] });
    await eventually("the other version", 60_000, async () => (await ask(port, beta)) === "200 v2");
    assert.equal(await ask(port, token({ iss: issuer, groups: ["staff"] })), "200 v1");
  });

  test("a gateway that has shown no identity gets no key, whatever it says that it is, and serves nobody", async () => {
    const { code } = await tulle(
      "gateway",
      "--port",
      "443=0",
      "--xds",
      where.xds,
      "--state-dir",
      elsewhere,
      "--wait",
      "10",
    );
    assert.equal(code, 1);
    assert.match(controlPlane.stderr(), /has proved no identity gets no Secrets/);
  });

  test("whoever lists Secrets learns their names only", async () => {
    const shown = await tulle("get", "secrets", "-n", "istio-system", "-o", "yaml", "--state-dir", here);
    assert.equal(shown.code, 0, shown.stderr);
    assert.match(shown.stdout, /tls\.key: "?\[redacted\]/);
    assert.ok(!shown.stdout.includes(base64(pem("server.key"))));
  });
});
