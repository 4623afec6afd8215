import { type SetMetadataPlan, setOver } from "../../plan/filters/set-metadata.ts";
import type { Counter } from "../../stats/index.ts";
import type { Exchange } from "../exchange.ts";
import { CONTINUE, type FilterContext, type FilterStatus, type HttpFilter } from "./filter.ts";

/** Dynamic metadata that the configuration names. */
export class SetMetadata implements HttpFilter {
  private readonly plan: SetMetadataPlan;
  private readonly overwriteDenied: Counter;

  constructor(plan: SetMetadataPlan, { stats, statPrefix }: FilterContext) {
    this.plan = plan;
    this.overwriteDenied = stats.counter(`http.${statPrefix}.set_metadata.overwrite_denied`);
  }

  onRequest(exchange: Exchange): FilterStatus {
    const { plan } = this;
    const before = exchange.dynamicMetadata;
    const { metadata, denied } = before === null ? plan.alone : setOver(before, plan.entries);
    this.overwriteDenied.value += denied;
    exchange.addDynamicMetadata(metadata);
    return CONTINUE;
  }
}
