/**
 * What an init container and a sidecar do in a pod: `tulle capture-rules --apply`, then a proxy of its own user, ours or a stock Envoy, that
 * the control plane knows to be captured (INTERCEPTION_MODE). With iptables and nft, REDIRECT and TPROXY.
 */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { findEnvoy } from "../support/envoy.ts";
import { Namespace, whyNoNamespaces } from "./support/namespaces.ts";
import { eventually } from "./support/tulle.ts";

const TULLE = join(import.meta.dirname, "../../packages/cli/bin/tulle.js");

const CONFIG = `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: web }
spec:
  hosts: [ web.example ]
  addresses: [ 10.200.0.1, "fd00:200::1" ]
  ports: [ { number: 80, name: http, protocol: HTTP }, { number: 9000, name: tcp, protocol: TCP } ]
  resolution: STATIC
  location: MESH_INTERNAL
  endpoints: [ { address: 10.99.0.2, ports: { http: 8080, tcp: 8080 } } ]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: web }
spec:
  hosts: [ web.example ]
  http:
    - match: [ { uri: { prefix: /teapot } } ]
      directResponse: { status: 418 }
    - route: [ { destination: { host: web.example, port: { number: 80 } } } ]
      headers: { response: { add: { x-mesh: "through" } } }
`;

function bootstrap(mode: string): object {
  const ads = { ads: {}, resource_api_version: "V3" };
  const http2 = "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
  const xds = { socket_address: { address: "127.0.0.1", port_value: 15_010 } };
  return {
    node: {
      id: "sidecar~10.99.0.1~app-x.default~default.svc.cluster.local",
      cluster: "app.default",
      metadata: {
        NAMESPACE: "default",
        WORKLOAD_NAME: "app",
        INTERCEPTION_MODE: mode,
        INSTANCE_IPS: "10.99.0.1,fd99::1",
        TULLE: {
          service: "app",
          inbound: [{ port: 9090, protocol: "auto", address: "10.99.0.1", bind_port: 9090, app_port: 9090 }],
        },
      },
    },
    admin: { address: { socket_address: { address: "127.0.0.1", port_value: 15_000 } } },
    dynamic_resources: {
      ads_config: {
        api_type: "DELTA_GRPC",
        transport_api_version: "V3",
        grpc_services: [{ envoy_grpc: { cluster_name: "xds" } }],
      },
      cds_config: ads,
      lds_config: ads,
    },
    static_resources: {
      clusters: [
        {
          name: "xds",
          type: "STATIC",
          connect_timeout: "1s",
          typed_extension_protocol_options: {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
              "@type": http2,
              explicit_http_config: { http2_protocol_options: {} },
            },
          },
          load_assignment: {
            cluster_name: "xds",
            endpoints: [{ lb_endpoints: [{ endpoint: { address: xds } }] }],
          },
        },
      ],
    },
  };
}

