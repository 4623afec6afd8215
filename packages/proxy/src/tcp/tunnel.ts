/** A connection through an HTTP proxy: what it is asked for, and what it answers. Envoy `source/common/tcp_proxy/upstream.cc`. */
import type { JsonValue } from "@bufbuild/protobuf";
import { ProtoWriter } from "@tulle/telemetry/proto";
import type { HeaderBlock } from "../codec/header-block.ts";
import { RequestHead } from "../codec/messages.ts";
import { applyHeaderMutations } from "../http/header-mutations.ts";
import type { TunnelPlan } from "../plan/compile-tunnel.ts";
import type { FilterStateObject } from "../plan/format/stream-info.ts";
import type { ConnectionStream } from "./connection-stream.ts";

/** @param secure the proxy is spoken to by TLS */
export function tunnelRequest(plan: TunnelPlan, stream: ConnectionStream, secure: boolean): RequestHead {
  const head = new RequestHead();
  head.authority = plan.hostname === null ? "" : plan.hostname.format(stream);
  head.hasAuthority = true;
  if (plan.postPath === null) head.method = "CONNECT";
  else {
    head.method = "POST";
    head.path = plan.postPath;
    head.scheme = secure ? "https" : "http";
  }
  applyHeaderMutations(head.headers, plan.headers, stream, true);
  return head;
}

/** Of HTTP/1.1, every 2xx answer opens a tunnel (RFC 9110 §9.3.6). */
export function opensTunnel(status: number, isHttp2: boolean): boolean {
  return isHttp2 ? status === 200 : status >= 200 && status < 300;
}

export const RESPONSE_HEADERS_STATE = "envoy.tcp_proxy.propagate_response_headers";
export const RESPONSE_TRAILERS_STATE = "envoy.tcp_proxy.propagate_response_trailers";

interface Line {
  readonly key: string;
  readonly value: string;
}

/** What the proxy has answered, for whoever writes of the connection. */
export class KeptHeaders implements FilterStateObject {
  private readonly lines: readonly Line[];

  /** @param status of headers; 0: they are trailers */
  constructor(status: number, headers: HeaderBlock) {
    const lines: Line[] = status === 0 ? [] : [{ key: ":status", value: String(status) }];
    for (let i = 0; i < headers.count; i++) {
      if (!headers.removed(i)) lines.push({ key: headers.nameAt(i), value: headers.valueAt(i) });
    }
    this.lines = lines;
  }

  get typeName(): string {
    return "envoy.config.core.v3.HeaderMap";
  }

  encode(): Uint8Array {
    const writer = new ProtoWriter();
    // It writes backwards.
    for (const { key, value } of this.lines.toReversed()) {
      const { length } = writer;
      writer.text(2, value);
      writer.text(1, key);
      writer.message(1, length);
    }
    return writer.finish();
  }

  asText(): undefined {
    return undefined;
  }

  asJson(): JsonValue {
    return { headers: this.lines.map(({ key, value }) => ({ key, value })) };
  }

  field(): undefined {
    return undefined;
  }
}
