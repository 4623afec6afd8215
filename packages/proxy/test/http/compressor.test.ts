/** What the compressor makes of bodies; which ones it takes is in test/contract/cases/compressor.ts. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { describe, it, type TestContext } from "node:test";
import { type InputType, brotliDecompressSync, constants, gunzipSync } from "node:zlib";
import type { CompressionPlan, CompressorPlan } from "../../src/plan/filters/compressor.ts";
import { COMPRESSOR } from "../../src/plan/supported-fields/index.ts";
import { type Proxy, startProxy, until } from "../support/proxy.ts";

const MIB = 1024 * 1024;
const GZIP: CompressionPlan = { encoding: "gzip", options: { level: 1 } };
const BROTLI: CompressionPlan = { encoding: "br", options: { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } } };

function compressing(t: TestContext, compression: CompressionPlan = GZIP): Promise<Proxy> {
  const config: CompressorPlan = {
    encoding: compression.encoding,
    compression,
    statPrefix: "compressor.lib.",
    responsePrefix: "",
    request: null,
    enabled: { value: true },
    minContentLength: 30,
    contentTypes: new Set(["text/plain"]),
    disableOnEtag: false,
    weakenEtag: false,
    removeAcceptEncoding: false,
    uncompressibleStatuses: [],
    chooseFirst: false,
  };
  return startProxy(t, { manager: { filters: [{ name: "c", typeName: COMPRESSOR, disabled: false, config }] } });
}

const get = ({ encoding }: CompressionPlan): string =>
  `GET / HTTP/1.1\r\nHost: h\r\naccept-encoding: ${encoding}\r\n\r\n`;
const head = (length: number): string => `HTTP/1.1 200 OK\r\ncontent-length: ${length}\r\n\r\n`;

/** The bytes of a chunked body, as far as it has come. */
function bodyOf(received: string): Buffer {
  const bytes = Buffer.from(received.slice(received.indexOf("\r\n\r\n") + 4), "latin1");
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length;) {
    const line = bytes.indexOf("\r\n", at);
    if (line < 0) break;
    const length = Number.parseInt(bytes.toString("latin1", at, line), 16);
    if (length === 0) break;
    pieces.push(bytes.subarray(line + 2, line + 2 + length));
    at = line + 2 + length + 2;
  }
  return Buffer.concat(pieces);
}

/** Half of it compressible. */
function text(bytes: number): Buffer {
  return Buffer.concat([randomBytes(bytes / 2), Buffer.alloc(bytes / 2, "all the same")]);
}

describe("a compressed response", () => {
  for (const [plan, decompress] of [
    [GZIP, (bytes: InputType) => gunzipSync(bytes)],
    [BROTLI, (bytes: InputType) => brotliDecompressSync(bytes)],
  ] as const) {
    it(`has the body of the one that came: ${plan.encoding}`, async (t) => {
      const proxy = await compressing(t, plan);
      const body = text(MIB);
      proxy.backend.onData = ({ socket }) => {
        socket.write(head(body.length));
        for (let at = 0; at < body.length; at += 70_001) socket.write(body.subarray(at, at + 70_001));
      };
      const client = await proxy.client(t);
      for (let i = 1; i <= 2; i++) {
        client.received = "";
        client.send(get(plan));
        await until(() => client.received.endsWith("\r\n0\r\n\r\n"));
        assert.ok(decompress(bodyOf(client.received)).equals(body));
      }
      assert.equal(proxy.counter("http.test.compressor.lib.total_uncompressed_bytes"), 2 * MIB);
      assert.ok(proxy.counter("http.test.compressor.lib.total_compressed_bytes") < 1.2 * MIB);
    });
  }

  it("leaves as it comes: nothing waits for more", async (t) => {
    const proxy = await compressing(t);
    proxy.backend.onData = ({ socket }) => void socket.write(`${head(100)}the first part, `);
    const client = await proxy.client(t);
    client.send(get(GZIP));
    const seen = (): string => {
      const bytes = bodyOf(client.received);
      if (bytes.length === 0) return "";
      return gunzipSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH }).toString();
    };
    await until(() => seen() === "the first part, ");
    proxy.backend.connections[0].socket.write("the rest".padEnd(84));
    await until(() => client.received.endsWith("\r\n0\r\n\r\n"));
    assert.equal(seen().length, 100);
  });

  it("is made no faster than it is read", { timeout: 120_000 }, async (t) => {
    const proxy = await compressing(t);
    const size = 48 * MIB;
    proxy.backend.onData = ({ socket }) => {
      socket.write(head(size));
      const piece = randomBytes(MIB);
      for (let sent = 0; sent < size; sent += MIB) socket.write(piece);
    };
    const client = await proxy.client(t);
    client.socket.removeAllListeners("data");
    client.socket.pause();
    client.send(get(GZIP));
    await until(() => proxy.backend.connections.length === 1);
    const upstream = proxy.backend.connections[0].socket;
    let last = -1;
    let quiet = 0;
    await until(() => {
      const taken = proxy.counter("http.test.compressor.lib.total_uncompressed_bytes");
      quiet = taken > 0 && taken === last ? quiet + 1 : 0;
      last = taken;
      return quiet > 100;
    }, undefined, 15_000); // prettier-ignore
    assert.ok(last < size / 2, `${last} bytes were taken while nobody read`);
    assert.ok(upstream.writableLength > 0);
    let received = 0;
    client.socket.on("data", (chunk: Buffer) => void (received += chunk.length));
    client.socket.resume();
    await until(() => received > size, () => String(received), 20_000); // prettier-ignore
  });

  it("that nobody waits for any more, or that does not come, costs nothing else", async (t) => {
    const proxy = await compressing(t);
    let answered = 0;
    proxy.backend.onData = ({ socket }) => {
      answered++;
      socket.write(head(MIB));
      socket.write(text(MIB / 2));
      if (answered === 2) setImmediate(() => socket.resetAndDestroy());
      if (answered === 3) socket.write(text(MIB / 2));
    };
    const gone = await proxy.client(t);
    gone.send(get(GZIP));
    await until(() => gone.received.length > 0);
    gone.socket.resetAndDestroy();
    const cut = await proxy.client(t);
    cut.send(get(GZIP));
    await until(() => cut.ended);
    assert.ok(!cut.received.endsWith("\r\n0\r\n\r\n"));
    const whole = await proxy.client(t);
    whole.send(get(GZIP));
    await until(() => whole.received.endsWith("\r\n0\r\n\r\n"));
    assert.equal(gunzipSync(bodyOf(whole.received)).length, MIB);
    await until(() => proxy.gauge("http.test.downstream_rq_active") === 0);
  });
});