describe("a proxy behind capture rules", { skip: whyNoNamespaces(["curl", "python3", "setpriv"]) }, () => {
  const folder = mkdtempSync(join(tmpdir(), "tulle-pod-"));
  const [pod, world] = [new Namespace(), new Namespace()];
  const running: ChildProcess[] = [];

  const start = (where: Namespace, ...command: readonly string[]): ChildProcess => {
    const child = spawn("ip", ["netns", "exec", where.name, ...command], { stdio: "ignore" });
    running.push(child);
    return child;
  };
  const curl = (from: Namespace, ...args: readonly string[]): { status: number | null; stdout: string } =>
    spawnSync("ip", ["netns", "exec", from.name, "curl", "-sS", "-g", "-i", "-m", "30", ...args], { encoding: "utf8" });

  before(async () => {
    pod.create();
    world.create();
    pod.exec("ip", "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", world.name);
    for (const [ns, other, own] of [
      [pod, 2, 1],
      [world, 1, 2],
    ] as const) {
      ns.exec("ip", "address", "add", `10.99.0.${own}/24`, "dev", "eth0");
      ns.exec("ip", "address", "add", `fd99::${own}/64`, "dev", "eth0", "nodad");
      ns.exec("ip", "link", "set", "eth0", "up");
      ns.exec("ip", "route", "add", "default", "via", `10.99.0.${other}`);
      ns.exec("ip", "-6", "route", "add", "default", "via", `fd99::${other}`);
    }
    const config = join(folder, "config");
    mkdirSync(config);
    // The proxy is another user.
    chmodSync(folder, 0o755);
    writeFileSync(join(config, "mesh.yaml"), CONFIG);
    start(world, "python3", "-m", "http.server", "8080", "--bind", "::", "-d", config);
    start(pod, "python3", "-m", "http.server", "9090", "--bind", "::", "-d", config);
    start(
      pod,
      process.execPath,
      TULLE,
      ...`up --config ${config} --state-dir ${folder}/state --xds 127.0.0.1:15010 --http 127.0.0.1:15014`.split(" "),
    );
    const answers = (from: Namespace, url: string): Promise<unknown> =>
      eventually(url, 60_000, () => curl(from, url).status === 0);
    await Promise.all([
      answers(world, "http://10.99.0.2:8080/"),
      answers(pod, "http://10.99.0.1:9090/"),
      answers(pod, "http://127.0.0.1:15014/"),
    ]);
  });
  after(() => {
    for (const child of running) child.kill("SIGTERM");
    pod.remove();
    world.remove();
    rmSync(folder, { recursive: true });
  });

  const envoy = findEnvoy();
  const proxies = {
    tulle: [process.execPath, TULLE, "proxy", "--log-level", "error", "-c"],
    ...(envoy === undefined
      ? {}
      : { envoy: [envoy, "--disable-hot-restart", "--concurrency", "1", "-l", "off", "-c"] }),
  };
  for (const [name, command] of Object.entries(proxies)) {
    for (const [rules, mode] of [
      ["iptables", "REDIRECT"],
      ["nft", "REDIRECT"],
      ["iptables", "TPROXY"],
      ["nft", "TPROXY"],
    ] as const) {
      test(`${name}, ${rules}, ${mode}`, async (t) => {
        const file = join(folder, `${name}-${mode}.json`);
        writeFileSync(file, JSON.stringify(bootstrap(mode)));
        const capture = (...args: readonly string[]): string =>
          pod.exec(process.execPath, TULLE, "capture-rules", "--rules", rules, ...args);
        capture("--apply", "-m", mode);
        const caps = mode === "TPROXY" ? "--inh-caps +net_admin --ambient-caps +net_admin" : "";
        const proxy = start(
          pod,
          ...`setpriv --reuid 1337 --regid 1337 --clear-groups ${caps} env HOME=/nowhere`.split(/ +/),
          ...command,
          file,
        );
        t.after(async () => {
          const ended = new Promise((resolve) => proxy.once("exit", resolve));
          if (proxy.exitCode === null && proxy.kill("SIGKILL")) await ended;
          capture("--cleanup");
        });
        await eventually("listeners", 60_000, () => {
          const { stdout } = curl(pod, "http://127.0.0.1:15000/listeners");
          return stdout.includes("virtualInbound") && stdout.includes("10.200.0.1_9000");
        });

        const routed = await eventually("a route", 60_000, () => {
          const answer = curl(pod, "-H", "Host: web.example", "http://10.200.0.1/");
          return answer.stdout.includes("200 OK") && answer;
        });
        assert.match(routed.stdout, /^x-mesh: through\r$/m);
        assert.match(curl(pod, "-H", "Host: web.example", "http://[fd00:200::1]/teapot").stdout, /^HTTP\/1\.1 418 /);
        assert.match(curl(pod, "http://10.200.0.1:9000/").stdout, /^HTTP\/1\.0 200 OK/, "TCP, by the address");
        assert.match(curl(pod, "http://10.99.0.2:8080/").stdout, /^HTTP\/1\.0 200 OK/, "passed through");
        assert.match(curl(pod, "http://[fd99::2]:8080/").stdout, /^HTTP\/1\.0 200 OK/, "passed through, IPv6");
        assert.notEqual(curl(pod, "http://127.0.0.1:15001/").status, 0, "nothing goes round and round");

        for (const url of ["http://10.99.0.1:9090/", "http://[fd99::1]:9090/"]) {
          const { stdout } = curl(world, url);
          assert.match(stdout, /^HTTP\/1\.1 200 OK/, url);
          assert.match(stdout, /^x-envoy-upstream-service-time: /m, url);
        }
        const stats = curl(pod, "http://127.0.0.1:15000/stats").stdout;
        const counted = (stat: string): string | undefined => new RegExp(`^${stat}: (.*)$`, "m").exec(stats)?.[1];
        assert.equal(counted("cluster\\.PassthroughCluster\\.upstream_cx_total"), "2");
        assert.equal(counted("cluster\\.outbound\\|9000\\|\\|web\\.example\\.upstream_cx_total"), "1");
        assert.equal(counted("cluster\\.inbound\\|9090\\|\\|\\.upstream_rq_total"), "2");
      });
    }
  }
});
