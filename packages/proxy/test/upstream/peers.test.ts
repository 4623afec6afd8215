/** Two proxies with mutual TLS between them: HTTP/1.1 is carried over HTTP/2 (docs/decisions/0050), and nobody notices. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { Agent, createServer, request } from "node:http";
import type { IncomingHttpHeaders, IncomingMessage, RequestOptions, Server } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, it } from "node:test";
import type { TestContext } from "node:test";
import type { JsonObject } from "@bufbuild/protobuf";
import { downstreamTls, statsOf, tlsCertificate, tlsProxy, trusting, upstreamTls } from "../support/tls.ts";

const SERVER = { tls_certificates: [tlsCertificate("server")], validation_context: trusting("ca") };
const CLIENT = { tls_certificates: [tlsCertificate("client")], validation_context: trusting("ca") };

async function startApplication(t: TestContext, server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

/** What the application hears, as it was said. */
function echo(): Server {
  return createServer((incoming, answer) => {
    const { method, url, headers, httpVersion } = incoming;
    let body = "";
    incoming.on("data", (chunk: Buffer) => (body += chunk.toString()));
    incoming.on("end", () => {
      setTimeout(() => answer.end(JSON.stringify({ method, url, headers, httpVersion, body })), 20);
    });
  });
}

interface Heard {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly httpVersion: string;
  readonly body: string;
}

interface Pair {
  readonly port: number;
  /** Of the first proxy's cluster, and of the second's clients. */
  readonly stats: () => Promise<{ upstream: (name: string) => unknown; downstream: (name: string) => unknown }>;
}

async function startPair(
  t: TestContext,
  application: number,
  cluster: JsonObject = {},
  server = SERVER,
): Promise<Pair> {
  const downstream = downstreamTls(server, { require_client_certificate: true });
  const second = await tlsProxy(t, {
    backend: application,
    downstream,
    manager: { upgrade_configs: [{ upgrade_type: "websocket" }] },
  });
  const manager = { upgrade_configs: [{ upgrade_type: "websocket" }] };
  const first = await tlsProxy(t, { backend: second.port, upstream: upstreamTls(CLIENT), cluster, manager });
  return {
    port: first.port,
    stats: async () => {
      const [upstream, downstream] = [await statsOf(first.proxy), await statsOf(second.proxy)];
      const [name] = [...upstream.keys()].filter((key) => /^cluster\..*\.upstream_cx_http2_total$/.test(key));
      const prefix = name!.slice(0, -"upstream_cx_http2_total".length);
      return {
        upstream: (stat) => upstream.get(prefix + stat),
        downstream: (stat) => downstream.get(`http.in.${stat}`),
      };
    },
  };
}

async function ask(
  port: number,
  agent: Agent,
  more: RequestOptions = {},
  body = "",
): Promise<[IncomingMessage, string]> {
  const sent = request({ host: "127.0.0.1", port, agent, ...more });
  sent.end(body);
  const [answer] = (await once(sent, "response")) as [IncomingMessage];
  let text = "";
  for await (const chunk of answer) text += String(chunk);
  return [answer, text];
}

function keepAlive(t: TestContext): Agent {
  const agent = new Agent({ keepAlive: true });
  t.after(() => agent.destroy());
  return agent;
}

describe("two proxies of ours", () => {
  it("carry requests over one connection, and the application hears HTTP/1.1 as it was said", async (t) => {
    const { port, stats } = await startPair(t, await startApplication(t, echo()));
    const agent = keepAlive(t);
    const asked = Array.from({ length: 20 }, (_, i) =>
      ask(
        port,
        agent,
        { method: "POST", path: `/${i}?q`, headers: { host: "web:8080", "x-id": i, cookie: "a=1; b=2" } },
        `body ${i}`,
      ),
    );
    for (const [i, [answer, text]] of (await Promise.all(asked)).entries()) {
      assert.equal(answer.statusCode, 200);
      const heard = JSON.parse(text) as Heard;
      assert.deepEqual(
        [
          heard.method,
          heard.url,
          heard.httpVersion,
          heard.body,
          heard.headers.host,
          heard.headers["x-id"],
          heard.headers.cookie,
        ],
        ["POST", `/${i}?q`, "1.1", `body ${i}`, "web:8080", String(i), "a=1; b=2"],
      );
      assert.equal(heard.headers["x-forwarded-proto"], "http");
    }
    const { upstream, downstream } = await stats();
    assert.equal(upstream("upstream_cx_http2_total"), 1);
    assert.equal(upstream("upstream_cx_total"), 1);
    assert.equal(downstream("downstream_rq_http2_total"), 20);
  });

  it("give what becomes another protocol a connection of HTTP/1.1", async (t) => {
    const application = createServer();
    application.on("upgrade", (_, socket) => {
      socket.write("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n");
      socket.pipe(socket);
    });
    const { port, stats } = await startPair(t, await startApplication(t, application));
    const sent = request({ host: "127.0.0.1", port, headers: { connection: "upgrade", upgrade: "websocket" } });
    sent.end();
    const [, socket] = (await once(sent, "upgrade")) as [IncomingMessage, NodeJS.ReadWriteStream & { destroy(): void }];
    t.after(() => socket.destroy());
    socket.write("hello");
    const [heard] = (await once(socket, "data")) as [Buffer];
    assert.equal(heard.toString(), "hello");
    assert.equal((await stats()).upstream("upstream_cx_http2_total"), 0);
  });

  for (const [name, cluster] of Object.entries<JsonObject>({
    "the number of connections": { circuit_breakers: { thresholds: [{ max_connections: 2 }] } },
    "requests for each connection": { max_requests_per_connection: 3 },
    "the case of names": { http_protocol_options: { header_key_format: { proper_case_words: {} } } },
  })) {
    it(`speak HTTP/1.1 where something was said of ${name}`, async (t) => {
      const { port, stats } = await startPair(t, await startApplication(t, echo()), cluster);
      assert.equal((await ask(port, keepAlive(t)))[0].statusCode, 200);
      assert.equal((await stats()).upstream("upstream_cx_http2_total"), 0);
    });
  }
});

describe("a server that is no proxy of ours", () => {
  it("gets as many connections as before once that is known", async (t) => {
    const application = await startApplication(t, echo());
    // HTTP/1.1 is all that it takes: as any other server, it knows nothing of what is offered first.
    const downstream = downstreamTls({ ...SERVER, alpn_protocols: ["http/1.1"] }, { require_client_certificate: true });
    const second = await tlsProxy(t, { backend: application, downstream, manager: { codec_type: "HTTP1" } });
    const first = await tlsProxy(t, { backend: second.port, upstream: upstreamTls(CLIENT) });
    const agent = keepAlive(t);
    const answers = await Promise.all(Array.from({ length: 10 }, () => ask(first.port, agent)));
    assert.deepEqual(new Set(answers.map(([{ statusCode }]) => statusCode)), new Set([200]));
    const stats = await statsOf(first.proxy);
    const [total] = [...stats].filter(([key]) => key.endsWith(".upstream_cx_http1_total")).map(([, value]) => value);
    assert.equal(total, 10);
  });
});
