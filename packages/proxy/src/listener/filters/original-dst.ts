import type { AcceptedConnection } from "../../net/accepted-connection.ts";
import { CONTINUE, type ListenerFilter, type ListenerFilterDeps, type Verdict } from "../listener-filter.ts";

/** A redirected connection is taken for what it was to be. Envoy `source/extensions/filters/listener/original_dst/original_dst.cc`. */
export class OriginalDst implements ListenerFilter {
  private readonly net: ListenerFilterDeps["net"];

  constructor({ net }: ListenerFilterDeps) {
    this.net = net;
  }

  inspect(connection: AcceptedConnection): Verdict {
    const original = this.net.originalDestination(connection.socket);
    if (original !== undefined) connection.restoreLocalAddress(original.address, original.port);
    return CONTINUE;
  }
}
