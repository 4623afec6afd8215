/** HPACK and frames beside an implementation that nobody here wrote: nghttp2, by way of node:http2. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer } from "node:http2";
import { Duplex } from "node:stream";
import { type TestContext, describe, it } from "node:test";
import { HpackDecoder } from "../../../src/codec/http2/hpack/decoder.ts";
import { Http2ClientHarness, Http2ServerHarness } from "../../support/http2-harness.ts";
import { until } from "../../support/proxy.ts";
import type { Fields } from "./hpack-support.ts";

/** One end of a connection in memory. */
class End extends Duplex {
  onBytes: (bytes: Buffer) => void = () => {};

  override _read(): void {
    // What there is is pushed.
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    // Not at once: nghttp2 is still writing.
    setImmediate(() => {
      this.onBytes(chunk);
      done();
    });
  }
}

/** Header lists of a client that repeats itself, as they do. */
function randomLists(count: number): Fields[] {
  let state = 42;
  const below = (limit: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 4_294_967_296) * limit);
  };
  const text = (length: number): string => {
    let made = "";
    for (let i = 0; i < length; i++) made += String.fromCharCode(33 + below(94));
    return made;
  };
  const names = ["accept", "user-agent", "x-request-id", "traceparent", "authorization", "cookie", "x-envoy-attempt-count", "x-a", "x-b", "grpc-timeout"]; // prettier-ignore
  const values = Array.from({ length: 12 }, () => text(1 + below(60)));
  return Array.from({ length: count }, () =>
    names
      .filter(() => below(3) > 0)
      .map((name) => [name, below(4) === 0 ? text(1 + below(80)) : values[below(values.length)]] as const),
  );
}

function serverOf(t: TestContext, end: End): { requests: Record<string, unknown>[] } {
  const requests: Record<string, unknown>[] = [];
  const server = createServer({ maxSessionMemory: 100 }, () => {});
  server.on("stream", (stream, head) => {
    requests.push({ ...head });
    stream.respond({ ":status": 200, "x-seen": String(requests.length) });
    stream.end("hello");
  });
  server.emit("connection", end);
  t.after(() => server.close());
  return { requests };
}

describe("beside nghttp2", () => {
  it("its requests are decoded to what they were", async () => {
    const end = new End();
    let bytes = Buffer.alloc(0);
    end.onBytes = (chunk) => (bytes = Buffer.concat([bytes, chunk]));
    const client = connect("http://h", { createConnection: () => end });
    client.on("error", () => {});
    const lists = randomLists(300);
    for (const fields of lists) {
      client.request({ ":path": "/", ...Object.fromEntries(fields) }).on("error", () => {});
      await new Promise((resolve) => setImmediate(resolve));
    }
    const decoder = new HpackDecoder();
    const decoded: Fields[] = [];
    for (let at = 24; at + 9 <= bytes.length; at += 9 + bytes.readUIntBE(at, 3)) {
      if (bytes[at + 3] !== 1) continue;
      const fields: [string, string][] = [];
      const start = at + 9 + (bytes[at + 4] & 0x20 ? 5 : 0);
      assert.ok(decoder.decode(bytes, start, at + 9 + bytes.readUIntBE(at, 3), { onField: ({ name, value }) => fields.push([name, value]) })); // prettier-ignore
      decoded.push(fields);
    }
    client.destroy();
    assert.ok(decoded.length >= 100, String(decoded.length));
    for (const [i, fields] of decoded.entries()) {
      assert.deepEqual(fields.filter(([name]) => !name.startsWith(":")), [...lists[i]]); // prettier-ignore
    }
  });

  it("it decodes what our client sends, and our client what it answers", async (t) => {
    const end = new End();
    const { requests } = serverOf(t, end);
    const client = new Http2ClientHarness();
    end.onBytes = (chunk) => client.feed(chunk.toString("latin1"));
    const flush = (): void => {
      const { sink } = client;
      if (sink.bytes !== "") end.push(Buffer.from(sink.bytes, "latin1"));
      sink.bytes = "";
    };
    const lists = randomLists(200);
    for (const [i, fields] of lists.entries()) {
      const { seen } = client.request({ path: `/${i % 7}`, authority: `h${i % 3}` }, i % 5 === 0 ? "body" : "", fields);
      flush();
      await until(() => {
        flush();
        return seen.ended;
      });
      assert.equal(seen.body, "hello");
      assert.match(seen.head, new RegExp(`^200\\r\\n[^]*x-seen: ${i + 1}\\r\\n`));
    }
    for (const [i, fields] of lists.entries()) {
      for (const [name, value] of fields) assert.equal(requests[i][name], value, name);
      assert.deepEqual([requests[i][":path"], requests[i][":authority"]], [`/${i % 7}`, `h${i % 3}`]);
    }
  });

  it("it decodes what our server answers, and our server what it asks", async () => {
    const end = new End();
    const server = new Http2ServerHarness();
    const lists = randomLists(200);
    server.onRequest = (seen) => {
      const fields = lists[server.requests.length - 1].filter(([name]) => name !== "cookie");
      seen.answer(200 + (server.requests.length % 4), seen.body.toUpperCase(), fields, [["t", "v"]]);
    };
    const flush = (): void => {
      if (server.sink.bytes !== "") end.push(Buffer.from(server.sink.bytes, "latin1"));
      server.sink.bytes = "";
    };
    end.onBytes = (chunk) => {
      server.feed(chunk.toString("latin1"));
      flush();
    };
    flush();
    const client = connect("http://h", { createConnection: () => end });
    for (const [i, fields] of lists.entries()) {
      const stream = client.request({ ":method": "POST", ":path": "/" });
      stream.end(`body ${i}`);
      let body = "";
      stream.on("data", (chunk: Buffer) => (body += chunk.toString("latin1")));
      const [[head], [trailers]] = (await Promise.all([
        once(stream, "response"),
        once(stream, "trailers"),
        once(stream, "end"),
      ])) as [Record<string, unknown>[], Record<string, unknown>[], unknown];
      assert.equal(head[":status"], 200 + ((i + 1) % 4));
      assert.equal(body, `BODY ${i}`);
      assert.equal(trailers.t, "v");
      for (const [name, value] of fields) if (name !== "cookie") assert.equal(head[name], value, name);
    }
    client.destroy();
  });
});
