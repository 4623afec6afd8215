/** Runs codecs without sockets: bytes in, a transcript of events out. */
import { BytesMeter } from "../../src/codec/bytes-meter.ts";
import { Http1ClientCodec } from "../../src/codec/http1/client-codec.ts";
import { Http1ServerCodec, type Http1ServerOptions } from "../../src/codec/http1/server-codec.ts";
import {
  type ByteSink,
  type ProtocolError,
  RequestHead,
  type RequestReceiver,
  type ResponseEncoder,
  ResponseHead,
  type ResponseReceiver,
  type StreamResetReason,
} from "../../src/codec/messages.ts";
import { ReadBuffer } from "../../src/codec/read-buffer.ts";

export const DEFAULT_SERVER_OPTIONS: Http1ServerOptions = {
  maxRequestHeadersBytes: 61_440,
  maxRequestHeadersCount: 100,
  acceptHttp10: false,
  defaultHostForHttp10: "",
  allowAbsoluteUrl: true,
  refusesHttpsUrl: false,
  allowChunkedLength: false,
  enableTrailers: true,
  headerCase: null,
  headersWithUnderscores: "allow",
};

export class TextSink implements ByteSink {
  text = "";
  waitingBytes = 0;
  writeText(latin1: string): void {
    this.text += latin1;
  }
  writeBytes(buffer: ReadBuffer, start: number, end: number): void {
    this.text += buffer.bytes.toString("latin1", start, end);
  }
}

/** What one request turned out to be. */
export interface SeenRequest {
  method: string;
  path: string;
  authority: string;
  upgrade: string;
  headers: string;
  body: string;
  trailers: string;
  complete: boolean;
  error: ProtocolError | null;
  bytes: BytesMeter;
}

/** A server that answers each request with an empty 200 as soon as it is complete. */
export class ServerHarness {
  readonly requests: SeenRequest[] = [];
  readonly sink = new TextSink();
  closed = false;
  aborted = false;
  paused = 0;
  readonly codec: Http1ServerCodec;

  constructor(options: Partial<Http1ServerOptions> = {}) {
    this.codec = new Http1ServerCodec(
      {
        onRequestStart: (encoder) => this.receive(encoder),
        onUnderscore: () => {},
        onExchangeEnd: () => this.codec.readOn(),
        onCloseAfterFlush: () => {
          this.closed = true;
        },
        onAbort: () => {
          this.aborted = true;
        },
        pauseReading: () => {
          this.paused++;
        },
        resumeReading: () => {
          this.paused--;
        },
      },
      this.sink,
      { ...DEFAULT_SERVER_OPTIONS, ...options },
    );
  }

  private receive(encoder: ResponseEncoder): RequestReceiver {
    const seen: SeenRequest = {
      method: "",
      path: "",
      authority: "",
      upgrade: "",
      headers: "",
      body: "",
      trailers: "",
      complete: false,
      error: null,
      bytes: new BytesMeter(),
    };
    this.requests.push(seen);
    const request = new RequestHead();
    const answer = (status: number): void => {
      const response = new ResponseHead();
      response.status = status;
      encoder.encodeHead(response, true);
    };
    const end = (): void => {
      seen.complete = true;
      answer(200);
    };
    return {
      request,
      downstreamBytes: seen.bytes,
      onRequestHead: (endStream) => {
        seen.method = request.method;
        seen.path = request.path;
        seen.authority = request.authority;
        seen.upgrade = request.upgrade;
        seen.headers = request.headers.serialize();
        if (endStream) end();
      },
      onRequestData: (buffer, start, stop, endStream) => {
        seen.body += buffer.bytes.toString("latin1", start, stop);
        if (endStream) end();
      },
      onRequestTrailers: (trailers) => {
        seen.trailers = trailers.serialize();
        end();
      },
      onRequestError: (error) => {
        seen.error = error;
        answer(error.status);
      },
      onRequestReset: () => {},
      onDownstreamAboveWatermark: () => {},
      onDownstreamBelowWatermark: () => {},
    };
  }

