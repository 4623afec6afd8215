/** gRPC calls of the proxy's own (ext_authz) to endpoints of a cluster: what the server sees, TLS, failures, limits, statistics; on Envoy and on Tulle. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import {
  createSecureServer,
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { startEnvoy } from "../support/envoy.ts";
import { freePorts } from "../support/ports.ts";
import { startTulle } from "../support/tulle-proxy.ts";

const pem = (file: string): string => readFileSync(new URL(`../support/certificates/${file}`, import.meta.url), "utf8");

/** What the servers do with the next calls. */
type Behaviour = (stream: ServerHttp2Stream, session: ServerHttp2Session) => void;

const OK: Behaviour = (stream) => {
  stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
  stream.once("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
  stream.end(Buffer.alloc(5));
};
const trailersOnly =
  (status: string): Behaviour =>
  (stream) =>
    stream.respond({ ":status": 200, "content-type": "application/grpc", "grpc-status": status }, { endStream: true });
const plain =
  (status: number): Behaviour =>
  (stream) =>
    stream.respond({ ":status": status }, { endStream: true });
const bytes =
  (body: Buffer): Behaviour =>
  (stream) => {
    stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
    stream.once("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
    stream.end(body);
  };
const RESET: Behaviour = (stream) => stream.close(2);
const DROP: Behaviour = (_, session) => session.socket.destroy();
const GOAWAY: Behaviour = (stream, session) => {
  OK(stream, session);
  session.goaway();
};
const SILENT: Behaviour = () => {};

let behaviour: Behaviour = OK;
let seen: IncomingHttpHeaders[] = [];
const sessions = new Set<ServerHttp2Session>();
const servers: Http2Server[] = [];

function listening(server: Http2Server): Promise<number> {
  server.on("session", (session) => {
    sessions.add(session);
    session.on("close", () => sessions.delete(session));
    session.on("error", () => {});
  });
  server.on("stream", (stream, headers) => {
    stream.on("error", () => {});
    seen.push({ ...headers });
    behaviour(stream, stream.session as ServerHttp2Session);
  });
  server.on("sessionError", () => {});
  servers.push(server);
  server.listen(0, "127.0.0.1");
  return once(server, "listening").then(() => (server.address() as AddressInfo).port);
}

const typed = (type: string, fields: object = {}): object => ({
  "@type": `type.googleapis.com/envoy.${type}`,
  ...fields,
});
const address = (port_value: number): object => ({ socket_address: { address: "127.0.0.1", port_value } });
const inline = (file: string): object => ({ inline_string: pem(file) });

function tls(context: object, fields: object = {}): object {
  const typed_config = typed("extensions.transport_sockets.tls.v3.UpstreamTlsContext", {
    common_tls_context: context,
    ...fields,
  });
  return { transport_socket: { name: "tls", typed_config } };
}

const TRUSTED = { trusted_ca: inline("ca.pem") };
const NAMED = { match_typed_subject_alt_names: [{ san_type: "DNS", matcher: { exact: "server.test" } }] };
const CLIENT = [{ certificate_chain: inline("client.pem"), private_key: inline("client.key") }];

/** More fields of the cluster, and which server it is of. */
interface Place {
  readonly server: "plain" | "tls" | "mutual" | "nobody" | "none";
  readonly cluster?: object;
}

const OUTLIER = { consecutive_5xx: 3, interval: "10s", base_ejection_time: "60s", max_ejection_percent: 100 };

const PLACES: Readonly<Record<string, Place>> = {
  plain: { server: "plain" },
  nobody: { server: "nobody" },
  none: { server: "none" },
  limited: { server: "plain", cluster: { circuit_breakers: { thresholds: [{ max_requests: 1 }] } } },
  closed: { server: "plain", cluster: { circuit_breakers: { thresholds: [{ max_pending_requests: 0 }] } } },
  once: { server: "plain", cluster: { once: true } },
  outlier: { server: "plain", cluster: { outlier_detection: OUTLIER } },
  "outlier nobody": { server: "nobody", cluster: { outlier_detection: OUTLIER } },
  tls: { server: "tls", cluster: tls({ validation_context: { ...TRUSTED, ...NAMED } }, { sni: "server.test" }) },
  unverified: { server: "tls", cluster: tls({}) },
  mutual: { server: "mutual", cluster: tls({ tls_certificates: CLIENT, validation_context: TRUSTED }) },
  anonymous: { server: "mutual", cluster: tls({ validation_context: TRUSTED }) },
  distrusted: { server: "tls", cluster: tls({ validation_context: { trusted_ca: inline("other-ca.pem") } }) },
  misnamed: {
    server: "tls",
    cluster: tls({
      validation_context: {
        ...TRUSTED,
        match_typed_subject_alt_names: [{ san_type: "DNS", matcher: { exact: "other.test" } }],
      },
    }),
  },
  "plain to tls": { server: "tls" },
  "tls to plain": { server: "plain", cluster: tls({ validation_context: TRUSTED }) },
};

function clusterOf(name: string, { server, cluster = {} }: Place, ports: Readonly<Record<string, number>>): object {
  const { once: isOnce = false, ...fields } = cluster as { once?: boolean };
  const port = ports[server];
  const lb_endpoints = port === undefined ? [] : [{ endpoint: { address: address(port) } }];
  return {
    name,
    type: "STATIC",
    connect_timeout: "1s",
    load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints }] },
    typed_extension_protocol_options: {
      "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": typed(
        "extensions.upstreams.http.v3.HttpProtocolOptions",
        {
          explicit_http_config: { http2_protocol_options: {} },
          ...(isOnce ? { common_http_protocol_options: { max_requests_per_connection: 1 } } : {}),
        },
      ),
    },
    ...fields,
  };
}

