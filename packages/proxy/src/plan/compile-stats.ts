import type { StatsConfig, StatsMatcher, TagSpecifier } from "@tulle/xds/gen/envoy/config/metrics/v3/stats_pb.js";
import type { Tags } from "../stats/metric.ts";
import type { Place } from "./problems.ts";
import { compileStringMatcher } from "./string-matcher.ts";

/** `stats_config` of a bootstrap: which metrics there are to be seen, and how their names become labels. */
export interface StatsPlan {
  /** Null: all of them. */
  readonly accepts: ((name: string) => boolean) | null;
  /** Envoy's own labels (`use_all_default_tags`). */
  readonly defaultTags: boolean;
  readonly tags: readonly TagRule[];
  /** Of every metric. */
  readonly fixedTags: Tags;
  /** Upper bounds of histograms; the first whose test holds, else Envoy's. */
  readonly buckets: readonly BucketRule[];
}

interface BucketRule {
  /** The name is the whole one. */
  readonly test: (name: string) => boolean;
  /** Rising. */
  readonly bounds: readonly number[];
}

/** What the first group matches leaves the name, what the second does (else the first) is the label's value. */
interface TagRule {
  readonly name: string;
  readonly pattern: RegExp;
  /** It looks for a beginning: Envoy asks such ones last. (`TagProducerImpl::forEachExtractorMatching`) */
  readonly prefixed: boolean;
}

/** What holds where a bootstrap says nothing. */
export const ALL_STATS: StatsPlan = { accepts: null, defaultTags: true, tags: [], fixedTags: [], buckets: [] };

export function compileStats(message: StatsConfig | undefined, place: Place): StatsPlan {
  if (message === undefined) return ALL_STATS;
  const tags: TagRule[] = [];
  const fixedTags: (readonly [string, string])[] = [];
  message.statsTags.forEach((each, i) => {
    const at = place.item("stats_tags", i);
    const { tagName, tagValue } = each;
    if (tagValue.case === "fixedValue") fixedTags.push([tagName, tagValue.value]);
    else {
      const pattern = compilePattern(each, at);
      tags.push({ name: tagName, pattern, prefixed: /^\^\w+\\\./.test(pattern.source) });
    }
  });
  return {
    accepts: compileMatcher(message.statsMatcher, place.field("stats_matcher")),
    defaultTags: message.useAllDefaultTags ?? true,
    tags,
    fixedTags,
    buckets: message.histogramBucketSettings.map(({ match, buckets }, i) => ({
      // It is required.
      test: compileStringMatcher(match!, place.item("histogram_bucket_settings", i).field("match")),
      bounds: buckets.toSorted((a, b) => a - b),
    })),
  };
}

/** Which bounds a histogram has; settings without any are about memory alone. (Envoy `source/common/stats/histogram_impl.cc`, HistogramSettingsImpl) */
export function bucketsOf({ buckets }: StatsPlan): ((name: string) => readonly number[] | undefined) | null {
  return buckets.length === 0
    ? null
    : (name) => buckets.find(({ test, bounds }) => bounds.length > 0 && test(name))?.bounds;
}

function compileMatcher(message: StatsMatcher | undefined, place: Place): StatsPlan["accepts"] {
  const { statsMatcher: matcher } = message ?? { statsMatcher: { case: undefined } };
  if (matcher.case === undefined) return null;
  if (matcher.case === "rejectAll") return matcher.value ? () => false : null;
  const field = matcher.case === "exclusionList" ? "exclusion_list" : "inclusion_list";
  const tests = matcher.value.patterns.map((each, i) =>
    compileStringMatcher(each, place.field(field).item("patterns", i)),
  );
  const included = matcher.case === "inclusionList";
  return (name) => tests.some((test) => test(name)) === included;
}

/** ECMAScript, as `std::regex` has it: of the classes that JavaScript lacks, those that stand for something. */
const CLASSES: Readonly<Record<string, string>> = {
  alnum: "A-Za-z0-9",
  alpha: "A-Za-z",
  digit: "0-9",
  lower: "a-z",
  upper: "A-Z",
  space: "\\s",
  word: "\\w",
  xdigit: "0-9A-Fa-f",
};

function compilePattern({ tagName, tagValue }: TagSpecifier, place: Place): RegExp {
  const text = tagValue.case === "regex" ? tagValue.value : "";
  if (text === "") {
    place.refuse(`No regex specified for tag specifier '${tagName}': Envoy's own are there by use_all_default_tags`);
    return NOTHING;
  }
  try {
    const pattern = new RegExp(text.replaceAll(/\[:(\w+):\]/g, (all, name: string) => CLASSES[name] ?? all));
    if (new RegExp(`${pattern.source}|`).exec("")!.length > 1) return pattern;
    place.refuse(`Invalid regex '${text}': it has no group`);
  } catch (error) {
    place.refuse(`Invalid regex '${text}': ${error instanceof Error ? error.message : String(error)}`);
  }
  return NOTHING;
}

const NOTHING = /(?!)/;
