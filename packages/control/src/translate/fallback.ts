/** What a route says of failures: to our own filter, and as far as Envoy has it to its custom responses. */
import { create } from "@bufbuild/protobuf";
import type { JsonObject } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import type { FallbackFailure, FallbackRuleSpec } from "@tulle/api";
import { fallbackConditions } from "@tulle/api";
import { HeaderValueOption_HeaderAppendAction as Append } from "@tulle/xds/gen/envoy/config/core/v3/base_pb.js";
import { CustomResponseSchema } from "@tulle/xds/gen/envoy/extensions/filters/http/custom_response/v3/custom_response_pb.js";
import { LocalResponsePolicySchema } from "@tulle/xds/gen/envoy/extensions/http/custom_response/local_response_policy/v3/local_response_policy_pb.js";
import type { Expr } from "@tulle/xds/gen/google/api/expr/v1alpha1/syntax_pb.js";
import { Failure, FallbackPolicySchema } from "@tulle/xds/gen/tulle/filters/http/fallback/v1/fallback_pb.js";
import { CelMatcherSchema } from "@tulle/xds/gen/xds/type/matcher/v3/cel_pb.js";
import { HttpAttributesCelMatchInputSchema } from "@tulle/xds/gen/xds/type/matcher/v3/http_inputs_pb.js";
import type { FallbackRule } from "../model/fallback.ts";
import type { MeshService } from "../model/service.ts";
import { Cel } from "./cel.ts";
import type { Capabilities } from "./data-plane.ts";
import { fromText } from "./durations.ts";
import { outboundCluster } from "./names.ts";
import { packed } from "./packed.ts";

interface Context {
  /** Port that requests are addressed to: a destination's where it has several and none is named. */
  readonly port: number;
  readonly services: ReadonlyMap<string, MeshService>;
  readonly capabilities: Capabilities;
}

/** `typed_per_filter_config` of a route or weighted cluster; empty where the data plane has neither filter. */
export function fallbackConfigs(fallback: FallbackRule, context: Context): Record<string, Any> {
  const { httpFilters } = context.capabilities;
  if (httpFilters.includes("fallback")) return { "tulle.fallback": ownPolicy(fallback, context) };
  const config = httpFilters.includes("custom_response") ? customResponse(fallback) : undefined;
  return config === undefined ? {} : { "envoy.filters.http.custom_response": config };
}

/** In details of responses and in stats. */
function policyName({ origin }: FallbackRule): string {
  return `${origin.namespace}/${origin.name}`;
}

const FAILURES: Readonly<Record<FallbackFailure, Failure>> = {
  CircuitBreakerOpen: Failure.CIRCUIT_BREAKER_OPEN,
  NoHealthyUpstream: Failure.NO_HEALTHY_UPSTREAM,
  Timeout: Failure.TIMEOUT,
  RetriesExhausted: Failure.RETRIES_EXHAUSTED,
  Reset: Failure.RESET,
  ConnectFailure: Failure.CONNECT_FAILURE,
  NoCluster: Failure.NO_CLUSTER,
};

/** Of one response, and of all under one policy, where nothing is said. */
const MAX_RESPONSE_BYTES = 64 * 1024;
const MAX_BYTES = 8 * 1024 * 1024;

function ownPolicy(fallback: FallbackRule, context: Context): Any {
  return packed(
    FallbackPolicySchema,
    create(FallbackPolicySchema, {
      name: policyName(fallback),
      rules: fallback.rules.map((rule) => {
        const { failures, statuses } = fallbackConditions(rule.on);
        return {
          failures: failures.map((failure) => FAILURES[failure]),
          statuses: statuses.map(([first, last]) => ({ start: BigInt(first), end: BigInt(last + 1) })),
          answer: ownAnswer(rule, context),
        };
      }),
    }),
  );
}

function ownAnswer({ respond, redirectTo, lastGood }: FallbackRuleSpec, context: Context) {
  if (lastGood !== undefined) {
    const { maxAge, maxResponseBytes = MAX_RESPONSE_BYTES, maxBytes = MAX_BYTES } = lastGood;
    const value = { maxAge: fromText(maxAge), maxEntryBytes: BigInt(maxResponseBytes), maxBytes: BigInt(maxBytes) };
    return { case: "lastGood" as const, value };
  }
  if (redirectTo !== undefined) {
    const { destination, timeout } = redirectTo;
    const ports = context.services.get(destination.host)?.ports ?? [];
    const port = destination.port?.number ?? (ports.length === 1 ? ports[0]!.number : context.port);
    const cluster = outboundCluster(port, destination.subset ?? "", destination.host);
    return {
      case: "redirect" as const,
      value: { cluster, ...(timeout === undefined ? {} : { timeout: fromText(timeout) }) },
    };
  }
  const { status, body } = respond ?? {};
  return {
    case: "respond" as const,
    value: {
      ...(status === undefined ? {} : { status }),
      responseHeadersToAdd: responseHeaders(respond),
      body: ownBody(body),
    },
  };
}

type Respond = FallbackRuleSpec["respond"];

function ownBody(body: NonNullable<Respond>["body"]) {
  if (body?.json !== undefined) return { case: "jsonFormat" as const, value: body.json as JsonObject };
  if (body?.bytes !== undefined) return { case: "bytes" as const, value: bytesOf(body.bytes) };
  return { case: "textFormat" as const, value: body?.string ?? "" };
}

function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(Buffer.from(base64, "base64"));
}

