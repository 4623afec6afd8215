import {
  Failure,
  type FallbackPolicy,
  type LastGood,
  type Respond,
  type Rule,
} from "@tulle/xds/gen/tulle/filters/http/fallback/v1/fallback_pb.js";
import { milliseconds } from "../duration.ts";
import { bytesOf } from "../format/byte-text.ts";
import { type Format, compileJsonFormat, compileTextFormat, literalOf, refuseFormatErrors } from "../format/format.ts";
import { compileHeaderOperations } from "../header-mutations.ts";
import type { HeaderMutation } from "../route-plan.ts";
import type { Place } from "../problems.ts";
import { FALLBACK_POLICY } from "../supported-fields/index.ts";
import type { FilterCompiler } from "./filter-compiler.ts";

/** What a route, or a weighted cluster, says to its requests' fallback filter. */
export interface FallbackPlan {
  readonly name: string;
  readonly rules: readonly FallbackRulePlan[];
  /** Some rule sends requests elsewhere: their bodies are kept. */
  readonly redirects: boolean;
  /** What some rule needs to be kept of good responses; null if none does. */
  readonly keeps: LastGoodPlan | null;
}

export interface FallbackRulePlan {
  /** Response flags, any of which the rule is for. */
  readonly flags: readonly ResponseFlagName[];
  /** Flags that it is for where the proxy answers 504: with 408 it is the client that was too slow. */
  readonly flagsOf504: readonly ResponseFlagName[];
  /** First and last. */
  readonly statuses: readonly (readonly [first: number, last: number])[];
  readonly answer: RespondPlan | RedirectPlan | LastGoodPlan;
}

export interface RespondPlan {
  readonly kind: "respond";
  /** 0: that of the failure. */
  readonly status: number;
  readonly headers: readonly HeaderMutation[];
  readonly body: Format;
}

export interface RedirectPlan {
  readonly kind: "redirect";
  readonly cluster: string;
  /** -1: the route's. */
  readonly timeoutMs: number;
}

export interface LastGoodPlan {
  readonly kind: "last-good";
  readonly maxAgeMs: number;
  readonly maxEntryBytes: number;
  readonly maxBytes: number;
}

type ResponseFlagName = (typeof FLAGS)[keyof typeof FLAGS][number] | (typeof FLAGS_OF_504)[number];

/** What each failure shows as; those that may be there beside it (`URX,UC`) make a request fail both ways. */
const FLAGS = {
  [Failure.UNSPECIFIED]: [],
  [Failure.CIRCUIT_BREAKER_OPEN]: ["UO"],
  [Failure.NO_HEALTHY_UPSTREAM]: ["UH"],
  [Failure.TIMEOUT]: ["UT"],
  [Failure.RETRIES_EXHAUSTED]: ["URX"],
  [Failure.RESET]: ["UC", "UR", "LR", "UPE"],
  [Failure.CONNECT_FAILURE]: ["UF"],
  [Failure.NO_CLUSTER]: ["NC"],
} as const;

/** Other time-outs: idle streams, limits of streams' durations. */
const FLAGS_OF_504 = ["SI", "DT", "UMSDR"] as const;

export const fallback: FilterCompiler = {
  compile: () => null,
  compileRoute: {
    typeName: FALLBACK_POLICY,
    compile: ({ message }, place): FallbackPlan => {
      const { name, rules } = message as FallbackPolicy;
      const compiled = rules.map((rule, i) => compileRule(rule, place.item("rules", i)));
      const kept = compiled.flatMap(({ answer }) => (answer.kind === "last-good" ? [answer] : []));
      return {
        name,
        rules: compiled,
        redirects: compiled.some(({ answer }) => answer.kind === "redirect"),
        keeps: kept.length === 0 ? null : kept.reduce(widest),
      };
    },
    merge: null,
  },
};

function compileRule({ failures, statuses, answer }: Rule, place: Place): FallbackRulePlan {
  return {
    flags: failures.flatMap((failure) => FLAGS[failure]),
    flagsOf504: failures.includes(Failure.TIMEOUT) ? FLAGS_OF_504 : [],
    statuses: statuses.map(({ start, end }) => [Number(start), Number(end) - 1]),
    answer: compileAnswer(answer, place),
  };
}

function compileAnswer(answer: Rule["answer"], place: Place): FallbackRulePlan["answer"] {
  switch (answer.case) {
    case "respond":
      return compileRespond(answer.value, place.field("respond"));
    case "redirect": {
      const { cluster, timeout } = answer.value;
      return { kind: "redirect", cluster, timeoutMs: milliseconds(timeout, -1) };
    }
    case "lastGood":
      return compileLastGood(answer.value);
    default:
      // Reported by the reflection check: the oneof is required.
      return { kind: "redirect", cluster: "", timeoutMs: -1 };
  }
}

function compileRespond(message: Respond, place: Place): RespondPlan {
  const { response: headers } = compileHeaderOperations(
    {
      requestHeadersToAdd: [],
      requestHeadersToRemove: [],
      responseHeadersToAdd: message.responseHeadersToAdd,
      responseHeadersToRemove: [],
    },
    place,
  );
  return { kind: "respond", status: message.status ?? 0, headers, body: compileBody(message.body, place) };
}

const OPTIONS = { omitEmpty: false, extensions: new Set<string>() };

class Literal implements Format {
  private readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  format(): string {
    return this.text;
  }
}

const EMPTY = new Literal("");

function compileBody(body: Respond["body"], place: Place): Format {
  switch (body.case) {
    case "textFormat":
      return refuseFormatErrors<Format>(place.field("text_format"), EMPTY, () => {
        const text = bytesOf(body.value);
        const literal = literalOf(text);
        return literal === null ? compileTextFormat(text, OPTIONS) : new Literal(literal);
      });
    case "jsonFormat":
      return refuseFormatErrors<Format>(place.field("json_format"), EMPTY, () =>
        compileJsonFormat(body.value, OPTIONS),
      );
    case "bytes":
      return new Literal(Buffer.from(body.value).toString("latin1"));
    default:
      return EMPTY;
  }
}

function compileLastGood({ maxAge, maxEntryBytes, maxBytes }: LastGood): LastGoodPlan {
  return {
    kind: "last-good",
    maxAgeMs: milliseconds(maxAge, 0),
    maxEntryBytes: Number(maxEntryBytes),
    maxBytes: Number(maxBytes),
  };
}

function widest(a: LastGoodPlan, b: LastGoodPlan): LastGoodPlan {
  return {
    kind: "last-good",
    maxAgeMs: Math.max(a.maxAgeMs, b.maxAgeMs),
    maxEntryBytes: Math.max(a.maxEntryBytes, b.maxEntryBytes),
    maxBytes: Math.max(a.maxBytes, b.maxBytes),
  };
}
