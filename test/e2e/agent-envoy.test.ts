/** `tulle agent` beside a stock Envoy: secrets by both variants of SDS, renewal without a restart, xDS by the agent's way. */
import assert from "node:assert/strict";
import type { X509Certificate } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "node:tls";
import { after, before, describe, test } from "node:test";
import { findEnvoy, startEnvoy } from "../support/envoy.ts";
import type { RunningEnvoy } from "../support/envoy.ts";
import { freePorts } from "../support/ports.ts";
import { eventually, startTulle, tulle } from "./support/tulle.ts";
import type { RunningTulle } from "./support/tulle.ts";

interface Bootstrap {
  admin: object;
  node: { metadata: { TULLE: { http_proxy: object } } };
  static_resources: { clusters: object[]; listeners?: object[] };
}

/** A listener with the workload's certificate, which wants one of the mesh from its clients. */
function tlsListener(port: number): object {
  const secret = (name: string, api_type: string): object => ({
    name,
    sds_config: {
      resource_api_version: "V3",
      api_config_source: {
        api_type,
        transport_api_version: "V3",
        grpc_services: [{ envoy_grpc: { cluster_name: "sds-grpc" } }],
      },
    },
  });
  const type = (name: string): string => `type.googleapis.com/envoy.extensions.${name}`;
  const route = { match: { prefix: "/" }, direct_response: { status: 200 } };
  return {
    name: "tls",
    address: { socket_address: { address: "127.0.0.1", port_value: port } },
    filter_chains: [
      {
        filters: [
          {
            name: "http",
            typed_config: {
              "@type": type("filters.network.http_connection_manager.v3.HttpConnectionManager"),
              stat_prefix: "tls",
              route_config: { virtual_hosts: [{ name: "all", domains: ["*"], routes: [route] }] },
              http_filters: [{ name: "router", typed_config: { "@type": type("filters.http.router.v3.Router") } }],
            },
          },
        ],
        transport_socket: {
          name: "tls",
          typed_config: {
            "@type": type("transport_sockets.tls.v3.DownstreamTlsContext"),
            require_client_certificate: true,
            common_tls_context: {
              tls_certificate_sds_secret_configs: [secret("default", "GRPC")],
              validation_context_sds_secret_config: secret("ROOTCA", "DELTA_GRPC"),
            },
          },
        },
      },
    ],
  };
}

describe("Envoy beside tulle agent", { skip: findEnvoy() === undefined }, () => {
  const folder = mkdtempSync(join(tmpdir(), "tulle-e2e-agent-"));
  const stateDir = join(folder, "state");
  const directory = join(folder, "agent");
  let controlPlane: RunningTulle;
  let agent: RunningTulle;
  let envoy: RunningEnvoy;
  let http: string;
  let status: number;
  let port: number;
  before(async () => {
    let proxyPort: number;
    [status, port, proxyPort] = (await freePorts(3)) as [number, number, number];
    const ports = ["--xds", "127.0.0.1:0", "--http", "127.0.0.1:0", "--cert-ttl", "20s"];
    controlPlane = startTulle(["up", "--state-dir", stateDir, ...ports, "--json"]);
    ({ http } = JSON.parse(await controlPlane.nextLine()) as { http: string });
    const who = ["--service", "reviews", "--service-account", "reviews"];
    agent = startTulle([
      "agent",
      ...who,
      "--state-dir",
      stateDir,
      "--directory",
      directory,
      "--status",
      `127.0.0.1:${status}`,
    ]);
    const { bootstrap } = JSON.parse(await agent.nextLine()) as { bootstrap: string };
    const config = JSON.parse(readFileSync(bootstrap, "utf8")) as Bootstrap;
    // Its usual ports may be taken on a machine that runs tests.
    config.admin = { address: { socket_address: { address: "127.0.0.1", port_value: 0 } } };
    config.node.metadata.TULLE.http_proxy = { address: "127.0.0.1", port: proxyPort };
    config.static_resources.listeners = [tlsListener(port)];
    envoy = await startEnvoy({ bootstrap: config });
  });
  after(async () => {
    await envoy?.stop();
    agent.kill("SIGTERM");
    controlPlane.kill("SIGTERM");
    await Promise.all([agent.ended, controlPlane.ended]);
    rmSync(folder, { recursive: true, force: true });
  });
  const shown = (): Promise<X509Certificate> =>
    new Promise((resolve, reject) => {
      const socket = connect(
        {
          host: "127.0.0.1",
          port,
          ca: readFileSync(join(stateDir, "root-cert.pem")),
          checkServerIdentity: () => undefined,
        },
        () => {
          assert.equal(socket.authorized, true);
          resolve(socket.getPeerX509Certificate()!);
          socket.destroy();
        },
      );
      socket.once("error", reject);
    });

  test("shows the workload's certificate, whose chain leads to the mesh's root", async () => {
    const certificate = await shown();
    assert.equal(certificate.subjectAltName, "URI:spiffe://cluster.local/ns/default/sa/reviews");
    const certs = await envoy.admin("/certs");
    assert.match(certs, /spiffe:\/\/cluster\.local\/ns\/default\/sa\/reviews/);
    assert.match(certs, /"ca_cert": \[\s*\{/);
  });

  test("gets the next certificate without a restart", async () => {
    const first = await shown();
    await eventually("another certificate", 60_000, async () => (await shown()).serialNumber !== first.serialNumber);
  });

  test("is known to the control plane by what it has proved", async () => {
    const { stdout } = await tulle("proxies", "--http", http);
    assert.match(stdout, /^reviews-\w{5}\.default .* mTLS +cluster\.local\/ns\/default\/sa\/reviews .* envoy\/1\./m);
  });

  test("the agent tells how long the certificate lives, and that it is ready", async () => {
    const get = async (path: string): Promise<string> => (await fetch(`http://127.0.0.1:${status}${path}`)).text();
    assert.equal(await get("/healthz/ready"), "ready\n");
    const [, seconds] = /istio_agent_cert_expiry_seconds\{resource_name="default"\} (\S+)/.exec(await get("/metrics"))!;
    assert.ok(Number(seconds) > 0 && Number(seconds) <= 20);
  });
});
