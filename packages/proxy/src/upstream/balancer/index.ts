/**
 * Endpoint selection within one healthy set. Pure: hosts and randomness come in, a host goes out.
 * Behaviour: Envoy `source/extensions/load_balancing_policies/{round_robin,least_request,random}`.
 */
import type { BalancerPlan } from "../../plan/plan.ts";
import type { BalancedHost, Balancer } from "./balancer.ts";
import { LeastRequest } from "./least-request.ts";
import { Random } from "./random.ts";
import { RoundRobin } from "./round-robin.ts";

export type { BalancedHost, Balancer } from "./balancer.ts";

export function createBalancer<H extends BalancedHost>(plan: BalancerPlan, hosts: readonly H[]): Balancer<H> {
  if (plan.policy === "round-robin") return new RoundRobin(hosts);
  if (plan.policy === "least-request") return new LeastRequest(hosts, plan.choiceCount);
  return new Random(hosts);
}
