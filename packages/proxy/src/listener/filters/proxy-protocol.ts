import type { JsonObject } from "@bufbuild/protobuf";
import { type ProxyHeader, type Tlv, readProxyHeader, versionOf } from "../../codec/proxy-protocol/read-header.ts";
import type { AcceptedConnection } from "../../net/accepted-connection.ts";
import type { ProxyProtocolPlan } from "../../plan/listener-filter-plan.ts";
import type { Counter } from "../../stats/index.ts";
import {
  CLOSE,
  CONTINUE,
  type ListenerFilter,
  type ListenerFilterDeps,
  type Verdict,
  WAIT,
} from "../listener-filter.ts";

interface VersionStats {
  readonly found: Counter;
  readonly disallowed: Counter;
  readonly error: Counter;
}

/** Who a connection is made for. Envoy `source/extensions/filters/listener/proxy_protocol/proxy_protocol.cc`. */
export class ProxyProtocol implements ListenerFilter {
  private readonly plan: ProxyProtocolPlan;
  private readonly notFoundAllowed: Counter;
  private readonly notFoundDisallowed: Counter;
  private readonly v1: VersionStats;
  private readonly v2: VersionStats;

  constructor(plan: ProxyProtocolPlan, { registry }: ListenerFilterDeps) {
    this.plan = plan;
    const prefix = plan.statPrefix === "" ? "proxy_proto." : `proxy_proto.${plan.statPrefix}.`;
    const version = (name: string): VersionStats => ({
      found: registry.counter(`${prefix}versions.${name}.found`),
      disallowed: registry.counter(`${prefix}versions.${name}.disallowed`),
      error: registry.counter(`${prefix}versions.${name}.error`),
    });
    this.notFoundAllowed = registry.counter(`${prefix}not_found_allowed`);
    this.notFoundDisallowed = registry.counter(`${prefix}not_found_disallowed`);
    this.v1 = version("v1");
    this.v2 = version("v2");
  }

  inspect(connection: AcceptedConnection, early: Uint8Array): Verdict {
    if (early.length === 0) return WAIT;
    const { optional, allowsV1, allowsV2 } = this.plan;
    const version = versionOf(early);
    if (version === 0 && !optional && early.length < ENOUGH_BYTES) return WAIT;
    const allowed = version === 1 ? allowsV1 : allowsV2;
    if (version === 0 || (optional && !allowed)) {
      (optional ? this.notFoundAllowed : this.notFoundDisallowed).value++;
      return optional ? CONTINUE : CLOSE;
    }
    const header = readProxyHeader(early);
    if (header === "incomplete") return WAIT;
    const stats = version === 1 ? this.v1 : this.v2;
    if (header === "none") {
      this.notFoundDisallowed.value++;
      return CLOSE;
    }
    if (header === "error") {
      stats.error.value++;
      return CLOSE;
    }
    stats.found.value++;
    if (!allowed) {
      stats.disallowed.value++;
      return CLOSE;
    }
    this.apply(header, connection);
    connection.consume(header.length);
    return CONTINUE;
  }

  private apply({ addresses, tlvs }: ProxyHeader, connection: AcceptedConnection): void {
    for (let i = 0; i < tlvs.length; i++) this.keep(tlvs[i], connection);
    if (tlvs.length > 0) connection.tlvs = tlvs.filter(({ type }) => this.plan.passes(type));
    if (addresses === null) return;
    connection.remoteAddress = addresses.source;
    connection.remotePort = addresses.sourcePort;
    connection.restoreLocalAddress(addresses.destination, addresses.destinationPort);
  }

  private keep({ type, value }: Tlv, connection: AcceptedConnection): void {
    const rule = this.plan.rules.get(type);
    if (rule === undefined) return;
    const known: JsonObject = connection.metadata?.[rule.namespace] ?? {};
    // The first of a type counts.
    if (Object.hasOwn(known, rule.key)) return;
    const bytes = Buffer.from(value);
    const text = rule.base64 ? bytes.toString("base64") : sanitized(bytes);
    connection.metadata = { ...connection.metadata, [rule.namespace]: { ...known, [rule.key]: text } };
  }
}

/** So many are read before Envoy says that they are no header. */
const ENOUGH_BYTES = 16;

/** Envoy `MessageUtil::sanitizeUtf8String`: "!" for every byte that is part of no character. */
function sanitized(bytes: Buffer): string {
  const text = bytes.toString("utf8");
  if (!text.includes("\ufffd")) return text;
  let good = "";
  for (let at = 0; at < bytes.length;) {
    const length = characterLength(bytes, at);
    good += length === 0 ? "!" : bytes.toString("utf8", at, at + length);
    at += Math.max(1, length);
  }
  return good;
}

/** Of the character that begins there; 0 if none does. */
function characterLength(bytes: Buffer, at: number): number {
  if (isReplacement(bytes, at)) return 3;
  for (let length = 1; length <= 4 && at + length <= bytes.length; length++) {
    if (!bytes.toString("utf8", at, at + length).includes("\ufffd")) return length;
  }
  return 0;
}

/** U+FFFD itself. */
function isReplacement(bytes: Buffer, at: number): boolean {
  return bytes[at] === 0xef && bytes[at + 1] === 0xbf && bytes[at + 2] === 0xbd;
}
