/**
 * HTTP/2 frames as they are on the wire (RFC 9113), as latin1: what cases are written with. Whatever may not be sent can be.
 * A client's first bytes are `preface()`.
 */
import { type HeaderField, encodeLiterals } from "./hpack.ts";

export const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

export const FRAME_TYPES = [
  "DATA",
  "HEADERS",
  "PRIORITY",
  "RST_STREAM",
  "SETTINGS",
  "PUSH_PROMISE",
  "PING",
  "GOAWAY",
  "WINDOW_UPDATE",
  "CONTINUATION",
] as const;

export const ERROR_CODES = [
  "NO_ERROR",
  "PROTOCOL_ERROR",
  "INTERNAL_ERROR",
  "FLOW_CONTROL_ERROR",
  "SETTINGS_TIMEOUT",
  "STREAM_CLOSED",
  "FRAME_SIZE_ERROR",
  "REFUSED_STREAM",
  "CANCEL",
  "COMPRESSION_ERROR",
  "CONNECT_ERROR",
  "ENHANCE_YOUR_CALM",
  "INADEQUATE_SECURITY",
  "HTTP_1_1_REQUIRED",
] as const;
export type ErrorCode = (typeof ERROR_CODES)[number];

const SETTINGS = {
  headerTableSize: 1,
  enablePush: 2,
  maxConcurrentStreams: 3,
  initialWindowSize: 4,
  maxFrameSize: 5,
  maxHeaderListSize: 6,
  enableConnect: 8,
} as const;
export type Settings = { readonly [name in keyof typeof SETTINGS]?: number };

export const FLAG = { endStream: 1, ack: 1, endHeaders: 4, padded: 8, priority: 32 } as const;

/** In what an upstream sends: the stream of the request that it answers. */
export const THIS_STREAM = 0x7fff_ffff;

/** Any frame. @param length what its header says, where that is not so long as the payload is */
export function frame(type: number, flags: number, stream: number, payload = "", length = payload.length): string {
  return uint(length, 3) + uint(type, 1) + uint(flags, 1) + uint(stream, 4) + payload;
}

export function settings(values: Settings = {}): string {
  return settingsFrame(
    Object.entries(values).map(([name, value]) => [SETTINGS[name as keyof Settings], value ?? 0] as const),
  );
}

/** By number, in this order. */
export function settingsFrame(values: readonly (readonly [id: number, value: number])[]): string {
  return frame(4, 0, 0, values.map(([id, value]) => uint(id, 2) + uint(value, 4)).join(""));
}

export const SETTINGS_ACK = frame(4, FLAG.ack, 0);

/** What a client begins with. */
export function preface(values: Settings = {}): string {
  return PREFACE + settings(values);
}

/** `name: value`, pseudo-headers included; a name may hold anything but `: `. */
export function block(lines: readonly string[]): string {
  return encodeLiterals(
    lines.map((line): HeaderField => {
      const colon = line.indexOf(": ");
      return [line.slice(0, colon), line.slice(colon + 2)];
    }),
  );
}

export function headers(stream: number, lines: readonly string[], flags: number = FLAG.endHeaders): string {
  return frame(1, flags, stream, block(lines));
}

export function continuation(stream: number, payload: string, flags: number = FLAG.endHeaders): string {
  return frame(9, flags, stream, payload);
}

export function data(stream: number, text: string, flags = 0): string {
  return frame(0, flags, stream, text);
}

/** DATA that ends the stream. */
export function lastData(stream: number, text = ""): string {
  return data(stream, text, FLAG.endStream);
}

/** Trailers. */
export function trailers(stream: number, ...lines: readonly string[]): string {
  return headers(stream, lines, FLAG.endHeaders | FLAG.endStream);
}

export function resetStream(stream: number, code: ErrorCode = "CANCEL"): string {
  return frame(3, 0, stream, uint(ERROR_CODES.indexOf(code), 4));
}

export function goaway(lastStream: number, code: ErrorCode = "NO_ERROR", debug = ""): string {
  return frame(7, 0, 0, uint(lastStream, 4) + uint(ERROR_CODES.indexOf(code), 4) + debug);
}

export function ping(text = "pingpong", flags = 0): string {
  return frame(6, flags, 0, text);
}

