/**
 * Peers whose certificate is none to be believed get nowhere in a running mesh: sidecars and gateways, as clients and as servers, HTTP and TCP. The
 * mesh signs with the authority of test/support/certificates, so that the wrong ones are wrong in one way only.
 */
import assert from "node:assert/strict";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { connect, createServer } from "node:tls";
import type { Server } from "node:tls";
import { freePorts } from "../support/ports.ts";
import { eventually, startTulle } from "./support/tulle.ts";
import type { RunningTulle } from "./support/tulle.ts";

const CERTIFICATES = join(import.meta.dirname, "..", "support", "certificates");
const pem = (name: string): Buffer => readFileSync(join(CERTIFICATES, name));

/** Clients, by the certificate that they show; undefined: none. All but the first are wrong. */
const CLIENTS: Readonly<Record<string, string | undefined>> = {
  good: "client",
  expired: "client-expired",
  "not valid yet": "client-future",
  "of another authority": "client-untrusted",
  "self-made": "client-self",
  "of another trust domain": "client-other-domain",
  none: undefined,
};

/** Servers by host; they are to be spiffe://cluster.local/ns/default/sa/server. */
const SERVERS: Readonly<Record<string, string>> = {
  "good.test": "server",
  "expired.test": "server-expired",
  "future.test": "server-future",
  "untrusted.test": "server-untrusted",
  "self.test": "server-self",
  "domain.test": "client-other-domain",
  "other.test": "server-other",
};
const HOSTS = Object.keys(SERVERS);

const HTTP = `require("node:http").createServer((q, r) => r.end("let in")).listen(process.env.PORT, "127.0.0.1")`;
const TCP = `require("node:net").createServer((s) => s.on("error", () => {}).once("data", () => s.end("let in"))).listen(process.env.PORT, "127.0.0.1")`;
/** Tells what each host has answered, by HTTP and by TCP; "" for nothing. */
const CALLER = `
const { connect } = require("node:net");
const tcp = (port) => new Promise((resolve) => {
  let read = "";
  connect(port, "127.0.0.1").on("data", (chunk) => { read += chunk; }).on("error", () => {}).on("close", () => resolve(read.slice(-6))).write("GET / HTTP/1.1\\r\\nhost: h\\r\\n\\r\\n");
});
const http = async (host) => { const r = await fetch("http://" + host + "/"); return r.status + " " + (await r.text()); };
(async () => {
  const answers = {};
  for (const [host, port] of Object.entries(JSON.parse(process.argv[1]))) answers[host] = [await http(host), await tcp(port)];
  console.log(JSON.stringify(answers));
})();
`;

function entry(host: string, port: number): string {
  return `apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: ${host.replace(".", "-")} }
spec:
  hosts: [${host}]
  location: MESH_INTERNAL
  resolution: STATIC
  ports:
  - { number: 80, name: http, protocol: HTTP, targetPort: ${port} }
  - { number: 81, name: tcp, protocol: TCP, targetPort: ${port} }
  endpoints: [{ address: 127.0.0.1, serviceAccount: server, labels: { security.istio.io/tlsMode: istio } }]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: ${host.replace(".", "-")} }
spec:
  hosts: [${host}]
  gateways: [edge]
  http: [{ route: [{ destination: { host: ${host}, port: { number: 80 } } }] }]
---
`;
}

const MESH = `apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: { name: default, namespace: default }
spec: { mtls: { mode: STRICT } }
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: edge }
spec:
  selector: { istio: ingressgateway }
  servers:
  - { port: { number: 80, name: http, protocol: HTTP }, hosts: ["*"] }
  - { port: { number: 8443, name: mesh, protocol: HTTPS }, hosts: ["*"], tls: { mode: ISTIO_MUTUAL } }
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: web }
spec:
  hosts: [web.test]
  gateways: [edge]
  http: [{ route: [{ destination: { host: web, port: { number: 8080 } } }] }]
---
`;

/** Servers that somebody has said something to, by host. */
const asked = new Set<string>();

/** A server that takes whoever comes, and lets in whoever says something. */
function startServer(host: string, port: number): Server {
  const identity = SERVERS[host]!;
  const key = { cert: pem(`${identity}.pem`), key: pem(`${identity}.key`) };
  const server = createServer({ ...key, requestCert: true, rejectUnauthorized: false }, (socket) => {
    socket.on("error", () => {});
    socket.once("data", () => {
      asked.add(host);
      socket.end("HTTP/1.1 200 OK\r\ncontent-length: 6\r\nconnection: close\r\n\r\nlet in");
    });
  });
  return server.on("tlsClientError", () => {}).listen(port, "127.0.0.1");
}

/** All that a server says to a client with a certificate. */
function ask(port: number, identity: string | undefined): Promise<string> {
  const key = identity === undefined ? {} : { cert: pem(`${identity}.pem`), key: pem(`${identity}.key`) };
  return new Promise((resolve) => {
    let read = "";
    const socket = connect({ port, host: "127.0.0.1", servername: "web.test", rejectUnauthorized: false, ...key });
    socket.on("data", (chunk: Buffer) => (read += chunk.toString()));
    socket.on("error", () => {});
    socket.on("close", () => resolve(read));
    socket.write("GET / HTTP/1.1\r\nHost: web.test\r\nConnection: close\r\n\r\n");
  });
}

