/** What a request's host says of the TLS connection that it goes by. Envoy `source/common/router/router.cc`, Filter::decodeHeaders. */
import type { RequestHead } from "../codec/messages.ts";
import { isIP } from "../ip-address.ts";
import type { AutoSniPlan, RoutingPriority } from "../plan/cluster-plan.ts";
import type { ProxyOrigin } from "../plan/proxy-header.ts";
import type { Host } from "../upstream/host.ts";
import type { Pool } from "../upstream/pool.ts";
import type { ConnectionProtocol } from "../upstream/upstream-connection.ts";

export function namedPool(
  host: Host,
  priority: RoutingPriority,
  plan: AutoSniPlan,
  request: RequestHead,
  origin: ProxyOrigin | null,
  protocol: ConnectionProtocol,
  owner: number,
): Pool {
  const overriding = plan.header === "" ? "" : (request.header(plan.header) ?? "");
  const name = hostOf(overriding === "" ? request.authority : overriding);
  // Addresses are no server names (RFC 6066 §3), but certificates may have them.
  const serverName = plan.sni && isIP(name) === 0 ? name : "";
  return host.namedPool(priority, serverName, plan.names ? name : "", origin, protocol, owner);
}

/** `a.test:80` → `a.test`, `[::1]:80` → `::1` */
function hostOf(authority: string): string {
  if (authority.startsWith("[")) return authority.slice(1, Math.max(1, authority.indexOf("]")));
  const colon = authority.lastIndexOf(":");
  return colon < 0 ? authority : authority.slice(0, colon);
}