  /** Delivers the pieces one after the other, each in a buffer of its own. */
  feed(...pieces: string[]): this {
    for (const piece of pieces) {
      const buffer = bufferOf(piece);
      this.codec.receive(buffer, 0, piece.length);
      // A shared buffer is somebody else's afterwards: whoever kept a view of it would now see garbage.
      buffer.bytes.fill(0xee);
    }
    return this;
  }

  feedBytewise(text: string): this {
    bytewise(text, this.codec);
    return this;
  }
}

export interface SeenResponse {
  status: number;
  headers: string;
  body: string;
  complete: boolean;
  reset: StreamResetReason | "";
  bytes: BytesMeter;
}

/** A client that has sent one request and reads what comes. */
export class ClientHarness {
  readonly seen: SeenResponse = {
    status: 0,
    headers: "",
    body: "",
    complete: false,
    reset: "",
    bytes: new BytesMeter(),
  };
  readonly sink = new TextSink();
  reusable: boolean | null = null;
  broken: boolean | null = null;
  readonly codec: Http1ClientCodec;

  constructor(method = "GET", options: { maxResponseHeadersBytes?: number; maxResponseHeadersCount?: number } = {}) {
    this.codec = new Http1ClientCodec(
      {
        onCloseNotify: () => {},
        onExchangeEnd: (reusable) => {
          this.reusable = reusable;
        },
        onBroken: (protocolError) => {
          this.broken = protocolError;
        },
        pauseReading: () => {},
        resumeReading: () => {},
      },
      this.sink,
      {
        maxResponseHeadersBytes: 61_440,
        maxResponseHeadersCount: 100,
        enableTrailers: false,
        headerCase: null,
        ...options,
      },
    );
    const head = new RequestHead();
    head.method = method;
    head.path = "/";
    head.authority = "h";
    this.codec.start(this.receiver(), false).encodeHead(head, true);
  }

  private receiver(): ResponseReceiver {
    const { seen } = this;
    const response = new ResponseHead();
    return {
      response,
      keepsHalfOpen: false,
      upstreamBytes: seen.bytes,
      onInterimResponse: () => {},
      onResponseHead: (endStream) => {
        seen.status = response.status;
        seen.headers = response.headers.serialize();
        seen.complete = endStream;
      },
      onResponseData: (buffer, start, end, endStream) => {
        seen.body += buffer.bytes.toString("latin1", start, end);
        seen.complete = endStream;
      },
      onResponseTrailers: () => {
        seen.complete = true;
      },
      onResponseReset: (reason) => {
        seen.reset = reason;
      },
      onUpstreamAboveWatermark: () => {},
      onUpstreamBelowWatermark: () => {},
    };
  }

  feed(...pieces: string[]): this {
    for (const piece of pieces) {
      const buffer = bufferOf(piece);
      this.codec.receive(buffer, 0, piece.length);
      buffer.bytes.fill(0xee);
    }
    return this;
  }

  feedBytewise(text: string): this {
    bytewise(text, this.codec);
    return this;
  }
}

const ONE_BYTE = new ReadBuffer(17, true);

/** Every byte as a read of its own, all in one buffer, as sockets do it. */
function bytewise(text: string, codec: { receive(buffer: ReadBuffer, start: number, end: number): void }): void {
  const { bytes } = ONE_BYTE;
  bytes.fill(0x41);
  for (let i = 0; i < text.length; i++) {
    bytes[0] = text.charCodeAt(i);
    codec.receive(ONE_BYTE, 0, 1);
  }
}

/** Stale bytes follow what was read, as in a real read buffer. */
export function bufferOf(text: string): ReadBuffer {
  const buffer = new ReadBuffer(text.length + 16, true);
  buffer.bytes.fill(0x41);
  buffer.bytes.write(text, 0, "latin1");
  return buffer;
}
