/** `stats_config`: which metrics there are. What becomes of their names is in the proxy's own tests (stats/exposition.test.ts). */
import type { ContractCase, JsonObject } from "../harness/case.ts";
import { get, got, inTurn } from "../harness/steps.ts";

const MATCHER = "Statistics: stats_matcher";
const TAGS = "Statistics: stats_tags";
const STATS = ["http.in.downstream_rq_total", "http.in.downstream_cx_total", "cluster.a.upstream_rq_total"];

const seen = (name: string, stats_matcher: JsonObject): ContractCase => ({
  name,
  feature: MATCHER,
  bootstrap: { stats_config: { stats_matcher } },
  client: [get(), got(1)],
  stats: STATS,
});
const tagged = (name: string, stats_config: JsonObject): ContractCase => ({
  name,
  feature: TAGS,
  bootstrap: { stats_config },
  client: inTurn(get()),
  stats: STATS,
});
const refused = (name: string, stats_config: JsonObject): ContractCase => ({
  name,
  feature: "Statistics: what is refused",
  bootstrap: { stats_config },
  client: [],
  refused: true,
});

const eviction = (name: string, bootstrap: JsonObject): ContractCase => ({
  name,
  feature: "Statistics: what is refused",
  bootstrap,
  client: [],
  refused: true,
});

export const CASES: readonly ContractCase[] = [
  seen("only those of a list", { inclusion_list: { patterns: [{ prefix: "cluster.a." }, { suffix: "cx_total" }] } }),
  seen("all but those of a list", { exclusion_list: { patterns: [{ prefix: "cluster.a." }] } }),
  seen("by regular expressions", { inclusion_list: { patterns: [{ safe_regex: { regex: ".*_rq_total" } }] } }),
  seen("none at all", { reject_all: true }),
  seen("all after all", { reject_all: false }),
  tagged("names stay whole where they are shown as they are", {
    use_all_default_tags: false,
    stats_tags: [
      { tag_name: "cluster_name", regex: "^cluster\\.((.+?)\\.)" },
      { tag_name: "listener_address", regex: "^listener\\.(((?:[_.[:digit:]]*|[_\\[\\]aAbB[:digit:]]*))\\.)" },
      { tag_name: "response_code", regex: "_rq(_(\\d{3}))$" },
      { tag_name: "fixed", fixed_value: "x" },
    ],
  }),
  refused("an expression that is none", { stats_tags: [{ tag_name: "x", regex: "((" }] }),
  refused("a name that Envoy does not know, without an expression", { stats_tags: [{ tag_name: "x" }] }),
  tagged("buckets without a bound", { histogram_bucket_settings: [{ match: { prefix: "a" }, bins: 20 }] }),
  refused("a bound of 0", { histogram_bucket_settings: [{ match: { prefix: "a" }, buckets: [0, 1] }] }),
  refused("a bound twice", { histogram_bucket_settings: [{ match: { prefix: "a" }, buckets: [1, 2, 1] }] }),
  refused("buckets of nothing", { histogram_bucket_settings: [{ buckets: [1] }] }),
  eviction("evicted no more often than flushed", { stats_flush_interval: "3s", stats_eviction_interval: "2s" }),
  eviction("evicted between flushes", { stats_flush_interval: "2s", stats_eviction_interval: "5s" }),
  eviction("evicted without a pause", { stats_eviction_interval: "0s" }),
  {
    name: "evicted with every second flush",
    feature: "Statistics: eviction",
    bootstrap: { stats_flush_interval: "1s", stats_eviction_interval: "2s" },
    client: inTurn(get()),
    stats: STATS,
  },
  refused("a matcher without patterns", { stats_matcher: { inclusion_list: {} } }),
];
