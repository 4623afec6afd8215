import type { ClientHttp2Stream, IncomingHttpHeaders, OutgoingHttpHeaders } from "node:http2";
import { grpcFrame } from "../codec/grpc/frames.ts";
import {
  CANCEL,
  CANCELLED,
  type CarriedCall,
  FAILED,
  type GrpcCallOwner,
  type GrpcRequest,
  grpcHeaders,
} from "./grpc-call.ts";

export type GrpcStreamRequest = Pick<GrpcRequest, "authority" | "path" | "headers">;

/**
 * What may wait for a peer that reads slowly, or for a connection: above it a stream is full. Envoy's mark is the window of its HTTP/2
 * streams, 16 MiB, more than all of a proxy of ours takes.
 */
const HIGH_WATERMARK_BYTES = 1024 * 1024;

/** A stream of messages to a peer that says nothing before it ends it: what metrics and access logs leave by. */
export class GrpcStream implements CarriedCall {
  readonly headers: OutgoingHttpHeaders;
  private readonly owner: GrpcCallOwner;
  private readonly onEnd: () => void;
  /** Null: it waits for a connection, and its messages do. */
  private stream: ClientHttp2Stream | null = null;
  private waiting: Buffer[] = [];
  private waitingBytes = 0;
  private httpStatus = 0;
  private over = false;

  constructor(owner: GrpcCallOwner, request: GrpcStreamRequest, onEnd: () => void) {
    this.owner = owner;
    this.onEnd = onEnd;
    this.headers = grpcHeaders({ ...request, timeout: "" });
  }

  get isOver(): boolean {
    return this.over;
  }

  /** The peer does not keep up: messages are better dropped now. */
  get isFull(): boolean {
    return (this.stream?.writableLength ?? this.waitingBytes) > HIGH_WATERMARK_BYTES;
  }

  send(message: Uint8Array): void {
    if (this.over) return;
    const frame = grpcFrame(message);
    if (this.stream !== null) {
      this.stream.write(frame);
      return;
    }
    this.waiting.push(frame);
    this.waitingBytes += frame.length;
  }

  begin(stream: ClientHttp2Stream): void {
    this.stream = stream;
    // Whatever it says: it takes no more messages, and the runtime would leave our half open.
    stream.once("end", () => stream.close(CANCEL));
    for (const frame of this.waiting) stream.write(frame);
    this.waiting = [];
    this.waitingBytes = 0;
  }

  /** Nothing more will be sent: the peer may have its last word. */
  end(): void {
    if (this.stream === null) this.cancel();
    else this.stream.end();
  }

  /** Nobody wants to know any more. */
  cancel(): void {
    if (this.over) return;
    this.finish(CANCELLED);
    this.stream?.close(CANCEL);
  }

  fail(outcome: number): void {
    if (this.over) return;
    this.finish(outcome);
    this.onEnd();
  }

  onHeaders(headers: IncomingHttpHeaders): void {
    this.httpStatus = Number(headers[":status"] ?? 0);
    const status = headers["grpc-status"];
    if (!this.over) this.owner.onCallAnswered(this.httpStatus, typeof status === "string" ? status : "");
  }

  /** What it answers is nothing to us. */
  onData(): void {}

  onTrailers(): void {}

  onStreamClosed(): void {
    this.fail(this.httpStatus === 0 ? FAILED : this.httpStatus);
  }

  private finish(outcome: number): void {
    this.over = true;
    this.waiting = [];
    this.owner.onCallEnd(this, outcome);
  }
}
