import { isIP } from "../ip-address.ts";
import type { OriginalDstPlan } from "../plan/cluster-plan.ts";
import type { Counter } from "../stats/index.ts";
import type { LoadBalancer } from "./balancer/load-balancer.ts";
import type { Host } from "./host.ts";
import type { LoadBalancerContext } from "./load-balancer-context.ts";

/**
 * ORIGINAL_DST: the request itself names the address that it goes to, by metadata or a header, or its connection was to go there; a host is made for it, and forgotten when
 * nobody has asked for it in a while. Source: Envoy `source/extensions/clusters/original_dst/original_dst_cluster.cc`.
 */
export class OriginalDstBalancer implements LoadBalancer<Host> {
  private readonly plan: OriginalDstPlan;
  private readonly hostAt: (address: string, port: number) => Host | null;
  private readonly invalid: Counter;

  /** @param hostAt the host of an address, made if it is not there; null: it may not be named */
  constructor(plan: OriginalDstPlan, hostAt: (address: string, port: number) => Host | null, invalid: Counter) {
    this.plan = plan;
    this.hostAt = hostAt;
    this.invalid = invalid;
  }

  update(): void {
    // Whoever is asked for is chosen: health and weight are nothing here.
  }

  /** The next request says where it goes. */
  peek(): null {
    return null;
  }

  choose(context: LoadBalancerContext): Host | null {
    const { header, metadata } = this.plan;
    if (metadata !== null) {
      const value = context.requestMetadata(metadata.namespace, metadata.path);
      if (typeof value === "string" && value !== "") {
        const host = this.hostOf(value);
        if (host !== null) return host;
      }
    }
    const text = header === "" ? undefined : context.requestHeader(header);
    if (text !== undefined) return this.hostOf(text);
    const original = context.originalDestination;
    return original === null
      ? null
      : this.hostAt(original.address, this.plan.port === 0 ? original.port : this.plan.port);
  }

  private hostOf(text: string): Host | null {
    const { port } = this.plan;
    const parts = PATTERN.exec(text);
    const address = parts === null ? "" : (parts[1] ?? parts[2]);
    const wanted = parts === null ? -1 : Number(parts[3]);
    if (wanted < 0 || wanted > 65_535 || isIP(address) === 0 || (isIP(address) === 6) !== text.startsWith("[")) {
      this.invalid.value++;
      return null;
    }
    return this.hostAt(address, port === 0 ? wanted : port);
  }
}

/** `1.2.3.4:80` or `[::1]:80`. */
const PATTERN = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/;