export function windowUpdate(stream: number, increment: number): string {
  return frame(8, 0, stream, uint(increment, 4));
}

export function priority(stream: number, dependsOn = 0, weight = 15): string {
  return frame(2, 0, stream, uint(dependsOn, 4) + uint(weight, 1));
}

/** The head of a request to `a.test`, unless the lines have another `:authority`; pseudo-headers first. */
export function open2(stream: number, method: string, path: string, ...lines: readonly string[]): string {
  return headers(stream, requestLines(method, path, lines));
}

/** A request that is its head. */
export function get2(stream: number, path = "/", ...lines: readonly string[]): string {
  return request2(stream, "GET", path, ...lines);
}

/** As `get2`, any method. */
export function request2(stream: number, method: string, path: string, ...lines: readonly string[]): string {
  return headers(stream, requestLines(method, path, lines), FLAG.endHeaders | FLAG.endStream);
}

/** A POST to `/` with this body, all in one segment. */
export function post2(stream: number, body: string, ...lines: readonly string[]): string {
  return open2(stream, "POST", "/", ...lines) + lastData(stream, body);
}

function requestLines(method: string, path: string, lines: readonly string[]): string[] {
  const pseudo = lines.filter((line) => line.startsWith(":"));
  const has = (name: string): boolean => pseudo.some((line) => line.startsWith(`${name}: `));
  return [
    `:method: ${method}`,
    ...(has(":scheme") ? [] : [":scheme: http"]),
    ...(has(":path") ? [] : [`:path: ${path}`]),
    ...(has(":authority") ? [] : [":authority: a.test"]),
    ...pseudo,
    ...lines.filter((line) => !line.startsWith(":")),
  ];
}

/** What an upstream answers the request at hand, without its end. */
export function head2(status: number, ...lines: readonly string[]): string {
  return headers(THIS_STREAM, [`:status: ${status}`, ...lines]);
}

/** A whole response to the request at hand. */
export function answer2(status: number, body = "", ...lines: readonly string[]): string {
  const ends = FLAG.endHeaders | FLAG.endStream;
  if (body === "") return headers(THIS_STREAM, [`:status: ${status}`, ...lines], ends);
  return head2(status, ...lines) + lastData(THIS_STREAM, body);
}

/** A message of gRPC. */
export function grpcMessage(text: string): string {
  return `\0${uint(text.length, 4)}${text}`;
}

/** A whole response of gRPC to the request at hand: messages, then the status in trailers. */
export function grpcAnswer(status: number, messages: readonly string[] = [], ...lines: readonly string[]): string {
  return (
    head2(200, "content-type: application/grpc") +
    messages.map((message) => data(THIS_STREAM, grpcMessage(message))).join("") +
    trailers(THIS_STREAM, `grpc-status: ${status}`, ...lines)
  );
}

/** A response of HTTP/1.1 as frames. Its body is what follows its head; one that is chunked is for other tests. */
export function translated(message: string): string {
  const end = message.indexOf("\r\n\r\n");
  const [start = "", ...lines] = message.slice(0, end).split("\r\n");
  const body = message.slice(end + 4);
  const status = Number(start.split(" ")[1]);
  const lowered = lines.map((line) => line.replace(/^[^:]+/, (name) => name.toLowerCase()));
  return status < 200 ? head2(status, ...lowered) : answer2(status, body, ...lowered);
}

/** Puts a stream's number where THIS_STREAM is. */
export function onStream(frames: string, stream: number): string {
  let out = "";
  for (let at = 0; at < frames.length;) {
    const length = readUint(frames, at, 3);
    const of = readUint(frames, at + 5, 4);
    out += frames.slice(at, at + 5) + uint(of === THIS_STREAM ? stream : of, 4) + frames.slice(at + 9, at + 9 + length);
    at += 9 + length;
  }
  return out;
}

function readUint(text: string, at: number, bytes: number): number {
  let value = 0;
  for (let i = 0; i < bytes; i++) value = value * 256 + text.charCodeAt(at + i);
  return value;
}

function uint(value: number, bytes: number): string {
  let text = "";
  for (let i = bytes - 1; i >= 0; i--) text += String.fromCharCode(Math.floor(value / 256 ** i) % 256);
  return text;
}
