import type { Ja4 } from "../../codec/tls-hello/ja4.ts";
import { readClientHello } from "../../codec/tls-hello/client-hello.ts";
import type { AcceptedConnection } from "../../net/accepted-connection.ts";
import type { TlsInspectorPlan } from "../../plan/listener-filter-plan.ts";
import type { Counter, Histogram } from "../../stats/index.ts";
import {
  CLOSE,
  CONTINUE,
  type ListenerFilter,
  type ListenerFilterDeps,
  type Verdict,
  WAIT,
} from "../listener-filter.ts";

// Not by `import`: that evaluates every export of node:crypto (2 MB resident).
const { hash } = process.getBuiltinModule("node:crypto");

/** Whether a client begins with TLS, and what it asks for. Envoy `source/extensions/filters/listener/tls_inspector/tls_inspector.cc`. */
export class TlsInspector implements ListenerFilter {
  private readonly plan: TlsInspectorPlan;
  private readonly tooLarge: Counter;
  private readonly found: Counter;
  private readonly notFound: Counter;
  private readonly alpnFound: Counter;
  private readonly alpnNotFound: Counter;
  private readonly sniFound: Counter;
  private readonly sniNotFound: Counter;
  private readonly bytesProcessed: Histogram;

  constructor(plan: TlsInspectorPlan, { registry }: ListenerFilterDeps) {
    this.plan = plan;
    const counter = (name: string): Counter => registry.counter(`tls_inspector.${name}`);
    this.tooLarge = counter("client_hello_too_large");
    this.found = counter("tls_found");
    this.notFound = counter("tls_not_found");
    this.alpnFound = counter("alpn_found");
    this.alpnNotFound = counter("alpn_not_found");
    this.sniFound = counter("sni_found");
    this.sniNotFound = counter("sni_not_found");
    this.bytesProcessed = registry.histogram("tls_inspector.bytes_processed");
  }

  inspect(connection: AcceptedConnection, early: Uint8Array): Verdict {
    if (early.length === 0) return WAIT;
    const { maxHelloBytes, closesOnErrors } = this.plan;
    const bytes = early.length > maxHelloBytes ? early.subarray(0, maxHelloBytes) : early;
    const hello = readClientHello(bytes, this.plan);
    if (typeof hello === "number") {
      if (bytes.length < maxHelloBytes) {
        connection.wantedBytes = Math.min(hello, maxHelloBytes);
        return WAIT;
      }
      this.tooLarge.value++;
      this.bytesProcessed.record(bytes.length);
      return CLOSE;
    }
    this.bytesProcessed.record(bytes.length);
    if (hello === "not-tls") {
      this.notFound.value++;
      return closesOnErrors ? CLOSE : CONTINUE;
    }
    (hello.serverName === "" ? this.sniNotFound : this.sniFound).value++;
    connection.serverName = hello.serverName;
    if (hello.isObsolete) {
      this.notFound.value++;
      return closesOnErrors ? CLOSE : CONTINUE;
    }
    this.found.value++;
    (hello.applicationProtocols.length > 0 ? this.alpnFound : this.alpnNotFound).value++;
    connection.transportProtocol = "tls";
    connection.applicationProtocols = hello.applicationProtocols;
    // cold: once a connection, where they are wanted
    if (hello.ja3 !== "") connection.ja3 = hash("md5", hello.ja3);
    if (hello.ja4 !== null) connection.ja4 = textOf(hello.ja4);
    return CONTINUE;
  }
}

function textOf({ prefix, ciphers, extensions }: Ja4): string {
  return `${prefix}_${shortHash(ciphers)}_${shortHash(extensions)}`;
}

function shortHash(text: string): string {
  return text === "" ? "000000000000" : hash("sha256", text, "hex").slice(0, 12);
}
