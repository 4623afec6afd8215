/** What is sent through both proxies, one after another on one connection, and what their upstreams answer. */
import type { Act, ContractCase } from "../contract/harness/case.ts";

/** Everything that a case says of the configuration: a finding is a case. */
export type Configuration = Pick<
  ContractCase,
  "virtualHosts" | "routeConfig" | "manager" | "filters" | "router" | "clusters"
>;

export interface Exchange {
  /** Sent as one segment, joined; apart, so that what does not matter can be left out. */
  readonly request: readonly string[];
  /** What an upstream does with every request of this exchange. */
  readonly answer: readonly Act[];
  /** On a connection of its own, whatever came before. */
  readonly fresh: boolean;
  /** Nearly HTTP: outcome.ts says what has to be the same. */
  readonly raw?: true;
}
