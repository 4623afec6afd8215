/** RateLimit: token buckets in the proxies of the workloads that receive requests (docs/guides/rate-limits.md). */
import { headerName, headerValue } from "../../schema/formats.ts";
import { boolean, duration, integer, list, map, object, required, string } from "../../schema/schema.ts";
import type { Infer } from "../../schema/schema.ts";
import { workloadSelector } from "../istio/selector.ts";
import { stringMatch, uriMatch } from "../istio/virtual-service.ts";

const rule = object({
  match: object({
    uri: uriMatch,
    methods: list(string(headerName), { min: 1 }),
    headers: map(stringMatch, headerName),
  }),
  per: object({ header: string(headerName), clientAddress: boolean() }),
  tokens: required(integer({ min: 1 })),
  interval: required(duration({ minMs: 50 })),
  burst: integer({ min: 1 }),
});
export type RateLimitRuleSpec = Infer<typeof rule>;

export const rateLimitSpec = object({
  selector: workloadSelector,
  rules: required(list(rule, { min: 1 })),
  respond: object({ status: integer({ min: 400, max: 599 }), headers: map(string(headerValue), headerName) }),
});
export type RateLimitSpec = Infer<typeof rateLimitSpec>;
