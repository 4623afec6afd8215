/** Words for listeners: filter chains, what they end in, and what clients begin with. */
import type { JsonObject } from "./case.ts";
import { typed } from "./steps.ts";

/** A filter chain. @param match `filter_chain_match` */
export function chain(match: JsonObject, filters: readonly JsonObject[], fields: JsonObject = {}): JsonObject {
  return { filter_chain_match: match, filters, ...fields };
}

/** A connection manager that answers every request with a text, so that it can be told which chain was taken. */
export function answers(text: string): JsonObject {
  const route = { match: { prefix: "/" }, direct_response: { status: 200, body: { inline_string: text } } };
  return {
    name: "hcm",
    typed_config: typed("extensions.filters.network.http_connection_manager.v3.HttpConnectionManager", {
      stat_prefix: text,
      route_config: { name: text, virtual_hosts: [{ name: text, domains: ["*"], routes: [route] }] },
      http_filters: [
        { name: "envoy.filters.http.router", typed_config: typed("extensions.filters.http.router.v3.Router") },
      ],
    }),
  };
}

/** A TCP proxy to a cluster. */
export function tcpProxy(cluster: string | null, fields: JsonObject = {}): JsonObject {
  const to: JsonObject = cluster === null ? {} : { cluster };
  return {
    name: "tcp",
    typed_config: typed("extensions.filters.network.tcp_proxy.v3.TcpProxy", { stat_prefix: "t", ...to, ...fields }),
  };
}

/** A network filter by the last part of its folder's name and its message. */
export function networkFilter(folder: string, message: string, fields: JsonObject = {}): JsonObject {
  return { name: folder, typed_config: typed(`extensions.filters.network.${folder}.v3.${message}`, fields) };
}

/** A listener filter, likewise. */
export function listenerFilter(
  folder: string,
  message: string,
  fields: JsonObject = {},
  more: JsonObject = {},
): JsonObject {
  return {
    name: `envoy.filters.listener.${folder}`,
    typed_config: typed(`extensions.filters.listener.${folder}.v3.${message}`, fields),
    ...more,
  };
}

export const TLS_INSPECTOR = listenerFilter("tls_inspector", "TlsInspector");

/** `CidrRange` */
export function range(text: string): JsonObject {
  const [address_prefix, prefix_len] = text.split("/");
  return { address_prefix: address_prefix!, prefix_len: Number(prefix_len) };
}

/** A file access log with a text format; observed as `log`. */
export function fileLog(format: string, filter?: JsonObject): JsonObject {
  const config = { path: "{log}", log_format: { text_format_source: { inline_string: `${format}\n` } } };
  const typed_config = typed("extensions.access_loggers.file.v3.FileAccessLog", config);
  return { name: "file", typed_config, ...(filter === undefined ? {} : { filter }) };
}

export interface HelloParts {
  readonly serverName?: string;
  readonly protocols?: readonly string[];
  /** Bytes of padding (an extension that says nothing). */
  readonly padding?: number;
  /** Extensions as they are, after the others. */
  readonly extensions?: readonly string[];
  /** The handshake message is cut into records of so many bytes. */
  readonly recordBytes?: number;
}

const byte = (value: number): string => String.fromCharCode(value & 255);
export const short = (value: number): string => byte(value >> 8) + byte(value);
export const vector8 = (text: string): string => byte(text.length) + text;
const vector16 = (text: string): string => short(text.length) + text;

export function extension(type: number, content: string): string {
  return short(type) + vector16(content);
}

/** The first message of a TLS 1.2 client, as latin1. */
export function clientHello({ serverName, protocols, padding, extensions = [], recordBytes }: HelloParts = {}): string {
  const list = [
    ...(serverName === undefined ? [] : [extension(0, vector16(byte(0) + vector16(serverName)))]),
    ...(protocols === undefined ? [] : [extension(16, vector16(protocols.map(vector8).join("")))]),
    // Groups, point formats, signature algorithms: without them no server would talk.
    extension(10, vector16(short(29) + short(23))),
    extension(11, vector8(byte(0))),
    extension(13, vector16(short(0x0403) + short(0x0804))),
    ...(padding === undefined ? [] : [extension(21, "\0".repeat(padding))]),
    ...extensions,
  ].join("");
  const random = "r".repeat(32);
  const body =
    short(0x0303) + random + vector8("") + vector16(short(0xc02b) + short(0xc02f)) + vector8(byte(0)) + vector16(list);
  return records(byte(1) + byte(body.length >> 16) + short(body.length) + body, recordBytes);
}

/** Handshake messages in records. */
export function records(message: string, recordBytes = 16_384): string {
  let text = "";
  for (let at = 0; at < message.length; at += recordBytes) {
    text += byte(22) + short(0x0301) + vector16(message.slice(at, at + recordBytes));
  }
  return text;
}

/** A PROXY protocol header, version 2. @param addresses as they stand in it @param tlvs `[type, value]` */
export function proxyV2(
  command: number,
  family: number,
  addresses: string,
  tlvs: readonly (readonly [number, string])[] = [],
): string {
  const rest = addresses + tlvs.map(([type, value]) => byte(type) + vector16(value)).join("");
  return `\r\n\r\n\0\r\nQUIT\n${byte(0x20 | command)}${byte(family)}${vector16(rest)}`;
}

/** The addresses of a TCP/IPv4 header. */
export function ipv4(source: string, destination: string, sourcePort: number, destinationPort: number): string {
  const address = (text: string): string =>
    text
      .split(".")
      .map((part) => byte(Number(part)))
      .join("");
  return address(source) + address(destination) + short(sourcePort) + short(destinationPort);
}
