import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, test } from "node:test";
import { programEnvironment } from "../src/sidecar/program-environment.ts";
import { identify } from "../src/sidecar/options.ts";

const local = (port: number): { host: string; port: number } => ({ host: "127.0.0.1", port });
const identity = identify({
  type: "sidecar",
  service: "web",
  version: "v1",
  namespace: "default",
  serviceAccount: "default",
  address: "127.0.0.1",
  labels: [],
});

describe("a program's environment", () => {
  test("has its port, the sidecar as HTTP proxy, and what it had", () => {
    const inherited = { PATH: "/bin", NO_PROXY: "internal", NODE_OPTIONS: "--max-old-space-size=64" };
    const outbound = [{ port: 9080, bind: local(4) }];
    const env = programEnvironment(inherited, {
      identity,
      app: local(1),
      httpProxy: local(2),
      admin: local(3),
      outbound,
    });
    assert.equal(env["PATH"], "/bin");
    assert.equal(env["PORT"], "1");
    assert.equal(env["HTTP_PROXY"], "http://127.0.0.1:2");
    assert.equal(env["http_proxy"], "http://127.0.0.1:2");
    assert.equal(env["NO_PROXY"], "internal,localhost,127.0.0.1,::1");
    assert.equal(env["no_proxy"], env["NO_PROXY"]);
    assert.match(env["NODE_OPTIONS"]!, /^--max-old-space-size=64 --import=file:/);
    assert.equal(env["TULLE_VERSION"], "v1");
    assert.equal(env["TULLE_ADMIN"], "http://127.0.0.1:3");
    assert.equal(env["TULLE_OUTBOUND_9080"], "127.0.0.1:4");
    assert.equal(env["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"], undefined);
  });

  test("says where spans go if the control plane runs here, and nobody else has said it", () => {
    const where = { identity, app: local(1), httpProxy: local(2), admin: local(3), outbound: [], collector: local(4) };
    const env = programEnvironment({}, where);
    assert.equal(env["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"], "http://127.0.0.1:4/v1/traces");
    assert.equal(env["OTEL_SERVICE_NAME"], "web.default");
    const own = programEnvironment({ OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector:4318" }, where);
    assert.equal(own["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"], undefined);
    assert.equal(own["OTEL_SERVICE_NAME"], undefined);
  });

  // A sidecar sees no request in a CONNECT tunnel.
  for (const [client, script] of [
    ["fetch", 'fetch("http://web:8080/x").then(async (r) => process.stdout.write(await r.text()))'],
    ["node:http", 'require("node:http").get("http://web:8080/x", (r) => r.pipe(process.stdout))'],
  ] as const) {
    test(`makes Node's ${client} send plain requests in absolute form to the sidecar, and none to localhost`, async () => {
      const proxy = createServer((message, response) => response.end(`${message.method} ${message.url}`));
      proxy.on("connect", (message, socket) =>
        socket.end(`HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\nconnection: close\r\n\r\nCONNECT ${message.url}`),
      );
      proxy.listen(0, "127.0.0.1");
      await once(proxy, "listening");
      const httpProxy = local((proxy.address() as AddressInfo).port);
      const env = programEnvironment(process.env, {
        identity,
        app: local(1),
        httpProxy,
        admin: local(3),
        outbound: [],
      });
      const run = async (code: string): Promise<string> => {
        const child = spawn(process.execPath, ["-e", code], { env, stdio: ["ignore", "pipe", "inherit"] });
        let output = "";
        child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
        await once(child, "close");
        return output;
      };
      assert.equal(await run(script), "GET http://web:8080/x");
      assert.equal(await run(script.replace("web:8080", `127.0.0.1:${httpProxy.port}`)), "GET /x");
      proxy.close();
      proxy.closeAllConnections();
    });
  }
});