/** Status and body. */
function call(port: number, host: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: "127.0.0.1", port, headers: { host }, agent: false }, (response) => {
      let body = "";
      response.on("data", (chunk: Buffer) => (body += chunk.toString()));
      response.once("end", () => resolve(`${response.statusCode} ${body}`));
    });
    sent.once("error", reject).end();
  });
}

describe("a peer with the wrong certificate", () => {
  const folder = mkdtempSync(join(tmpdir(), "tulle-e2e-wrong-"));
  const commands: RunningTulle[] = [];
  const servers: Server[] = [];
  const where = ["--state-dir", folder];
  let inbound: Readonly<Record<string, number>>;
  let edge: { readonly plain: number; readonly mesh: number };
  before(async () => {
    const authority = join(folder, "cacerts");
    const config = join(folder, "mesh");
    for (const each of [authority, config]) mkdirSync(each);
    copyFileSync(join(CERTIFICATES, "ca.key"), join(authority, "ca-key.pem"));
    for (const file of ["ca-cert.pem", "cert-chain.pem", "root-cert.pem"]) {
      copyFileSync(join(CERTIFICATES, "ca.pem"), join(authority, file));
    }
    const [plain, mesh, ...ports] = await freePorts(2 + HOSTS.length);
    HOSTS.forEach((host, i) => servers.push(startServer(host, ports[i]!)));
    writeFileSync(join(config, "mesh.yaml"), MESH + HOSTS.map((host, i) => entry(host, ports[i]!)).join(""));
    const any = ["--xds", "127.0.0.1:0", "--xds-tls", "127.0.0.1:0", "--http", "127.0.0.1:0", "--json"];
    const controlPlane = startTulle(["up", ...where, ...any, "--config", config, "--cacerts", authority]);
    commands.push(controlPlane);
    const { http } = JSON.parse(await controlPlane.nextLine()) as { readonly http: string };
    const start = (...args: string[]): void => void commands.push(startTulle(args));
    const gateway = ["gateway", ...where, "--address", "127.0.0.1", "--port", `80=${plain}`, "--port", `8443=${mesh}`];
    start(...gateway, "--json");
    start("run", ...where, "--service", "web", "--service-account", "web", "--", process.execPath, "-e", HTTP);
    const raw = ["--service", "raw", "--service-account", "raw", "--port", "9000", "--protocol", "tcp"];
    start("run", ...where, ...raw, "--", process.execPath, "-e", TCP);
    edge = { plain: plain!, mesh: mesh! };
    await commands[1]!.nextLine();
    interface Registered {
      readonly items: readonly { readonly name: string; readonly inbound: readonly { readonly bindPort: number }[] }[];
    }
    inbound = await eventually("both workloads", 60_000, async () => {
      const { items } = (await (await fetch(`http://${http}/api/v1/workloads`)).json()) as Registered;
      const [web, tcp] = ["web", "raw"].map((name) => items.find((item) => item.name.startsWith(name))?.inbound[0]);
      return web === undefined || tcp === undefined ? undefined : { web: web.bindPort, raw: tcp.bindPort };
    });
  });
  after(async () => {
    for (const command of commands.reverse()) {
      command.kill("SIGTERM");
      await command.ended;
    }
    for (const server of servers) server.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const entrances: Readonly<Record<string, () => number>> = {
    "a sidecar's HTTP": () => inbound["web"]!,
    "a sidecar's TCP": () => inbound["raw"]!,
    "a gateway": () => edge.mesh,
  };
  for (const [name, port] of Object.entries(entrances)) {
    test(`is let in by none: ${name}`, async () => {
      await eventually("the good one is let in", 60_000, async () =>
        (await ask(port(), CLIENTS["good"])).includes("let in"),
      );
      for (const [which, identity] of Object.entries(CLIENTS)) {
        assert.equal((await ask(port(), identity)).includes("let in"), which === "good", which);
        if (which !== "good") assert.equal(await ask(port(), identity), "", which);
      }
    });
  }

  test("is asked for nothing by sidecars, HTTP and TCP", async () => {
    const local = await freePorts(HOSTS.length);
    const upstreams = HOSTS.flatMap((host, i) => ["--upstream", `${host}:81=${local[i]}`]);
    const ports = Object.fromEntries(HOSTS.map((host, i) => [host, local[i]]));
    const who = ["--service", "caller", "--service-account", "caller"];
    const program = [process.execPath, "-e", CALLER, JSON.stringify(ports)];
    const { stdout, stderr } = await startTulle(["run", ...where, ...who, ...upstreams, "--", ...program]).ended;
    const seen = JSON.parse(stdout) as Readonly<Record<string, readonly [string, string]>>;
    for (const host of HOSTS) {
      const [http, tcp] = seen[host]!;
      if (host === "good.test") assert.deepEqual([http, tcp], ["200 let in", "let in"], stderr);
      else {
        assert.match(http, /^503 upstream connect error /, host);
        assert.equal(tcp, "", host);
      }
    }
    assert.deepEqual([...asked], ["good.test"]);
  });

  test("is asked for nothing by gateways", async () => {
    for (const host of HOSTS) {
      if (host === "good.test") assert.equal(await call(edge.plain, host), "200 let in");
      else assert.match(await call(edge.plain, host), /^503 upstream connect error /, host);
    }
    assert.deepEqual([...asked], ["good.test"]);
  });
});
