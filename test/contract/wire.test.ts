/** The same bootstrap file, the same bytes: a stock Envoy and Tulle must answer the same and forward the same (wire-cases.ts). */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { startEnvoy } from "../support/envoy.ts";
import type { RunningEnvoy } from "../support/envoy.ts";
import { freePorts } from "../support/ports.ts";
import { exchange } from "../support/raw-client.ts";
import type { RawExchange } from "../support/raw-client.ts";
import { named, startRecordingBackend } from "../support/recording-backend.ts";
import type { RecordingBackend } from "../support/recording-backend.ts";
import { startTulle } from "../support/tulle-proxy.ts";
import type { RunningTulle } from "../support/tulle-proxy.ts";
import { WIRE_CASES } from "./wire-cases.ts";
import type { WireCase } from "./wire-cases.ts";

interface Seen {
  readonly client: RawExchange;
  readonly backend: readonly string[];
}

let backend: RecordingBackend;
let envoy: RunningEnvoy;
let tulle: RunningTulle;
let ports: { envoy: number; tulle: number };

before(async () => {
  backend = await startRecordingBackend(named("b"));
  const [one, two, refused] = (await freePorts(3)) as [number, number, number];
  ports = { envoy: one, tulle: two };
  envoy = await startEnvoy({ bootstrap: bootstrap(one, refused) });
  tulle = await startTulle(bootstrap(two, refused));
});

after(async () => {
  await tulle?.stop();
  await envoy?.stop();
  await backend?.close();
});

describe("the same bytes get the same answer as from Envoy", () => {
  for (const wireCase of WIRE_CASES) {
    test(wireCase.name, async () => {
      const theirs = await run(ports.envoy, wireCase);
      const ours = await run(ports.tulle, wireCase);
      if (wireCase.stricter === undefined) {
        assert.deepEqual(ours, theirs);
        return;
      }
      assert.match(ours.client.text, /^HTTP\/1\.1 400 /, `stricter on purpose: ${wireCase.stricter}`);
      assert.match(ours.client.text, /^connection: close\r$/m);
      assert.deepEqual(ours.backend, [], "nothing of a refused request reaches the backend");
    });
  }
});

async function run(port: number, { send, finish }: WireCase): Promise<Seen> {
  backend.take();
  const client = await exchange(port, send, { finish: finish ?? false });
  return {
    client: { text: normalised(client.text), end: client.end },
    backend: backend.take().map(({ head, body }) => `${normalised(head)}\n\n${dechunked(head, body)}`),
  };
}

/** Takes out what differs from run to run: dates, generated ids, measured times and the proxies' own ports. */
function normalised(text: string): string {
  return text
    .replace(/^date: .*$/gm, "date: D")
    .replace(/^x-request-id: (?!4b7d3c2a).*$/gm, "x-request-id: R")
    .replace(/^x-envoy-upstream-service-time: \d+$/gm, "x-envoy-upstream-service-time: T");
}

/** Where a chunk ends is not part of a message's meaning. */
function dechunked(head: string, body: string): string {
  if (!/^transfer-encoding: chunked$/m.test(head)) return body;
  return body.replace(/([0-9a-f]+)\r\n/g, (line, size: string) => (size === "0" ? line : "")).replace(/\r\n/g, "|");
}

function bootstrap(port: number, refusedPort: number): object {
  const type = "type.googleapis.com/envoy";
  const cluster = (name: string, endpoints: readonly number[]): object => ({
    name,
    type: "STATIC",
    connect_timeout: "1s",
    load_assignment: {
      cluster_name: name,
      endpoints: [
        {
          lb_endpoints: endpoints.map((portValue) => ({
            endpoint: { address: { socket_address: { address: "127.0.0.1", port_value: portValue } } },
          })),
        },
      ],
    },
  });
  const set = (key: string, value: string, append_action: string): object => ({
    header: { key, value },
    append_action,
  });
  const routes = [
    { match: { prefix: "/redirect" }, redirect: { host_redirect: "c.test", path_redirect: "/to", strip_query: true } },
    { match: { path: "/direct" }, direct_response: { status: 418, body: { inline_string: "teapot" } } },
    { match: { prefix: "/nocluster" }, route: { cluster: "missing" } },
    { match: { prefix: "/refused" }, route: { cluster: "refused" } },
    { match: { prefix: "/empty" }, route: { cluster: "empty" } },
    { match: { prefix: "/rewrite/" }, route: { cluster: "b", prefix_rewrite: "/new/" } },
    { match: { prefix: "/rehost" }, route: { cluster: "b", host_rewrite_literal: "new.test" } },
    {
      match: { prefix: "/headers" },
      route: { cluster: "b" },
      request_headers_to_remove: ["x-remove"],
      request_headers_to_add: [
        set("x-set", "new", "OVERWRITE_IF_EXISTS_OR_ADD"),
        set("x-add", "new", "APPEND_IF_EXISTS_OR_ADD"),
        set("x-absent", "new", "ADD_IF_ABSENT"),
      ],
      response_headers_to_remove: ["content-type"],
      response_headers_to_add: [set("x-answer", "yes", "APPEND_IF_EXISTS_OR_ADD")],
    },
    {
      match: { prefix: "/weighted" },
      route: {
        weighted_clusters: {
          clusters: [
            { name: "b", weight: 1 },
            { name: "missing", weight: 0 },
          ],
        },
      },
    },
    { match: { prefix: "/" }, route: { cluster: "b" } },
  ];
  const manager = {
    "@type": `${type}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager`,
    stat_prefix: "in",
    normalize_path: true,
    route_config: {
      name: "r",
      validate_clusters: false,
      virtual_hosts: [{ name: "v", domains: ["a.test", "b.test"], routes }],
    },
    http_filters: [
      {
        name: "envoy.filters.http.router",
        typed_config: { "@type": `${type}.extensions.filters.http.router.v3.Router` },
      },
    ],
  };
  return {
    node: { id: "n", cluster: "c" },
    static_resources: {
      listeners: [
        {
          name: "l",
          address: { socket_address: { address: "127.0.0.1", port_value: port } },
          filter_chains: [{ filters: [{ name: "hcm", typed_config: manager }] }],
        },
      ],
      clusters: [cluster("b", [backend.port]), cluster("refused", [refusedPort]), cluster("empty", [])],
    },
  };
}
