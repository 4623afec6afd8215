/** Runs HTTP/2 codecs without sockets: frames in, events and frames out. */
import { BytesMeter } from "../../src/codec/bytes-meter.ts";
import type { HeaderBlock } from "../../src/codec/header-block.ts";
import { Http2ClientCodec } from "../../src/codec/http2/client-codec.ts";
import { HpackDecoder } from "../../src/codec/http2/hpack/decoder.ts";
import type { Http2Options } from "../../src/codec/http2/options.ts";
import { type FlushingStream, Http2ServerCodec } from "../../src/codec/http2/server-codec.ts";
import {
  type ByteSink,
  type ProtocolError,
  RequestHead,
  type RequestReceiver,
  type ResponseEncoder,
  ResponseHead,
  type ResponseReceiver,
  type StreamReset,
  type StreamResetReason,
} from "../../src/codec/messages.ts";
import { ReadBuffer } from "../../src/codec/read-buffer.ts";
import { Http2CodecStats } from "../../src/stats/http2-codec-stats.ts";
import { StatsRegistry } from "../../src/stats/index.ts";
import { http2Plan } from "./plans.ts";

// Bytes

const FRAMES = ["DATA", "HEADERS", "PRIORITY", "RST_STREAM", "SETTINGS", "PUSH_PROMISE", "PING", "GOAWAY", "WINDOW_UPDATE", "CONTINUATION"]; // prettier-ignore
export const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

const octets = (value: number, count: number): string => {
  let text = "";
  for (let i = count - 1; i >= 0; i--) text += String.fromCharCode(Math.floor(value / 256 ** i) & 0xff);
  return text;
};

export const u32 = (value: number): string => octets(value, 4);

/** As latin1. @param length instead of the payload's */
export function frame(type: number, flags: number, streamId: number, payload = "", length = payload.length): string {
  return octets(length, 3) + String.fromCharCode(type, flags) + u32(streamId) + payload;
}

export type Fields = readonly (readonly [name: string, value: string])[];

function string(text: string): string {
  let length = "";
  if (text.length < 127) length = String.fromCharCode(text.length);
  else {
    length = "\x7f";
    let rest = text.length - 127;
    for (; rest >= 128; rest >>= 7) length += String.fromCharCode((rest & 127) | 128);
    length += String.fromCharCode(rest);
  }
  return length + text;
}

/** Literals without indexing. */
export const block = (fields: Fields): string =>
  fields.map(([name, value]) => `\0${string(name)}${string(value)}`).join("");

export const headers = (id: number, fields: Fields, endStream = true): string =>
  frame(1, 4 | (endStream ? 1 : 0), id, block(fields));
export const data = (id: number, text: string, endStream = false): string => frame(0, endStream ? 1 : 0, id, text);
export const settings = (...pairs: number[]): string => {
  let payload = "";
  for (let i = 0; i < pairs.length; i += 2) payload += octets(pairs[i], 2) + u32(pairs[i + 1]);
  return frame(4, 0, 0, payload);
};
export const windowUpdate = (id: number, increment: number): string => frame(8, 0, id, u32(increment));
export const resetStream = (id: number, code: number): string => frame(3, 0, id, u32(code));
export const ping = (payload = "12345678"): string => frame(6, 0, 0, payload);

export function request(more: Fields = [], instead: Record<string, string> = {}): Fields {
  const pseudos = { ":method": "GET", ":scheme": "http", ":path": "/", ":authority": "h", ...instead };
  return [...Object.entries(pseudos), ...more];
}

/** What was written, and how much of that is said to wait. */
export class FrameSink implements ByteSink {
  bytes = "";
  /** Bytes that the peer has not read. */
  stalled = false;
  private readonly decoder = new HpackDecoder();

  get waitingBytes(): number {
    return this.stalled ? this.bytes.length : 0;
  }

  writeText(latin1: string): void {
    this.bytes += latin1;
  }

  writeBytes(buffer: ReadBuffer, start: number, end: number): void {
    this.bytes += buffer.bytes.toString("latin1", start, end);
  }

  /** The frames since the last call, one a line: `HEADERS+ES#1 :status=200`. */
  take(): string[] {
    let at = this.bytes.startsWith(PREFACE) ? PREFACE.length : 0;
    const lines: string[] = [];
    const bytes = Buffer.from(this.bytes, "latin1");
    while (at + 9 <= bytes.length) {
      const length = bytes.readUIntBE(at, 3);
      const [type, flags] = [bytes[at + 3], bytes[at + 4]];
      const payload = bytes.subarray(at + 9, at + 9 + length);
      const mark =
        type === 0 || type === 1 ? (flags & 1 ? "+ES" : "") : (type === 4 || type === 6) && flags & 1 ? "+ACK" : "";
      lines.push(`${FRAMES[type]}${mark}#${bytes.readUInt32BE(at + 5)} ${this.show(type, payload)}`.trimEnd());
      at += 9 + length;
    }
    this.bytes = "";
    return lines;
  }

