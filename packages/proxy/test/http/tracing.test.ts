/** Spans of real requests, as a collector gets them over HTTP. */
import assert from "node:assert/strict";
import { type IncomingHttpHeaders, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { fromJson, type JsonObject, type JsonValue } from "@bufbuild/protobuf";
import { BootstrapSchema } from "@tulle/xds/gen/envoy/config/bootstrap/v3/bootstrap_pb.js";
import { extensionRegistry } from "../../src/plan/schemas.ts";
import { startProxy } from "../../src/proxy.ts";
import { ROUTER_FILTER, listenerJson, set } from "../plan/support.ts";
import { type Client, connectClient, startBackend, until } from "../support/proxy.ts";

interface ZipkinSpan {
  readonly traceId: string;
  readonly id: string;
  readonly parentId?: string;
  readonly kind: string;
  readonly name: string;
  readonly timestamp: number;
  readonly duration: number;
  readonly tags: Readonly<Record<string, string>>;
}

class Collector {
  readonly spans: ZipkinSpan[] = [];
  readonly headers: IncomingHttpHeaders[] = [];
  port = 0;
}

async function startCollector(t: TestContext): Promise<Collector> {
  const collector = new Collector();
  const server = createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8").on("data", (chunk: string) => (body += chunk));
    request.on("end", () => {
      collector.headers.push(request.headers);
      collector.spans.push(...(JSON.parse(body) as ZipkinSpan[]));
      response.writeHead(202).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  collector.port = (server.address() as AddressInfo).port;
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return collector;
}

const ZIPKIN = {
  "@type": "type.googleapis.com/envoy.config.trace.v3.ZipkinConfig",
  collector_cluster: "z",
  collector_endpoint: "/api/v2/spans",
  collector_endpoint_version: "HTTP_JSON",
};

const cluster = (name: string, port: number): JsonObject => ({
  name,
  type: "STATIC",
  load_assignment: {
    cluster_name: name,
    endpoints: [
      { lb_endpoints: [{ endpoint: { address: { socket_address: { address: "127.0.0.1", port_value: port } } } }] },
    ],
  },
});

const HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
const TRAILERS = { http_protocol_options: { enable_trailers: true } };
/** A cluster whose answers may have trailers. */
const WITH_TRAILERS = {
  typed_extension_protocol_options: {
    [HTTP_OPTIONS]: { "@type": `type.googleapis.com/${HTTP_OPTIONS}`, explicit_http_config: TRAILERS },
  },
};

/** @param route how the only route answers */
async function start(
  t: TestContext,
  tracing: { [field: string]: JsonValue },
  route: { [field: string]: JsonValue } = { route: { cluster: "b" } },
) {
  const backend = await startBackend(t);
  const collector = await startCollector(t);
  const listener = listenerJson({
    ...TRAILERS,
    tracing: { provider: { name: "zipkin", typed_config: ZIPKIN }, ...tracing },
    http_filters: [ROUTER_FILTER],
    route_config: {
      name: "r",
      virtual_hosts: [{ name: "all", domains: ["*"], routes: [{ match: { prefix: "/" }, ...route }] }],
    },
  });
  set(listener, "address.socket_address.port_value", 0);
  const bootstrap = fromJson(
    BootstrapSchema,
    {
      node: { id: "node-1", cluster: "svc", locality: { zone: "zone-a" } },
      static_resources: {
        listeners: [listener],
        clusters: [{ ...cluster("b", backend.port), ...WITH_TRAILERS }, cluster("z", collector.port)],
      },
    },
    { registry: extensionRegistry },
  );
  const proxy = await startProxy({ bootstrap, logLevel: "error" });
  t.after(() => proxy.close());
  await proxy.ready;
  const client = await connectClient(t, proxy.listenerAddresses()[0].port);
  return { backend, collector, client };
}

async function send(client: Client, times: number, head: string): Promise<void> {
  for (let i = 0; i < times; i++) {
    const before = client.statuses.length;
    client.send(head);
    await until(() => client.statuses.length > before);
  }
}

test("five requests are one report: what each span says", async (t) => {
  const { backend, collector, client } = await start(t, {});
  await send(client, 5, "GET /p?q=1 HTTP/1.1\r\nHost: h.example\r\nuser-agent: ua\r\n\r\n");
  await until(() => collector.spans.length === 5);
  assert.equal(collector.headers.length, 1);
  const [headers] = collector.headers;
  assert.deepEqual(
    [headers.host, headers["content-type"], headers["x-envoy-internal"]],
    ["z", "application/json", "true"],
  );
  const [span] = collector.spans;
  assert.equal(span.name, "h.example");
  assert.ok(span.duration > 0 && span.duration < 3_000_000);
  assert.ok(Math.abs(span.timestamp / 1000 - Date.now()) < 60_000);
  assert.match(
    backend.received,
    new RegExp(`x-b3-traceid: ${span.traceId}\r\nx-b3-spanid: ${span.id}\r\nx-b3-sampled: 1\r\n`),
  );
  const { "guid:x-request-id": requestId, ...tags } = span.tags;
  assert.match(requestId, /^[0-9a-f]{8}-[0-9a-f]{4}-9/);
  assert.deepEqual(tags, {
    node_id: "node-1",
    zone: "zone-a",
    "http.url": "http://h.example/p?q=1",
    "http.method": "GET",
    downstream_cluster: "-",
    user_agent: "ua",
    "http.protocol": "HTTP/1.1",
    "peer.address": "127.0.0.1",
    request_size: "0",
    response_size: "2",
    component: "proxy",
    upstream_cluster: "b",
    "upstream_cluster.name": "b",
    "http.status_code": "200",
    response_flags: "-",
  });
});

test("nothing is sampled: upstreams are told so, nobody reports", async (t) => {
  const { backend, collector, client } = await start(t, { random_sampling: { value: 0 } });
  await send(client, 6, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  assert.equal(backend.received.split("x-b3-sampled: 0").length, 7);
  assert.equal(collector.headers.length, 0);
});

test("a decorated route names the span and tells the client", async (t) => {
  const { collector, client } = await start(t, {}, { route: { cluster: "b" }, decorator: { operation: "op" } });
  await send(client, 4, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  assert.match(client.received, /x-envoy-decorator-operation: op\r\n/);
  client.received = "";
  await send(client, 1, "GET / HTTP/1.1\r\nHost: h\r\nx-envoy-decorator-operation: theirs\r\n\r\n");
  assert.doesNotMatch(client.received, /decorator/);
  await until(() => collector.spans.length === 5);
  assert.deepEqual(
    collector.spans.map(({ name }) => name),
    ["op", "op", "op", "op", "theirs"],
  );
});

test("answers of our own have spans, with what went wrong", async (t) => {
  const { collector, client } = await start(
    t,
    { custom_tags: [{ tag: "t", literal: { value: "v" } }] },
    { direct_response: { status: 503 } },
  );
  await send(client, 5, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  await until(() => collector.spans.length === 5);
  const { tags } = collector.spans[0];
  assert.deepEqual([tags["http.status_code"], tags["error"], tags["t"]], ["503", "true", "v"]);
  assert.equal(tags["upstream_cluster"], undefined);
});

test("a gRPC status in the trailers is the span's, of the request and of the attempt (as seen with Envoy 1.40)", async (t) => {
  const { backend, collector, client } = await start(t, { spawn_upstream_span: true });
  const head = "HTTP/1.1 200 OK\r\ncontent-type: application/grpc\r\ntransfer-encoding: chunked\r\n\r\n";
  backend.onData = ({ socket }) => {
    socket.write(`${head}5\r\n\0\0\0\0\0\r\n0\r\ngrpc-status: 14\r\ngrpc-message: down\r\n\r\n`);
  };
  await send(client, 3, "POST / HTTP/1.1\r\nHost: h\r\ncontent-type: application/grpc\r\ncontent-length: 0\r\n\r\n");
  await until(() => collector.spans.length >= 5);
  for (const { tags } of collector.spans) {
    assert.deepEqual([tags["grpc.status_code"], tags["grpc.message"], tags["error"]], ["14", "down", "true"]);
  }
});
