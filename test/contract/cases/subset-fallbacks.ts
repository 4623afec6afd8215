/** `lb_subset_config`: what becomes of requests for hosts that there are none of. */
import type { ContractCase } from "../harness/case.ts";
import { FALLBACK, KEYS, host, asks, STATS, LOG, selector, subsets, BY_VERSION, refused } from "../harness/subsets.ts";

export const CASES: readonly ContractCase[] = [
  {
    name: "ANY_ENDPOINT",
    feature: FALLBACK,
    ...subsets({ ...BY_VERSION, fallback_policy: "ANY_ENDPOINT" }, [host("v1", { version: "1" })]),
    ...asks({ version: "9" }, null, { other: "1" }, { version: "1" }),
    stats: STATS,
  },
  {
    name: "DEFAULT_SUBSET",
    feature: FALLBACK,
    ...subsets({ ...BY_VERSION, fallback_policy: "DEFAULT_SUBSET", default_subset: { version: "2" } }),
    ...asks({ version: "9" }, null, { version: "1" }),
    stats: STATS,
  },
  {
    name: "a default subset of several keys need be no selector's",
    feature: FALLBACK,
    ...subsets({
      ...BY_VERSION,
      fallback_policy: "DEFAULT_SUBSET",
      default_subset: { version: "3", stage: "canary" },
    }),
    ...asks({ version: "9" }, null),
    stats: STATS,
  },
  {
    name: "a default subset that no host is in",
    feature: FALLBACK,
    ...subsets({ ...BY_VERSION, fallback_policy: "DEFAULT_SUBSET", default_subset: { version: "9" } }),
    ...asks({ version: "8" }, null, { version: "1" }),
    stats: STATS,
    accessLog: LOG,
  },
  {
    name: "a default subset that asks for nothing",
    feature: FALLBACK,
    ...subsets({ ...BY_VERSION, fallback_policy: "DEFAULT_SUBSET" }, [host("v1", { version: "1" })]),
    ...asks({ version: "8" }),
    stats: STATS,
    accessLog: LOG,
  },
  {
    name: "panic_mode_any: any host before none",
    feature: FALLBACK,
    ...subsets(
      { ...BY_VERSION, fallback_policy: "DEFAULT_SUBSET", default_subset: { version: "9" }, panic_mode_any: true },
      [host("v1", { version: "1" })],
    ),
    ...asks({ version: "8" }, null, { version: "1" }),
    stats: STATS,
  },
  {
    name: "panic_mode_any where there is no fallback",
    feature: FALLBACK,
    ...subsets({ ...BY_VERSION, panic_mode_any: true }, [host("v1", { version: "1" })]),
    ...asks({ version: "8" }, null, { version: "1" }),
    stats: STATS,
    accessLog: LOG,
  },
  {
    name: "a selector's own policy",
    feature: FALLBACK,
    ...subsets({
      fallback_policy: "DEFAULT_SUBSET",
      default_subset: { version: "2" },
      subset_selectors: [
        selector(["none"], { fallback_policy: "NO_FALLBACK" }),
        selector(["default"], { fallback_policy: "DEFAULT_SUBSET" }),
        selector(["undefined"]),
        selector(["version"], { fallback_policy: "NO_FALLBACK" }),
      ],
    }),
    ...asks({ none: "1" }, { default: "1" }, { undefined: "1" }, { version: "9" }, { version: "1" }, null, {}),
    stats: STATS,
    accessLog: LOG,
  },
  {
    name: "a selector's own policy: ANY_ENDPOINT",
    feature: FALLBACK,
    ...subsets({ subset_selectors: [selector(["version"], { fallback_policy: "ANY_ENDPOINT" })] }, [
      host("v1", { version: "1" }),
    ]),
    ...asks({ version: "9" }, { other: "1" }, null),
    stats: STATS,
    accessLog: LOG,
  },
  {
    name: "a selector's own policy: DEFAULT_SUBSET where no policy names one",
    feature: FALLBACK,
    ...subsets({
      subset_selectors: [selector(["version"], { fallback_policy: "DEFAULT_SUBSET" })],
      default_subset: { stage: "canary" },
    }),
    ...asks({ version: "9" }, null),
    stats: STATS,
    accessLog: LOG,
  },
  {
    name: "a selector's own policy holds even where panic_mode_any would help",
    feature: FALLBACK,
    ...subsets({
      panic_mode_any: true,
      fallback_policy: "ANY_ENDPOINT",
      subset_selectors: [selector(["version"], { fallback_policy: "DEFAULT_SUBSET" })],
      default_subset: { stage: "none" },
    }),
    ...asks({ version: "9" }),
    stats: STATS,
    accessLog: LOG,
  },

  {
    name: "KEYS_SUBSET: again with fewer keys",
    feature: KEYS,
    ...subsets({
      subset_selectors: [
        selector(["version", "stage"], { fallback_policy: "KEYS_SUBSET", fallback_keys_subset: ["version"] }),
        selector(["version"], { fallback_policy: "NO_FALLBACK" }),
      ],
    }),
    ...asks({ version: "1", stage: "prod" }, { version: "1", stage: "none" }, { version: "9", stage: "prod" }),
    stats: STATS,
    accessLog: LOG,
  },
  {
    name: "KEYS_SUBSET: one after another",
    feature: KEYS,
    ...subsets({
      fallback_policy: "DEFAULT_SUBSET",
      default_subset: { version: "3" },
      subset_selectors: [
        selector(["a", "b", "version"], { fallback_policy: "KEYS_SUBSET", fallback_keys_subset: ["b", "version"] }),
        selector(["b", "version"], { fallback_policy: "KEYS_SUBSET", fallback_keys_subset: ["version"] }),
        selector(["version"]),
      ],
    }),
    ...asks({ a: "1", b: "1", version: "1" }, { b: "x", version: "2" }, { a: "1", b: "1", version: "9" }),
    stats: STATS,
  },
  {
    name: "KEYS_SUBSET to keys that no selector has",
    feature: KEYS,
    ...subsets({
      fallback_policy: "DEFAULT_SUBSET",
      default_subset: { version: "2" },
      subset_selectors: [
        selector(["version", "other"], { fallback_policy: "KEYS_SUBSET", fallback_keys_subset: ["version"] }),
      ],
    }),
    ...asks({ version: "1", other: "1" }),
    stats: STATS,
  },
  {
    name: "fallback_list: what else is asked for, in turn, until there is a host",
    feature: "Subsets: metadata_fallback_policy",
    ...subsets({
      subset_selectors: [selector(["version"]), selector(["stage"]), selector(["stage", "version"])],
      metadata_fallback_policy: "FALLBACK_LIST",
    }),
    ...asks(
      { fallback_list: [{ version: "9" }, { version: "2" }, { version: "1" }] },
      { version: "8", fallback_list: [{ stage: "prod" }, { version: "3" }] },
      { version: "1", fallback_list: [] },
      { version: "1" },
      { version: "1", fallback_list: "x" },
      { stage: "none", fallback_list: [{ version: "9" }] },
    ),
    stats: STATS,
    accessLog: LOG,
  },
  {
    name: "fallback_list where nobody looks at it is a key like any other",
    feature: "Subsets: metadata_fallback_policy",
    ...subsets(BY_VERSION),
    ...asks({ version: "1", fallback_list: [{ version: "2" }] }),
    stats: STATS,
    accessLog: LOG,
  },

  refused("KEYS_SUBSET without keys", { subset_selectors: [selector(["a", "b"], { fallback_policy: "KEYS_SUBSET" })] }),
  refused("KEYS_SUBSET with all keys", {
    subset_selectors: [selector(["a", "b"], { fallback_policy: "KEYS_SUBSET", fallback_keys_subset: ["b", "a"] })],
  }),
  refused("KEYS_SUBSET with other keys", {
    subset_selectors: [selector(["a", "b"], { fallback_policy: "KEYS_SUBSET", fallback_keys_subset: ["c"] })],
  }),
];
