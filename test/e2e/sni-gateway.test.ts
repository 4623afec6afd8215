/** Two servers that speak TLS themselves behind one port of a gateway, which tells them apart by the name that clients ask for. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { eventually, startTulle } from "./support/tulle.ts";
import type { RunningTulle } from "./support/tulle.ts";

const run = promisify(execFile);
const certificates = fileURLToPath(new URL("../support/certificates/", import.meta.url));
const CA = join(certificates, "ca.pem");

/** Answers with its name. */
function server(identity: string): string {
  const file = (name: string): string => `require("node:fs").readFileSync(${JSON.stringify(join(certificates, name))})`;
  const options = `{ cert: ${file(`${identity}.pem`)}, key: ${file(`${identity}.key`)} }`;
  return `require("node:https").createServer(${options}, (q, r) => r.end(${JSON.stringify(identity)})).listen(process.env.PORT, "127.0.0.1")`;
}

function yaml(log: string): string {
  const rule = (name: string, sni: string): string => `
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: ${name} }
spec:
  hosts: [${sni}]
  gateways: [edge]
  tls: [{ match: [{ sniHosts: [${sni}] }], route: [{ destination: { host: ${name} } }] }]`;
  return `
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: edge }
spec:
  selector: { istio: ingressgateway }
  servers:
  - { port: { number: 443, name: tls, protocol: TLS }, hosts: ["*"], tls: { mode: PASSTHROUGH } }
---
apiVersion: v1
kind: ConfigMap
metadata: { name: istio, namespace: istio-system }
data: { mesh: "accessLogFile: ${log}" }${rule("one", "server.test")}${rule("two", "other.test")}
`;
}

describe("TLS that a gateway passes on", () => {
  const here = mkdtempSync(join(tmpdir(), "tulle-e2e-sni-"));
  const log = join(here, "access.log");
  const started: RunningTulle[] = [];
  let port: string;

  /** What curl gets that expects a certificate of that name, or why not. */
  async function curl(name: string): Promise<string> {
    const args = ["-sS", "--max-time", "30", "--cacert", CA, "--resolve", `${name}:${port}:127.0.0.1`];
    const { stdout } = await run("curl", [...args, `https://${name}:${port}/`]).catch(
      (error: { readonly stderr?: string }) => ({ stdout: error.stderr ?? "" }),
    );
    return stdout.trim();
  }

  before(async () => {
    const free = ["--xds", "127.0.0.1:0", "--xds-tls", "127.0.0.1:0", "--http", "127.0.0.1:0"];
    const controlPlane = startTulle(["up", "--state-dir", here, ...free, "--json"]);
    started.push(controlPlane);
    const { http } = JSON.parse(await controlPlane.nextLine()) as { readonly http: string };
    const response = await fetch(`http://${http}/api/v1/apply`, { method: "POST", body: yaml(log) });
    assert.equal(response.status, 200, await response.text());
    for (const [service, identity] of [
      ["one", "server"],
      ["two", "server-other"],
    ] as const) {
      const who = ["--service", service, "--port", "443", "--protocol", "tls", "--state-dir", here];
      started.push(startTulle(["run", ...who, "--", process.execPath, "-e", server(identity)]));
    }
    const gateway = ["gateway", "--address", "127.0.0.1", "--port", "443=0", "--json", "--state-dir", here];
    const running = startTulle(gateway);
    started.push(running);
    const { ports } = JSON.parse(await running.nextLine()) as { readonly ports: Readonly<Record<string, string>> };
    port = ports["443"]!.split(":").at(-1)!;
  });
  after(async () => {
    for (const each of started.reverse()) {
      each.kill("SIGTERM");
      await each.ended;
    }
    rmSync(here, { recursive: true, force: true });
  });

  test("each server shows its own certificate, and gets what is for it", async () => {
    await eventually("the first server", 60_000, async () => (await curl("server.test")) === "server");
    await eventually("the second server", 60_000, async () => (await curl("other.test")) === "server-other");
  });

  test("openssl sees the same", async () => {
    const shown = async (name: string): Promise<string> => {
      const asked = run("openssl", ["s_client", "-connect", `127.0.0.1:${port}`, "-servername", name, "-CAfile", CA]);
      asked.child.stdin?.end();
      return (await asked).stdout;
    };
    const [one, two] = [await shown("server.test"), await shown("other.test")];
    assert.match(one, /Verify return code: 0/);
    assert.match(two, /Verify return code: 0/);
    const serial = (text: string): string => /-----BEGIN CERTIFICATE-----[^]*?-----END/.exec(text)![0];
    assert.notEqual(serial(one), serial(two));
  });

  test("a name that no rule has gets nobody", async () => {
    assert.match(await curl("nobody.test"), /curl: \(35\)/);
  });

  test("connections are logged: where they went, and which name was asked for", async () => {
    await eventually("a line", 60_000, () => {
      const lines = readFileSync(log, "utf8").split("\n");
      return Promise.resolve(
        lines.some((line) => line.includes("outbound|443||two.default") && line.includes(" other.test ")),
      );
    });
  });
});
