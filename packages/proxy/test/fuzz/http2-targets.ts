import assert from "node:assert/strict";
import { isDeepStrictEqual } from "node:util";
import { HpackDecoder } from "../../src/codec/http2/hpack/decoder.ts";
import { HpackEncoder } from "../../src/codec/http2/hpack/encoder.ts";
import {
  Http2ClientHarness,
  Http2ServerHarness,
  PREFACE,
  block,
  data,
  frame,
  headers,
  ping,
  request,
  resetStream,
  settings,
  u32,
  windowUpdate,
} from "../support/http2-harness.ts";
import type { FuzzTarget } from "./fuzzer.ts";

const POST = { ":method": "POST" };

/** Frames, right and wrong, of a few streams; and pieces of frames. */
const FRAMES = [
  settings(), settings(4, 0), settings(4, 100_000), settings(1, 0), settings(1, 100), settings(3, 1), settings(5, 20_000), frame(4, 1, 0),
  ping(), frame(6, 1, 0, "12345678"), windowUpdate(0, 10_000), frame(7, 0, 0, u32(3) + u32(0)), frame(2, 0, 3, `${u32(0)}\x10`), frame(0x2a, 7, 9, "abc"),
  ...[1, 3, 5].flatMap((id) => [
    headers(id, request([["x-a", "b"]])), headers(id, request([], POST), false), headers(id, request([["content-length", "3"]], POST), false),
    headers(id, request([["cookie", "a"], ["x_y", "z"], ["cookie", "b"]])), headers(id, [["t", "v"]]), headers(id, [["T", "v"]]), headers(id, request([["x", "a\r\nb: c"]])),
    headers(id, [[":status", "200"]], false), headers(id, [[":status", "200"], ["content-length", "3"]], false), headers(id, [[":status", "103"]], false),
    headers(id, [[":status", "204"]]), data(id, "abc"), data(id, "abc", true), data(id, ""), data(id, "", true), frame(0, 9, id, "\x02abc\0\0"), frame(0, 8, id, "\x09a"),
    resetStream(id, 8), resetStream(id, 7), windowUpdate(id, 5), windowUpdate(id, 0), windowUpdate(id, 0x7fffffff), frame(1, 1, id, block(request())),
    frame(1, 5, id, "\x82\x84\x86\x41\x01h\xbe\xbf"), frame(1, 5, id, "\x3f\xe1\x1f\x82"), frame(9, 4, id, ""), frame(9, 0, id, block([["c", "d"]])),
    frame(1, 0x2d, id, `\x01${u32(id)}\x10\0`),
  ]),
  "\0\0", "\0\0\x05\0\0\0\0\0\x01", "\xff", PREFACE,
]; // prettier-ignore

/** What no other parser may take for a line end, or an end of the message. */
const FORBIDDEN = /[\0\r\n]/;

interface Outcome {
  readonly bytes: string;
  readonly broken: unknown;
  readonly seen: unknown;
  readonly streams: number;
}

