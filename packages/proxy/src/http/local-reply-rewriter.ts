import type { LocalReplyPlan } from "../plan/local-reply-config.ts";
import type { Exchange } from "./exchange.ts";
import { applyHeaderMutations } from "./header-mutations.ts";

/** What is said in place of a local reply's own words. */
export interface RewrittenReply {
  readonly status: number;
  readonly body: string;
  readonly contentType: string;
}

const TEXT = "text/plain";

/**
 * Applies `local_reply_config`: the first mapper that fits, then the body's format. Filters and formats see the reply's status as
 * the response's. Envoy `source/common/local_reply/local_reply.cc`, LocalReplyImpl::rewrite.
 */
export function rewriteLocalReply(
  exchange: Exchange,
  plan: LocalReplyPlan,
  status: number,
  body: string,
): RewrittenReply {
  const { response } = exchange;
  response.status = exchange.status = status;
  let { format } = plan;
  for (const mapper of plan.mappers) {
    if (!mapper.filter(exchange)) continue;
    if (mapper.body !== null) body = mapper.body;
    applyHeaderMutations(response.headers, mapper.headers, exchange, false);
    if (mapper.status !== 0) response.status = exchange.status = mapper.status;
    format = mapper.format ?? format;
    break;
  }
  if (format === null) return { status: exchange.status, body, contentType: TEXT };
  exchange.localReplyBody = body;
  const formatted = format.format.format(exchange);
  exchange.localReplyBody = "";
  return { status: exchange.status, body: formatted, contentType: format.contentType };
}