function listenerOf(name: string, port: number): object {
  const virtual_hosts = [
    { name: "v", domains: ["*"], routes: [{ match: { prefix: "/" }, direct_response: { status: 200 } }] },
  ];
  const manager = typed("extensions.filters.network.http_connection_manager.v3.HttpConnectionManager", {
    stat_prefix: "in",
    route_config: { virtual_hosts },
    http_filters: [
      {
        name: "envoy.filters.http.ext_authz",
        typed_config: typed("extensions.filters.http.ext_authz.v3.ExtAuthz", {
          grpc_service: { envoy_grpc: { cluster_name: name, authority: "authz.test" }, timeout: "2s" },
          transport_api_version: "V3",
        }),
      },
      { name: "envoy.filters.http.router", typed_config: typed("extensions.filters.http.router.v3.Router") },
    ],
  });
  return { name, address: address(port), filter_chains: [{ filters: [{ name: "m", typed_config: manager }] }] };
}

interface Subject {
  readonly name: string;
  readonly ports: Readonly<Record<string, number>>;
  readonly admin: (path: string) => Promise<string>;
  readonly stop: () => Promise<void>;
}
const subjects: Subject[] = [];

before(async () => {
  const secure = { cert: pem("server.pem"), key: pem("server.key") };
  const [nobody = 0] = await freePorts(1);
  const servers = {
    plain: await listening(createServer()),
    tls: await listening(createSecureServer(secure) as unknown as Http2Server),
    mutual: await listening(
      createSecureServer({
        ...secure,
        ca: pem("ca.pem"),
        requestCert: true,
        rejectUnauthorized: true,
      }) as unknown as Http2Server,
    ),
    nobody,
  };
  const names = Object.keys(PLACES);
  for (const name of ["Envoy", "Tulle"]) {
    const free = await freePorts(names.length);
    const ports = Object.fromEntries(names.map((each, i) => [each, free[i]!]));
    const bootstrap = {
      admin: { address: address(0) },
      static_resources: {
        listeners: names.map((each) => listenerOf(each, ports[each]!)),
        clusters: names.map((each) => clusterOf(each, PLACES[each]!, servers)),
      },
    };
    const started = name === "Envoy" ? await startEnvoy({ bootstrap }) : await startTulle(bootstrap);
    subjects.push({ name, ports, admin: started.admin, stop: () => started.stop() });
  }
});