  private show(type: number, payload: Buffer): string {
    switch (type) {
      case 1: {
        const fields: string[] = [];
        this.decoder.decode(payload, 0, payload.length, {
          onField: ({ name, value }) => fields.push(`${name}=${value}`),
        });
        return fields.join(" ");
      }
      case 3:
      case 8:
        return String(payload.readUInt32BE(0));
      case 4: {
        const pairs: string[] = [];
        for (let i = 0; i < payload.length; i += 6)
          pairs.push(`${payload.readUInt16BE(i)}:${payload.readUInt32BE(i + 2)}`);
        return pairs.join(" ");
      }
      case 7:
        return `last=${payload.readUInt32BE(0)} code=${payload.readUInt32BE(4)}`;
      default:
        return payload.toString("latin1");
    }
  }
}

const SHARED = new ReadBuffer(65_536, true);

/** Delivers text as reads of a shared buffer, which is somebody else's afterwards. */
function deliver(
  codec: { receive(buffer: ReadBuffer, start: number, end: number): void },
  text: string,
  step: number,
): void {
  for (let at = 0; at < text.length; at += step) {
    const piece = text.slice(at, at + step);
    SHARED.bytes.write(piece, 0, "latin1");
    codec.receive(SHARED, 0, piece.length);
    SHARED.bytes.fill(0xee, 0, piece.length);
  }
}

// The server

export class SeenRequest implements RequestReceiver {
  readonly request = new RequestHead();
  readonly downstreamBytes = new BytesMeter();
  readonly encoder: ResponseEncoder;
  /** The head, as text. */
  head = "";
  body = "";
  trailers = "";
  ended = false;
  reset: StreamReset | null = null;
  above = 0;
  onHead: (() => void) | null = null;
  onEnd: (() => void) | null = null;

  constructor(encoder: ResponseEncoder) {
    this.encoder = encoder;
  }

  onRequestHead(endStream: boolean): void {
    const { method, scheme, authority, path, upgrade, headers: lines } = this.request;
    this.head = `${method} ${scheme}://${authority}${path}${upgrade === "" ? "" : ` upgrade ${upgrade}`}\r\n${lines.serialize()}`;
    this.onHead?.();
    if (endStream) this.end();
  }
  onRequestData(buffer: ReadBuffer, start: number, end: number, endStream: boolean): void {
    this.body += buffer.bytes.toString("latin1", start, end);
    if (endStream) this.end();
  }
  onRequestTrailers(trailers: HeaderBlock): void {
    this.trailers = trailers.serialize();
    this.end();
  }
  onRequestError(_error: ProtocolError): void {
    throw new Error("not in HTTP/2");
  }
  onRequestReset(reset: StreamReset): void {
    this.reset = reset;
  }
  onDownstreamAboveWatermark(): void {
    this.above++;
  }
  onDownstreamBelowWatermark(): void {
    this.above--;
  }
  private end(): void {
    this.ended = true;
    this.onEnd?.();
  }

  answer(status: number, body = "", fields: Fields = [], trailers: Fields = []): void {
    const head = new ResponseHead();
    head.status = status;
    for (const [name, value] of fields) head.headers.appendNamed(name, value);
    this.encoder.encodeHead(head, body === "" && trailers.length === 0);
    if (body !== "") {
      const buffer = new ReadBuffer(body.length);
      buffer.bytes.write(body, "latin1");
      this.encoder.encodeData(buffer, 0, body.length, trailers.length === 0);
    }
    if (trailers.length > 0) {
      const last = new ResponseHead().headers;
      for (const [name, value] of trailers) last.appendNamed(name, value);
      this.encoder.encodeTrailers(last);
    }
  }
}

export class Http2ServerHarness {
  readonly requests: SeenRequest[] = [];
  readonly sink = new FrameSink();
  readonly stats = new Http2CodecStats(new StatsRegistry(), "");
  readonly codec: Http2ServerCodec;
  readonly flushing: FlushingStream[] = [];
  broken: string | null = null;
  underscores = 0;
  pongs = 0;
  onHead: (request: SeenRequest) => void = () => {};
  /** What becomes of a complete request. */
  onRequest: (request: SeenRequest) => void = (seen) => seen.answer(200);

