/** A stock Envoy and Tulle, each bootstrapped with nothing but the ADS address: the same YAML must give the same answers. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { startEnvoy } from "../support/envoy.ts";
import type { RunningEnvoy } from "../support/envoy.ts";
import { startControlPlane } from "../support/control-plane.ts";
import type { RunningControlPlane } from "../support/control-plane.ts";
import { adsBootstrap, registerWorkload } from "../support/workload.ts";
import { freePorts } from "../support/ports.ts";
import { exchange, responsesIn } from "../support/raw-client.ts";
import type { RawResponse } from "../support/raw-client.ts";
import { named, startRecordingBackend } from "../support/recording-backend.ts";
import type { RecordedRequest, RecordingBackend, Script } from "../support/recording-backend.ts";
import { startTulle } from "../support/tulle-proxy.ts";
import type { RunningTulle } from "../support/tulle-proxy.ts";
import { ISTIO_CASES } from "./istio-cases.ts";
import type { IstioCase, IstioRequest } from "./istio-cases.ts";

const BOOKINFO = join(import.meta.dirname, "../../../shared/data/bookinfo");

let folder: string;
let control: RunningControlPlane;
let backends: { v1: RecordingBackend; v2: RecordingBackend };
let registrations: { close(): void }[] = [];
let envoy: RunningEnvoy;
let tulle: RunningTulle;
let ports: { envoy: number; tulle: number };

before(async () => {
  folder = mkdtempSync(join(tmpdir(), "tulle-istio-"));
  const config = join(folder, "config");
  backends = { v1: await startRecordingBackend(hangsOr("v1")), v2: await startRecordingBackend(hangsOr("v2")) };
  control = await startControlPlane({ configDir: config, stateDir: join(folder, "state") });
  await control.apply(
    ISTIO_CASES.map((istioCase, index) => yamlOf(istioCase, serviceName(index))).join("\n---\n") + service("shared"),
  );
  registrations = (["v1", "v2"] as const).map((version) =>
    registerWorkload(control.xdsPort, {
      name: `echo-${version}`,
      labels: { app: "echo", version },
      port: 8080,
      bindPort: backends[version].port,
    }),
  );
  await control.waitForWorkloads(2);
  const [one, two, proxyOne, proxyTwo] = (await freePorts(4)) as [number, number, number, number];
  ports = { envoy: one, tulle: two };
  const client = (name: string, bindPort: number, proxyPort: number): object =>
    adsBootstrap(
      control.xdsPort,
      name,
      { app: "client" },
      {
        outbound: [{ port: 80, address: "127.0.0.1", bind_port: bindPort }],
        http_proxy: { address: "127.0.0.1", port: proxyPort },
      },
    );
  envoy = await startEnvoy({ bootstrap: client("client-envoy", one, proxyOne) });
  tulle = await startTulle(client("client-tulle", two, proxyTwo));
});

after(async () => {
  await tulle?.stop();
  await envoy?.stop();
  for (const registration of registrations) registration.close();
  await control?.stop();
  await backends?.v1.close();
  await backends?.v2.close();
  rmSync(folder, { recursive: true, force: true });
});

describe("Istio YAML means the same on Envoy and on Tulle", () => {
  ISTIO_CASES.forEach((istioCase, index) => {
    test(istioCase.name, async () => {
      for (const request of istioCase.requests) {
        const sent = bytesOf(request, serviceName(index));
        const theirs = await ask(ports.envoy, sent);
        const ours = await ask(ports.tulle, sent);
        assertExpected(theirs, request, serviceName(index), "Envoy");
        assertExpected(ours, request, serviceName(index), "Tulle");
        if (
          istioCase.name !== "a service without a VirtualService" &&
          istioCase.name !== "another service as destination"
        ) {
          assert.deepEqual(ours, theirs, `request ${JSON.stringify(sent)}`);
        }
      }
    });
  });
});

test("an Envoy that has it all has refused nothing, and so has Tulle", async () => {
  const stats = await envoy.admin("/stats?filter=update_rejected");
  assert.match(stats, /update_rejected/);
  for (const line of stats.trim().split("\n")) assert.match(line, /: 0$/);
  assert.deepEqual(await control.nacks(), []);
});

test("Envoy takes every Bookinfo manifest without a NACK", async (t) => {
  let files: string[];
  try {
    files = readdirSync(join(BOOKINFO, "networking")).filter((name) => name.endsWith(".yaml"));
  } catch {
    t.diagnostic("the original manifests are not here; the case table stands alone");
    return;
  }
  await control.apply(readFileSync(join(BOOKINFO, "platform/kube/bookinfo.yaml"), "utf8"));
  for (const name of files) {
    await control.apply(readFileSync(join(BOOKINFO, "networking", name), "utf8"));
    await control.waitForSync();
    assert.deepEqual(await control.nacks(), [], name);
  }
});

function serviceName(index: number): string {
  return `s${index}`;
}

function service(name: string): string {
  return `
---
apiVersion: v1
kind: Service
metadata: { name: ${name} }
spec:
  selector: { app: echo }
  ports: [{ name: http, port: 80, targetPort: 8080 }]`;
}

function yamlOf(istioCase: IstioCase, name: string): string {
  const rules = `
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: ${name} }
spec:
  host: ${name}
  subsets:
  - { name: v1, labels: { version: v1 } }
  - { name: v2, labels: { version: v2 } }
  - { name: nobody, labels: { version: v0 } }`;
  const routes =
    istioCase.http === ""
      ? ""
      : `
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: ${name} }
spec:
  hosts: [${name}]
  http:${istioCase.http.replaceAll("$S", name)}`;
  return service(name) + rules + routes + (istioCase.more ?? "").replaceAll("$S", name);
}

/** The named backend, except that it never answers a path that begins with /hang. */
function hangsOr(name: string): Script {
  const answer = named(name);
  return (request) => (/^\S+ \/hang/.test(request.head) ? "" : answer(request));
}