after(async () => {
  for (const subject of subjects) await subject.stop();
  for (const session of sessions) session.destroy();
  for (const server of servers) server.close();
});

const STATS = [
  ...[
    "total",
    "http2_total",
    "connect_fail",
    "none_healthy",
    "destroy",
    "destroy_local",
    "destroy_remote",
    "destroy_with_active_rq",
    "destroy_remote_with_active_rq",
    "max_requests",
  ].map((each) => `upstream_cx_${each}`),
  ...["total", "200", "403", "503", "504", "completed", "timeout", "active", "pending_total", "pending_active"].map(
    (each) => `upstream_rq_${each}`,
  ),
  ...["pending_overflow", "pending_failure_eject", "active_overflow"].map((each) => `upstream_rq_${each}`),
  "internal.upstream_rq_200",
  "outlier_detection.ejections_enforced_total",
  "outlier_detection.ejections_enforced_consecutive_5xx",
  "ssl.handshake",
  "ssl.connection_error",
  "ssl.fail_verify_error",
  "ssl.fail_verify_san",
];

async function statsOf({ admin }: Subject, place: string): Promise<Record<string, number>> {
  const text = await admin(`/stats?filter=${encodeURIComponent(`^cluster\\.${place}\\.`)}`);
  const all = new Map(
    text.split("\n").map((line) => line.slice(`cluster.${place}.`.length).split(": ") as [string, string]),
  );
  return Object.fromEntries(
    STATS.flatMap((name) => {
      const value = Number(all.get(name) ?? 0);
      return value === 0 ? [] : [[name, value]];
    }),
  );
}

/** What is counted once nothing more has been for a tenth of a second. */
async function settled(subject: Subject, place: string): Promise<Record<string, number>> {
  for (let before = await statsOf(subject, place); ;) {
    await delay(100);
    const now = await statsOf(subject, place);
    if (isDeepStrictEqual(now, before)) return now;
    before = now;
  }
}

interface Seen {
  readonly statuses: readonly number[];
  readonly calls: readonly IncomingHttpHeaders[];
  readonly stats: Record<string, number>;
}

/** The calls one after another, each of as many requests at once as there are. */
async function onBoth(
  place: string,
  what: Behaviour | readonly Behaviour[],
  requests: readonly number[],
): Promise<Seen> {
  const results: Seen[] = [];
  for (const subject of subjects) {
    const turns = typeof what === "function" ? [what] : what;
    let calls = 0;
    seen = [];
    behaviour = (stream, session) => turns[Math.min(calls++, turns.length - 1)]!(stream, session);
    const statuses: number[] = [];
    for (const together of requests) {
      const asked = Array.from({ length: together }, async () => {
        const response = await fetch(`http://127.0.0.1:${subject.ports[place]}/p`, {
          headers: { connection: "close" },
        });
        await response.arrayBuffer();
        return response.status;
      });
      statuses.push(...(await Promise.all(asked)).sort((a, b) => a - b));
      await settled(subject, place);
    }
    results.push({ statuses, calls: seen.map(plainHeaders), stats: await settled(subject, place) });
  }
  // What ends with a connection is counted a moment later, on a busy machine even later than that.
  for (let turn = 0; turn < 300 && !isDeepStrictEqual(results[1], results[0]); turn++) {
    await delay(100);
    for (const [index, subject] of subjects.entries()) {
      results[index] = { ...results[index]!, stats: await statsOf(subject, place) };
    }
  }
  assert.deepEqual(results[1], results[0]);
  return results[0]!;
}

function plainHeaders(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  // The node's own address.
  const { "x-forwarded-for": from, ...rest } = headers;
  assert.match(String(from), /^[\d.:a-f]+$/);
  return rest;
}

