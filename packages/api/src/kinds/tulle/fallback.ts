/** Fallback: an acceptable answer where requests to a host fail (docs/guides/fallback.md, docs/decisions/0030). */
import { headerName, headerValue, nonEmpty, wildcardHost } from "../../schema/formats.ts";
import { duration, integer, intOrString, list, map, object, opaque, required, string } from "../../schema/schema.ts";
import type { Infer } from "../../schema/schema.ts";
import { exportTo } from "../istio/selector.ts";
import { destination } from "../istio/virtual-service.ts";

const respond = object({
  status: integer({ min: 200, max: 599 }),
  headers: map(string(headerValue), headerName),
  body: object({ string: string(), bytes: string(), json: opaque() }, { exactlyOne: [["string", "bytes", "json"]] }),
});
export type FallbackResponse = Infer<typeof respond>;

const redirectTo = object({ destination: required(destination), timeout: duration({ minMs: 1 }) });

const lastGood = object({
  maxAge: required(duration({ minMs: 1 })),
  maxResponseBytes: integer({ min: 1 }),
  maxBytes: integer({ min: 1 }),
});

const rule = object(
  { on: list(intOrString(), { min: 1 }), respond, redirectTo, lastGood },
  { exactlyOne: [["respond", "redirectTo", "lastGood"]] },
);
export type FallbackRuleSpec = Infer<typeof rule>;

export const fallbackSpec = object({
  host: required(string(wildcardHost)),
  routes: list(string(nonEmpty), { min: 1 }),
  exportTo,
  rules: required(list(rule, { min: 1 })),
});
export type FallbackSpec = Infer<typeof fallbackSpec>;