  constructor(options: Partial<Http2Options> = {}) {
    this.codec = new Http2ServerCodec(
      {
        messageProtocol: "HTTP/2",
        onRequestStart: (encoder) => {
          const seen = new SeenRequest(encoder);
          seen.onHead = () => this.onHead(seen);
          seen.onEnd = () => this.onRequest(seen);
          this.requests.push(seen);
          return seen;
        },
        onStreamEnd: () => {},
        onFlushPending: (stream) => this.flushing.push(stream),
        onBroken: (failure) => {
          this.broken = failure;
        },
        onUnderscore: () => {
          this.underscores++;
        },
        onPong: () => {
          this.pongs++;
        },
      },
      this.sink,
      http2Plan(options),
      this.stats,
    );
  }

  /** With the preface, and settings that are acknowledged. */
  static connected(this: void, options: Partial<Http2Options> = {}, ...pairs: number[]): Http2ServerHarness {
    const server = new Http2ServerHarness(options);
    server.feed(PREFACE, settings(...pairs), frame(4, 1, 0));
    server.sink.take();
    return server;
  }

  feed(...pieces: string[]): this {
    for (const piece of pieces) deliver(this.codec, piece, SHARED.capacity);
    return this;
  }

  feedInSteps(text: string, step: number): this {
    deliver(this.codec, text, step);
    return this;
  }
}

// The client

export class SeenResponse implements ResponseReceiver {
  readonly response = new ResponseHead();
  readonly keepsHalfOpen = false;
  readonly upstreamBytes = new BytesMeter();
  readonly interim: number[] = [];
  head = "";
  body = "";
  trailers = "";
  ended = false;
  reset: StreamResetReason | "" = "";
  above = 0;

  onInterimResponse(status: number): void {
    this.interim.push(status);
  }
  onResponseHead(endStream: boolean): void {
    this.head = `${this.response.status}\r\n${this.response.headers.serialize()}`;
    this.ended = endStream;
  }
  onResponseData(buffer: ReadBuffer, start: number, end: number, endStream: boolean): void {
    this.body += buffer.bytes.toString("latin1", start, end);
    this.ended = endStream;
  }
  onResponseTrailers(trailers: HeaderBlock): void {
    this.trailers = trailers.serialize();
    this.ended = true;
  }
  onResponseReset(reason: StreamResetReason): void {
    this.reset = reason;
  }
  onUpstreamAboveWatermark(): void {
    this.above++;
  }
  onUpstreamBelowWatermark(): void {
    this.above--;
  }
}

export class Http2ClientHarness {
  readonly sink = new FrameSink();
  readonly stats = new Http2CodecStats(new StatsRegistry(), "");
  readonly codec: Http2ClientCodec;
  readonly events: string[] = [];

  constructor(options: Partial<Http2Options> = {}) {
    this.codec = new Http2ClientCodec(
      {
        onStreamEnd: (cut) => this.events.push(cut ? "cut" : "end"),
        onSettings: () => this.events.push("settings"),
        onGoAway: (graceful) => this.events.push(`goaway ${graceful}`),
        onBroken: () => this.events.push("broken"),
        onPong: () => this.events.push("pong"),
      },
      this.sink,
      http2Plan(options),
      this.stats,
    );
    this.codec.begin();
  }

  static connected(this: void, options: Partial<Http2Options> = {}, ...pairs: number[]): Http2ClientHarness {
    const client = new Http2ClientHarness(options);
    client.feed(settings(...pairs), frame(4, 1, 0));
    client.sink.take();
    client.events.length = 0;
    return client;
  }

  feed(...pieces: string[]): this {
    for (const piece of pieces) deliver(this.codec, piece, SHARED.capacity);
    return this;
  }

  feedInSteps(text: string, step: number): this {
    deliver(this.codec, text, step);
    return this;
  }

  /** @param body null: it is not over yet */
  request(instead: Partial<RequestHead> = {}, body: string | null = "", fields: Fields = []) {
    const head = new RequestHead();
    Object.assign(head, { method: "GET", path: "/", authority: "h", scheme: "http", ...instead });
    for (const [name, value] of fields) head.headers.appendNamed(name, value);
    const seen = new SeenResponse();
    const encoder = this.codec.start(seen, true);
    encoder.encodeHead(head, body === "");
    if (body !== null && body !== "") {
      const buffer = new ReadBuffer(body.length);
      buffer.bytes.write(body, "latin1");
      encoder.encodeData(buffer, 0, body.length, true);
    }
    return { seen, encoder };
  }
}
