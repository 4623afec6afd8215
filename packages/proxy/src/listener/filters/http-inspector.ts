import type { AcceptedConnection } from "../../net/accepted-connection.ts";
import type { Counter } from "../../stats/index.ts";
import { CONTINUE, type ListenerFilter, type ListenerFilterDeps, type Verdict, WAIT } from "../listener-filter.ts";

/** How HTTP/2 begins where both sides know (RFC 9113, 3.4). */
const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/** Source: Envoy `source/extensions/filters/listener/http_inspector/http_inspector.h`, MAX_INSPECT_SIZE. */
const MAX_BYTES = 64 * 1024;

const CR = 0x0d;
const LF = 0x0a;

/** Which HTTP a client begins with, if any. Envoy `source/extensions/filters/listener/http_inspector/http_inspector.cc`. */
export class HttpInspector implements ListenerFilter {
  private readonly http10: Counter;
  private readonly http11: Counter;
  private readonly http2: Counter;
  private readonly notFound: Counter;

  constructor({ registry }: ListenerFilterDeps) {
    const counter = (name: string): Counter => registry.counter(`http_inspector.${name}`);
    this.http10 = counter("http10_found");
    this.http11 = counter("http11_found");
    this.http2 = counter("http2_found");
    this.notFound = counter("http_not_found");
  }

  inspect(connection: AcceptedConnection, early: Uint8Array): Verdict {
    const { transportProtocol } = connection;
    // What is encrypted is not looked into.
    if (transportProtocol !== "" && transportProtocol !== "raw_buffer") return CONTINUE;
    if (early.length === 0) return WAIT;
    if (beginsLikePreface(early)) {
      if (early.length < PREFACE.length) return WAIT;
      return this.saw(connection, this.http2, H2C);
    }
    const end = lineEnd(early);
    if (end < 0) {
      if (mayBeMethod(early) && early.length < MAX_BYTES) return WAIT;
      this.notFound.value++;
      return CONTINUE;
    }
    const match = REQUEST_LINE.exec(String.fromCharCode(...early.subarray(0, Math.min(end, MAX_BYTES))));
    if (match === null) {
      this.notFound.value++;
      return CONTINUE;
    }
    return match[1] === "1.1" ? this.saw(connection, this.http11, HTTP11) : this.saw(connection, this.http10, HTTP10);
  }

  private saw(connection: AcceptedConnection, counter: Counter, protocols: readonly string[]): Verdict {
    counter.value++;
    connection.applicationProtocols = protocols;
    return CONTINUE;
  }
}

const H2C = ["h2c"];
const HTTP11 = ["http/1.1"];
const HTTP10 = ["http/1.0"];

/** A method, a target, a version, as Envoy's parser takes them: any token, and HTTP/0.9 that names no version. */
const REQUEST_LINE =
  /^(?:CONNECT +[^ ]+|[!#$%&'*+\-.^_`|~0-9A-Za-z]+ +(?:[/*]|[a-z]+:\/\/)[^ ]*) *(?: HTTP\/(\d\.\d))?$/;

function beginsLikePreface(bytes: Uint8Array): boolean {
  const length = Math.min(bytes.length, PREFACE.length);
  for (let i = 0; i < length; i++) if (bytes[i] !== PREFACE.charCodeAt(i)) return false;
  return true;
}

function lineEnd(bytes: Uint8Array): number {
  for (let i = 0; i < bytes.length; i++) if (bytes[i] === CR || bytes[i] === LF) return i;
  return -1;
}

/** A method is a token. */
function mayBeMethod(bytes: Uint8Array): boolean {
  return TOKEN.test(String.fromCharCode(bytes[0]));
}

const TOKEN = /[!#$%&'*+\-.^_`|~0-9A-Za-z]/;