test("what the server is told, on one connection for all", async () => {
  const { statuses, calls, stats } = await onBoth("plain", OK, [1, 1, 20]);
  assert.ok(statuses.every((status) => status === 200));
  assert.equal(stats["upstream_cx_total"], 1);
  assert.deepEqual(Object.keys(calls[0]!).slice(0, 7), [
    ":method",
    ":path",
    ":authority",
    ":scheme",
    "te",
    "grpc-timeout",
    "content-type",
  ]);
});

for (const [name, what] of Object.entries({
  "a status of gRPC": trailersOnly("7"),
  "gRPC's OK, and no message": trailersOnly("0"),
  "a status of HTTP": plain(503),
  "HTTP's OK, and nothing of gRPC": plain(200),
  "a compressed message": bytes(Buffer.from([1, 0, 0, 0, 1, 0])),
  "half a message": bytes(Buffer.from([0, 0, 0, 0, 9, 1])),
  "no message": bytes(Buffer.alloc(0)),
  "a refusal after a permission": bytes(Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 10, 2, 8, 7])),
  "what is no message of that kind": bytes(Buffer.from([0, 0, 0, 0, 2, 0xff, 0xff])),
  "the stream's end": RESET,
  "the connection's end": DROP,
} satisfies Record<string, Behaviour>)) {
  test(`an answer that is none: ${name}`, async () => {
    const { statuses } = await onBoth("plain", what, [1]);
    assert.deepEqual(statuses, [403]);
  });
}

for (const [name, what] of Object.entries({
  "a permission after a refusal": bytes(Buffer.from([0, 0, 0, 0, 4, 10, 2, 8, 7, 0, 0, 0, 0, 0])),
  "nothing, compressed": bytes(Buffer.from([1, 0, 0, 0, 0])),
  "half a message after a whole one": bytes(Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, 0, 9])),
} satisfies Record<string, Behaviour>)) {
  test(`an answer all the same: ${name}`, async () => {
    const { statuses } = await onBoth("plain", what, [1]);
    assert.deepEqual(statuses, [200]);
  });
}

test("after that the next call is answered", async () => {
  assert.deepEqual((await onBoth("plain", OK, [1])).statuses, [200]);
});

test("no answer in time", async () => {
  assert.deepEqual((await onBoth("plain", SILENT, [2])).statuses, [403, 403]);
});

test("a server that says that it goes: the call under way is answered, the next is on another connection", async () => {
  const { statuses, stats } = await onBoth("once", [GOAWAY, OK], [1, 1]);
  assert.deepEqual(statuses, [200, 200]);
  assert.equal(stats["upstream_cx_total"], 2);
});

test("nobody listens; nobody is there", async () => {
  assert.deepEqual((await onBoth("nobody", OK, [1, 1])).statuses, [403, 403]);
  assert.deepEqual((await onBoth("none", OK, [1])).statuses, [403]);
});

test("outlier detection: answers that are errors, and none at all", async () => {
  const { stats } = await onBoth("outlier", [trailersOnly("14"), plain(503), RESET, OK], [1, 1, 1, 1]);
  assert.equal(stats["outlier_detection.ejections_enforced_total"], 1);
  await onBoth("outlier nobody", OK, [1, 1, 1, 1]);
});

test("circuit breakers: requests", async () => {
  await onBoth("limited", OK, [1]);
  const { statuses } = await onBoth("limited", SILENT, [3]);
  assert.deepEqual(statuses, [403, 403, 403]);
});

test("circuit breakers: none may wait for a connection", async () => {
  assert.deepEqual((await onBoth("closed", OK, [1])).statuses, [403]);
});

for (const [place, expected] of Object.entries({
  tls: 200,
  unverified: 200,
  mutual: 200,
  anonymous: 403,
  distrusted: 403,
  misnamed: 403,
  "plain to tls": 403,
  "tls to plain": 403,
})) {
  test(`over TLS: ${place}`, async () => {
    const { statuses } = await onBoth(place, OK, [1, 1]);
    assert.deepEqual(statuses, [expected, expected]);
  });
}