/** JSON says that it is JSON. */
function responseHeaders(respond: Respond) {
  const { headers = {}, body } = respond ?? {};
  const named = Object.keys(headers).some((name) => name.toLowerCase() === "content-type");
  const all = body?.json === undefined || named ? headers : { "content-type": "application/json", ...headers };
  return Object.entries(all).map(([key, value]) => ({
    header: { key, value },
    appendAction: Append.OVERWRITE_IF_EXISTS_OR_ADD,
  }));
}

/** Answers alone: Envoy sends every request elsewhere as a GET and gives every answer of it the same status. */
function customResponse(fallback: FallbackRule): Any | undefined {
  const rules = fallback.rules.filter(({ respond }) => respond !== undefined);
  if (rules.length === 0) return undefined;
  const matchers = rules.map((rule) => ({
    predicate: {
      matchType: {
        case: "singlePredicate" as const,
        value: {
          input: {
            name: "attributes",
            typedConfig: packed(HttpAttributesCelMatchInputSchema, create(HttpAttributesCelMatchInputSchema)),
          },
          matcher: { case: "customMatch" as const, value: celMatcher(condition(rule)) },
        },
      },
    },
    onMatch: {
      onMatch: {
        case: "action" as const,
        value: { name: "respond", typedConfig: localResponse(fallback, rule.respond) },
      },
    },
  }));
  return packed(
    CustomResponseSchema,
    create(CustomResponseSchema, {
      customResponseMatcher: { matcherType: { case: "matcherList", value: { matchers } } },
    }),
  );
}

function celMatcher(expr: Expr) {
  return {
    name: "envoy.matching.matchers.cel_matcher",
    typedConfig: packed(
      CelMatcherSchema,
      create(CelMatcherSchema, {
        exprMatch: { exprSpecifier: { case: "parsedExpr", value: { expr } } },
      }),
    ),
  };
}

function localResponse(fallback: FallbackRule, respond: Respond): Any {
  const { status, body } = respond ?? {};
  return packed(
    LocalResponsePolicySchema,
    create(LocalResponsePolicySchema, {
      ...(status === undefined ? {} : { statusCode: status }),
      responseHeadersToAdd: responseHeaders(respond),
      codeDetails: { case: "responseCodeDetails", value: `fallback{${policyName(fallback)}}` },
      ...envoyBody(body),
    }),
  );
}

function envoyBody(body: NonNullable<Respond>["body"]) {
  if (body?.bytes !== undefined)
    return { body: { specifier: { case: "inlineBytes" as const, value: bytesOf(body.bytes) } } };
  if (body?.json !== undefined) {
    return { bodyFormat: { format: { case: "jsonFormat" as const, value: body.json as JsonObject } } };
  }
  const text = body?.string ?? "";
  if (text === "") return { body: { specifier: { case: "inlineString" as const, value: "" } } };
  return {
    bodyFormat: {
      format: {
        case: "textFormatSource" as const,
        value: { specifier: { case: "inlineString" as const, value: text } },
      },
    },
  };
}

/** Numbers of Envoy's response flags. (`envoy/stream_info/stream_info.h` CoreResponseFlag) */
const BIT = {
  UH: 1,
  UT: 2,
  LR: 3,
  UR: 4,
  UF: 5,
  UC: 6,
  UO: 7,
  FI: 10,
  URX: 15,
  SI: 16,
  UMSDR: 19,
  DT: 22,
  UPE: 23,
  NC: 24,
} as const;
type Flag = keyof typeof BIT;

const FLAGS: Readonly<Record<FallbackFailure, readonly Flag[]>> = {
  CircuitBreakerOpen: ["UO"],
  NoHealthyUpstream: ["UH"],
  Timeout: ["UT"],
  RetriesExhausted: ["URX"],
  Reset: ["UC", "UR", "LR", "UPE"],
  ConnectFailure: ["UF"],
  NoCluster: ["NC"],
};
/** Time-outs where the proxy answers 504; with 408 it is the client that was too slow. */
const FLAGS_OF_504: readonly Flag[] = ["SI", "DT", "UMSDR"];

/** The same as our own filter decides (`http/filters/fallback.ts`). */
function condition({ on }: FallbackRuleSpec): Expr {
  const cel = new Cel();
  const code = (): Expr => cel.path("response", "code");
  const has = (flag: Flag): Expr =>
    cel.call(
      "_==_",
      cel.call("_%_", cel.call("_/_", cel.path("response", "flags"), cel.int(2 ** BIT[flag])), cel.int(2)),
      cel.int(1),
    );
  const { failures, statuses } = fallbackConditions(on);
  const parts = failures.flatMap((failure) => FLAGS[failure]).map(has);
  if (failures.includes("Timeout")) {
    parts.push(cel.call("_&&_", cel.call("_==_", code(), cel.int(504)), cel.any(FLAGS_OF_504.map(has))));
  }
  if (statuses.length > 0) {
    const inRange = statuses.map(([first, last]) =>
      cel.call("_&&_", cel.call("_>=_", code(), cel.int(first)), cel.call("_<=_", code(), cel.int(last))),
    );
    // The upstream's answers and failures to get one, not what other filters refuse.
    const answered = cel.call("_==_", cel.path("response", "code_details"), cel.text("via_upstream"));
    const failed = [...Object.values(FLAGS).flat(), ...FLAGS_OF_504, "FI" as const].map(has);
    parts.push(cel.call("_&&_", cel.any(inRange), cel.any([answered, ...failed])));
  }
  return cel.any(parts);
}