function bytesOf({ method = "GET", path = "/", host = "$S", headers = [] }: IstioRequest, name: string): string {
  const lines = [`${method} ${path} HTTP/1.1`, `host: ${host.replaceAll("$S", name)}`, ...headers];
  return `${lines.join("\r\n")}\r\n\r\n`;
}

interface Answer {
  readonly response: RawResponse;
  readonly sent: readonly string[];
}

async function ask(port: number, bytes: string): Promise<Answer> {
  backends.v1.take();
  backends.v2.take();
  const complete = (text: string): boolean => {
    const found = responsesIn(text)[0];
    const length = found?.headers.find((line) => line.startsWith("content-length: "));
    return found !== undefined && (length === undefined || found.body.length === Number(length.slice(16)));
  };
  const { text } = await exchange(port, bytes, { until: complete, limitMs: 4000 });
  const [response] = responsesIn(
    text.replace(/^(date): .*$/gm, "$1: D").replace(/^(x-envoy-upstream-service-time): .*$/gm, "$1: T"),
  );
  assert.ok(response !== undefined, `no response to ${JSON.stringify(bytes)}: ${JSON.stringify(text)}`);
  const heads = [...backends.v1.take(), ...backends.v2.take()].map(({ head }: RecordedRequest) => head);
  return { response, sent: heads.map((head) => head.replace(/^x-request-id: .*$/m, "x-request-id: R")) };
}

function assertExpected({ response, sent }: Answer, { expect }: IstioRequest, name: string, who: string): void {
  const text = JSON.stringify({ response, sent }, null, 2);
  const head = sent.join("\n");
  const has = (where: string, what: string | RegExp): boolean =>
    typeof what === "string" ? where.includes(what.replaceAll("$S", name)) : what.test(where);
  assert.equal(response.status, expect.status, `${who}: ${text}`);
  if (expect.backend !== undefined) assert.equal(response.body, expect.backend, `${who}: ${text}`);
  if (expect.body !== undefined) assert.equal(response.body, expect.body, `${who}: ${text}`);
  if (expect.header !== undefined) assert.ok(has(response.headers.join("\n"), expect.header), `${who}: ${text}`);
  if (expect.sent !== undefined) assert.ok(has(head, expect.sent), `${who}: ${text}`);
  if (expect.notSent !== undefined) assert.doesNotMatch(head, expect.notSent, who);
}
