/** The words in which cases are written: what clients do and wait for, what upstreams answer, messages. */
import type { Verdict } from "./authorizer.ts";
import type { CollectorScript } from "./log-collector.ts";
import type { Act, Json, JsonObject, Step, UpstreamScript } from "./case.ts";
import type { Duty } from "./http2/conversation.ts";
import type { TlsClientEnd } from "./tls.ts";

/** Sends bytes on a connection other than `c`. */
export function send(on: string, bytes: string): Step {
  return { do: "send", on, bytes };
}

/** Opens a connection to a listener other than the default one. Connections to that one open when first used. */
export function connect(on: string, listener = "l"): Step {
  return { do: "connect", on, listener };
}

/** Opens a TLS connection; `resumes` names one whose session it has. */
export function secure(tls: TlsClientEnd = {}, on = "c", listener = "l"): Step {
  return { do: "connect", on, listener, tls };
}

/** Half-closes. */
export function finish(on = "c"): Step {
  return { do: "finish", on };
}

/** Sends RST. */
export function reset(on = "c"): Step {
  return { do: "reset", on };
}

/** Closes both directions. */
export function close(on = "c"): Step {
  return { do: "close", on };
}

/** Stops reading. */
export function pause(on = "c"): Step {
  return { do: "pause", on };
}

/** Reads again. */
export function resume(on = "c"): Step {
  return { do: "resume", on };
}

/** What every HTTP/2 client does by itself, this one does not. */
export function byHand(duties: readonly Duty[], on = "c"): Step {
  return { do: "by hand", duties, on };
}

/** Waits until the client has received this text, or that many complete final responses. */
export function got(what: string | RegExp | number, on = "c"): Step {
  return { do: "got", what, on };
}

/** Waits until the proxy has ended the connection. */
export function ended(on = "c"): Step {
  return { do: "ended", on };
}

/** Waits until the upstream has received this text, or that many complete requests. */
export function seen(upstream: string, what: string | RegExp | number): Step {
  return { do: "seen", upstream, what };
}

/** Waits until the name server has been asked that (`b.test A`) so many times. */
export function asked(question: string, times = 1): Step {
  return { do: "asked", question, times };
}

/** Opens a gate that upstreams wait at. */
export function open(gate: string): Step {
  return { do: "let", gate };
}

/** Waits until a stat has a value. */
export function stat(name: string, value: number): Step {
  return { do: "stat", name, value };
}

/** A request to the admin endpoint. */
export function admin(path: string, method = "POST"): Step {
  return { do: "admin", method, path };
}

/** Applies YAML and waits until the proxy has what follows from it. */
export function apply(yaml: string): Step {
  return { do: "apply", yaml };
}

/** Lets time pass: only where time itself is what the case is about (a bucket that refills). */
export function elapse(ms: number): Step {
  return { do: "elapse", ms };
}

/** The upstream waits here until a step opens the gate. `gate("never")`, which nobody opens, is an upstream that hangs. */
export function gate(name: string): Act {
  return { do: "gate", gate: name };
}

/** The upstream waits here until this connection has received the text. */
export function sees(text: string): Act {
  return { do: "sees", text };
}

/** The upstream closes, resets, half-closes. */
export const CLOSE: Act = { do: "close" };
export const RESET: Act = { do: "reset" };
export const FINISH: Act = { do: "finish" };

const CRLF = "\r\n";

/** A request head, `Host: a.test` unless the header lines have their own. */
export function get(path = "/", ...lines: readonly string[]): string {
  return request("GET", path, ...lines);
}

/** As `get`, any method. */
export function request(method: string, path: string, ...lines: readonly string[]): string {
  const hosted = lines.some((line) => /^host *:/i.test(line)) ? lines : ["Host: a.test", ...lines];
  return [`${method} ${path} HTTP/1.1`, ...hosted, "", ""].join(CRLF);
}

/**
 * Requests one after another, each when the one before is answered. (Envoy forgets what was pipelined behind a request that it answers
 * by itself.)
 */
export function inTurn(...requests: readonly string[]): readonly Step[] {
  return requests.flatMap((bytes, i) => [bytes, got(i + 1)]);
}

/** A POST to `/` with a content-length. */
export function post(body: string, ...lines: readonly string[]): string {
  return request("POST", "/", ...lines, `content-length: ${body.length}`) + body;
}

/** A collector of access logs that speaks gRPC. */
export function collector(script: CollectorScript = {}): UpstreamScript {
  return { answers: [""], collects: script };
}

/** An authorizer that speaks gRPC, and what it says to the first question, the second, … */
export function authorizer(...checks: readonly Verdict[]): UpstreamScript {
  return { answers: [""], checks };
}

/** A response with a content-length. */
export function answer(status: number, body = "", ...lines: readonly string[]): string {
  return [`HTTP/1.1 ${status} X`, ...lines, `content-length: ${body.length}`, "", body].join(CRLF);
}

/** A response or request head that is exactly these lines. */
export function head(...lines: readonly string[]): string {
  return [...lines, "", ""].join(CRLF);
}

/** Chunks, the last chunk, trailers. */
export function chunked(chunks: readonly string[], ...trailers: readonly string[]): string {
  return chunks.map((data) => `${data.length.toString(16)}\r\n${data}\r\n`).join("") + head("0", ...trailers);
}

/** A route by prefix to a cluster; more fields of the route beside the action. */
export function toCluster(
  prefix: string,
  cluster: string,
  action: JsonObject = {},
  route: JsonObject = {},
): JsonObject {
  return { match: { prefix }, route: { cluster, ...action }, ...route };
}

/** `lb_endpoints` entry of an upstream, with more fields (weight, health, metadata). */
export function endpoint(upstream: string, fields: JsonObject = {}): JsonObject {
  const address = { socket_address: { address: "127.0.0.1", port_value: `{port ${upstream}}` } };
  return { endpoint: { address }, ...fields };
}

/** A `typed_config` of Envoy's: the part of the type URL after `type.googleapis.com/envoy.` */
export function typed(type: string, fields: JsonObject = {}): JsonObject {
  return { "@type": `type.googleapis.com/envoy.${type}`, ...fields };
}

/** A `HeaderValueOption`. */
export function header(key: string, value: string, append_action?: string, more: JsonObject = {}): JsonObject {
  const action: Record<string, Json> = append_action === undefined ? {} : { append_action };
  return { header: { key, value }, ...action, ...more };
}
