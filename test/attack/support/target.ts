/** A proxy between a raw client and a backend that keeps every byte it gets: whatever is refused must not be among them. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Proxy, createLog, startProxy } from "@tulle/proxy";
import { exchange, responsesIn } from "../../support/raw-client.ts";
import { type RecordingBackend, type Script, named, startRecordingBackend } from "../../support/recording-backend.ts";

const HCM = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
const ROUTER = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router";

export interface Target {
  readonly port: number;
  readonly backend: RecordingBackend;
  readonly proxy: Proxy;
  /** Errors that the proxy logged; must be empty. */
  readonly errors: string[];
  close(): Promise<void>;
}

/** What an upstream that misbehaves answers to every request. */
export interface Misbehaviour {
  readonly answer: string;
  /** It closes the connection then. */
  readonly end?: boolean;
}

/**
 * @param manager fields of the connection manager, in Envoy's JSON
 * @param upstream instead of the recording backend's regular answers
 * @param bootstrap more fields of the bootstrap
 * @param listener more fields of the listener
 * @param filterChain more fields of its filter chain
 */
export async function startTarget(
  manager: object = {},
  upstream: Misbehaviour | Script = named("b"),
  bootstrap: object = {},
  listener: object = {},
  filterChain: object = {},
): Promise<Target> {
  const backend =
    typeof upstream === "function" ? await startRecordingBackend(upstream) : await startMisbehaving(upstream);
  const folder = mkdtempSync(join(tmpdir(), "tulle-attack-"));
  const file = join(folder, "bootstrap.json");
  const address = (port: number): object => ({ socket_address: { address: "127.0.0.1", port_value: port } });
  writeFileSync(
    file,
    JSON.stringify({
      node: { id: "attack", cluster: "attack" },
      ...bootstrap,
      static_resources: {
        listeners: [
          {
            name: "l",
            address: address(0),
            filter_chains: [
              {
                filters: [
                  {
                    name: "hcm",
                    typed_config: {
                      "@type": HCM,
                      stat_prefix: "attack",
                      route_config: {
                        virtual_hosts: [
                          {
                            name: "all",
                            domains: ["*"],
                            routes: [{ match: { prefix: "/" }, route: { cluster: "b" } }],
                          },
                        ],
                      },
                      http_filters: [{ name: "router", typed_config: { "@type": ROUTER } }],
                      ...manager,
                    },
                  },
                ],
                ...filterChain,
              },
            ],
            ...listener,
          },
        ],
        clusters: [
          {
            name: "b",
            type: "STATIC",
            load_assignment: {
              cluster_name: "b",
              endpoints: [{ lb_endpoints: [{ endpoint: { address: address(backend.port) } }] }],
            },
          },
        ],
      },
    }),
  );
  const errors: string[] = [];
  const log = createLog({ level: "error", write: (line) => errors.push(line), now: () => new Date() });
  const proxy = await startProxy({ bootstrap: { file }, log });
  await proxy.ready;
  rmSync(folder, { recursive: true, force: true });
  const [bound] = proxy.listenerAddresses();
  assert.ok(bound, "the listener is up");
  return {
    port: bound.port,
    backend,
    proxy,
    errors,
    close: async () => {
      await proxy.close();
      await backend.close();
      assert.deepEqual(errors, []);
    },
  };
}

async function startMisbehaving({ answer, end = false }: Misbehaviour): Promise<RecordingBackend> {
  const server = createServer((socket) => {
    socket.on("error", () => socket.destroy());
    socket.on("data", () => {
      socket.write(answer, "latin1");
      if (end) socket.end();
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  assert.ok(address !== null && typeof address !== "string");
  return {
    port: address.port,
    take: () => [],
    takeBytes: () => "",
    close: async () => {
      server.close();
    },
  };
}

const GOOD = "GET /canary HTTP/1.1\r\nHost: h\r\n\r\n";

/** Sends bytes that must be refused with `status`; nothing of them may reach the backend, and the next client is served. */
export async function assertRefused(
  target: Target,
  segments: string | readonly string[],
  status: number,
): Promise<void> {
  target.backend.takeBytes();
  const { text } = await exchange(target.port, segments, { idleMs: 60 });
  const [first, ...more] = responsesIn(text);
  assert.equal(first?.status, status);
  assert.equal(more.length, 0, "one answer, and no second request");
  assert.ok(first.headers.includes("connection: close"));
  assert.equal(target.backend.takeBytes(), "", "the backend saw nothing");
  await assertServes(target);
}

/** A request of somebody else passes, unmixed with anything. */
export async function assertServes(target: Target): Promise<void> {
  target.backend.takeBytes();
  const { text } = await exchange(target.port, GOOD, { until: (received) => received.endsWith("\r\n\r\nb") });
  assert.equal(responsesIn(text)[0]?.status, 200);
  const seen = target.backend.take();
  assert.equal(seen.length, 1);
  assert.match(seen[0]?.head ?? "", /^GET \/canary HTTP\/1\.1\r\nhost: h\r\n/);
}