function served(feed: (server: Http2ServerHarness) => void): Outcome {
  const server = new Http2ServerHarness({ headersWithUnderscores: "drop", allowConnect: true });
  server.onRequest = (seen) => seen.answer(200, seen.body, [["x-length", String(seen.body.length)]], [["t", "v"]]);
  server.feed(PREFACE, settings());
  feed(server);
  for (const { ended, reset, head } of server.requests) {
    assert.ok(!(ended && reset?.cause === "protocol" && server.broken === null), "ended, and refused");
    for (const line of head.split("\r\n")) assert.ok(!FORBIDDEN.test(line));
    assert.match(head, /^(?:[^\r\n]*\r\n(?:[!#$%&'*+\-.^_`|~0-9a-z]+: [\t\x20-\x7e\x80-\xff]*\r\n)*)?$/);
  }
  assert.equal(server.stats.streamsActive.value, server.codec.streams.size);
  if (server.broken !== null)
    assert.equal(server.codec.streams.size, 0, "nothing is left of a connection that is broken");
  assert.ok(server.stats.pendingSendBytes.value >= 0);
  return {
    bytes: server.sink.bytes,
    broken: server.broken,
    seen: server.requests.map(({ head, body, trailers, ended, reset }) => ({
      head,
      body: reset === null ? body : "",
      trailers,
      ended,
      reset,
    })),
    streams: server.codec.streams.size,
  };
}

/** The pieces as they are, and each byte by itself: the same requests (of one that is refused more or less of its body) and the same answers, and no byte in them that could end a line elsewhere. */
const server: FuzzTarget = {
  pieces: FRAMES,
  maxPieces: 20,
  check(pieces) {
    const whole = served((harness) => harness.feed(...pieces));
    const cut = served((harness) => harness.feedInSteps(pieces.join(""), 1));
    if (!isDeepStrictEqual(cut, whole)) assert.deepEqual(cut, whole);
  },
};

function asked(feed: (client: Http2ClientHarness) => void): unknown {
  const client = new Http2ClientHarness();
  const seen = [client.request(), client.request({ method: "POST" }, "body"), client.request({ method: "HEAD" })].map(
    (each) => each.seen,
  );
  client.feed(settings());
  feed(client);
  for (const { ended, reset } of seen) assert.ok(!(ended && reset !== ""), "ended, and reset");
  assert.equal(client.stats.streamsActive.value, client.codec.activeStreams);
  if (client.events.includes("broken")) assert.equal(client.codec.activeStreams, 0);
  return {
    bytes: client.sink.bytes,
    events: client.events,
    seen: seen.map(({ head, body, trailers, ended, reset, interim }) => ({
      head,
      body: reset === "" ? body : "",
      trailers,
      ended,
      reset,
      interim,
    })),
  };
}

const client: FuzzTarget = {
  pieces: FRAMES,
  maxPieces: 20,
  check(pieces) {
    const whole = asked((harness) => harness.feed(...pieces));
    const cut = asked((harness) => harness.feedInSteps(pieces.join(""), 1));
    if (!isDeepStrictEqual(cut, whole)) assert.deepEqual(cut, whole);
  },
};

const BLOCKS = [
  "\x82", "\x84\x86", "\x41\x01h", "\x40\x01a\x01b", "\x00\x01a\x01b", "\x10\x01a\x01b", "\xbe", "\xbf", "\xc0", "\x20", "\x3f\xe1\x1f", "\x3f\xe2\x1f",
  "\x40\x81\x1f\x81\x1f", "\x40\x82\xff\xff\x01b", "\xff\x00", "\xff\xff\xff\xff\xff\x0f", "\x7f\x00\x01v", "\x40\x01a\x7f\x80\x01" + "v".repeat(255),
  `\x40\x01k\x7f\xe1\x1f${"v".repeat(4_192)}`, "\x0f\x2f\x01v",
]; // prettier-ignore

/** A decoder never throws, and what it says of a block it says again; what it has decoded our encoder encodes so that it decodes to the same. */
const hpack: FuzzTarget = {
  pieces: BLOCKS,
  maxPieces: 24,
  check(pieces) {
    const bytes = Buffer.from(pieces.join(""), "latin1");
    const decode = (decoder: HpackDecoder): [string, string][] | null => {
      const fields: [string, string][] = [];
      const done = decoder.decode(bytes, 0, bytes.length, { onField: ({ name, value }) => fields.push([name, value]) });
      return done ? fields : null;
    };
    const fields = decode(new HpackDecoder());
    assert.deepEqual(decode(new HpackDecoder()), fields);
    if (fields === null) return;
    const [encoder, decoder] = [new HpackEncoder(4_096), new HpackDecoder()];
    const out = Buffer.alloc(1_048_576);
    for (let round = 0; round < 3; round++) {
      let at = encoder.begin(out, 0);
      for (const [name, value] of fields) at = encoder.field(0, name, value, out, at);
      const again: [string, string][] = [];
      assert.ok(decoder.decode(out, 0, at, { onField: ({ name, value }) => again.push([name, value]) }));
      assert.deepEqual(again, fields);
    }
  },
};

export const HTTP2_TARGETS: Readonly<Record<string, FuzzTarget>> = { http2Server: server, http2Client: client, hpack };
