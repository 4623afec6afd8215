/** Runtime layers: values by key that override what a configuration says, changed by the admin endpoint while requests come. */
import type { ContractCase, JsonObject } from "../harness/case.ts";
import { admin, answer, get, got, inTurn, toCluster, typed } from "../harness/steps.ts";

const LAYERS = "Runtime: layers";
const VALUES = "Runtime: what values mean";
const KEYS = "Runtime: what has a key";

type Layer = { readonly [key: string]: JsonObject[string] };

function layered(...layers: readonly Layer[]): JsonObject {
  return {
    layered_runtime: {
      layers: [
        ...layers.map((values, i) => ({ name: `l${i}`, static_layer: values })),
        { name: "admin", admin_layer: {} },
      ],
    },
  };
}

/** `a` where the key lets the request through, else `b`. */
function switched(percent: JsonObject = { numerator: 100 }, key = "r.f"): readonly JsonObject[] {
  return [
    {
      match: { prefix: "/", runtime_fraction: { default_value: percent, runtime_key: key } },
      route: { cluster: "a" },
    },
    toCluster("/", "b"),
  ];
}

const AB = { a: {}, b: {} };

function row(name: string, feature: string, bootstrap: JsonObject, parts: Partial<ContractCase> = {}): ContractCase {
  return { name, feature, bootstrap, routes: switched(), clusters: AB, client: [get()], ...parts };
}

const meaning = (name: string, value: JsonObject[string], percent?: JsonObject): ContractCase =>
  row(`${name}${percent === undefined ? "" : ", by default nobody"}`, VALUES, layered({ r: { f: value } }), {
    routes: switched(percent),
  });

const NOBODY = { numerator: 0 };

function modified(name: string, query: string, parts: Partial<ContractCase> = {}): ContractCase {
  return row(name, LAYERS, layered({ r: { f: 100 } }), {
    client: [get("/1"), got(1), admin(`/runtime_modify?${query}`), get("/2"), got(2)],
    ...parts,
  });
}

const CORS = "envoy.filters.http.cors";
const FAULT = "envoy.filters.http.fault";
const RATE = "envoy.filters.http.local_ratelimit";

export const CASES: readonly ContractCase[] = [
  row("no layers", LAYERS, {}),
  row("a static layer", LAYERS, layered({ r: { f: 0 } })),
  row("a key with dots", LAYERS, layered({ "r.f": 0 })),
  row("the last layer that has the key", LAYERS, layered({ r: { f: 0 } }, { r: { g: 1, f: 100 } }, { x: 1 })),
  row("a later layer with another kind of value", LAYERS, layered({ r: { f: 0 } }, { r: { f: "no number" } })),
  row("other keys", LAYERS, layered({ r: { g: 0 }, r2: { f: 0 } })),
  row("what Envoy itself looks at", LAYERS, layered({ re2: { max_program_size: { error_level: 32768 } }, overload: { global_downstream_max_connections: 50000 }, envoy: { resource_limits: { listener: { l: { connection_limit: 10000 } } } } })), // prettier-ignore
  modified("changed by the admin endpoint", "r.f=0"),
  modified("changed to a fraction", "r.f=%7Bnumerator%3A%200%7D"),
  modified("changed to what is no share", "r.f=hello"),
  modified("another key is changed", "r.g=0"),
  modified("taken back", "r.f=0", {
    client: [get("/1"), got(1), admin("/runtime_modify?r.f=0"), get("/2"), got(2), admin("/runtime_modify?r.f="), get("/3"), got(3)],
    stats: ["runtime.admin_overrides_active", "runtime.num_layers", "runtime.num_keys", "runtime.load_error"],
  }), // prettier-ignore
  modified("counted", "r.f=0&x=1&y=2", { stats: ["runtime.admin_overrides_active", "runtime.num_layers", "runtime.num_keys"] }), // prettier-ignore
  row("without an admin layer nothing changes", LAYERS, { layered_runtime: { layers: [{ name: "x", static_layer: { r: { f: 100 } } }] } }, { client: [admin("/runtime_modify?r.f=0"), get()] }), // prettier-ignore
  row("refused: two admin layers", LAYERS, { layered_runtime: { layers: [{ name: "x", admin_layer: {} }, { name: "y", admin_layer: {} }] } }, { refused: true }), // prettier-ignore
  row("refused: two layers of a name", LAYERS, { layered_runtime: { layers: [{ name: "x", admin_layer: {} }, { name: "x", static_layer: {} }] } }, { refused: true }), // prettier-ignore
  row("refused: a list", LAYERS, layered({ r: { f: [1] } }), { refused: true }),
  row("refused: null", LAYERS, layered({ r: { f: null } }), { refused: true }),
  row("refused: no name", LAYERS, { layered_runtime: { layers: [{ static_layer: {} }] } }, { refused: true }),

  meaning("0 is nobody", 0),
  meaning("100 is everybody", 100, NOBODY),
  meaning("101 is everybody", 101, NOBODY),
  meaning("a negative number means nothing", -1),
  meaning("a fraction of a percent means nothing", 0.5),
  meaning("a text with a number", "0"),
  meaning("a text with a fraction", "{numerator: 0}"),
  meaning("a text with words", "none"),
  meaning("false means nothing", false),
  meaning("true means nothing", true, NOBODY),
  meaning("a fraction", { numerator: 0 }),
  meaning("a fraction", { numerator: 100 }, NOBODY),
  meaning("a fraction of a million", { numerator: 1_000_000, denominator: "MILLION" }, NOBODY),
  meaning("more than all of ten thousand", { numerator: 20_000, denominator: "TEN_THOUSAND" }, NOBODY),
  meaning("a denominator alone", { denominator: "MILLION" }),
  meaning("a fraction of an unknown denominator", { numerator: 0, denominator: "DOZEN" }),
  meaning("a fraction with something else in it", { numerator: 0, other: 1 }),
  meaning("an empty structure", {}),

  row("weighted clusters", KEYS, layered({ w: { a: 0, b: 1 } }), {
    routes: [{ match: { prefix: "/" }, route: { weighted_clusters: { runtime_key_prefix: "w", clusters: [{ name: "a", weight: 1 }, { name: "b", weight: 0 }] } } }], // prettier-ignore
    client: [get("/1"), got(1), admin("/runtime_modify?w.a=3&w.b=0"), get("/2"), got(2), admin("/runtime_modify?w.a=0"), get("/3"), got(3)],
    accessLog: "%RESPONSE_CODE% %RESPONSE_CODE_DETAILS%",
  }), // prettier-ignore
  row("mirrors", KEYS, layered({ m: 0 }), {
    routes: [toCluster("/", "a", { request_mirror_policies: [{ cluster: "b", runtime_fraction: { default_value: { numerator: 100 }, runtime_key: "m" } }] })], // prettier-ignore
    client: [get("/1"), got(1)],
    stats: ["cluster.b.upstream_rq_total"],
  }),
  row("CORS", KEYS, layered({ c: 0 }), {
    filters: [{ name: CORS, typed_config: typed("extensions.filters.http.cors.v3.Cors") }],
    routes: [
      toCluster("/", "a", {}, { typed_per_filter_config: { [CORS]: typed("extensions.filters.http.cors.v3.CorsPolicy", { allow_origin_string_match: [{ exact: "o" }], filter_enabled: { default_value: { numerator: 100 }, runtime_key: "c" } }) } }), // prettier-ignore
    ],
    client: [get("/1", "origin: o"), got(1), admin("/runtime_modify?c=100"), get("/2", "origin: o"), got(2)],
  }),
  row("local rate limits", KEYS, layered({ on: 0 }), {
    filters: [
      { name: RATE, typed_config: typed("extensions.filters.http.local_ratelimit.v3.LocalRateLimit", { stat_prefix: "lr", token_bucket: { max_tokens: 1, tokens_per_fill: 1, fill_interval: "3600s" }, filter_enabled: { default_value: { numerator: 100 }, runtime_key: "on" }, filter_enforced: { default_value: { numerator: 0 }, runtime_key: "hard" } }) }, // prettier-ignore
    ],
    client: [...inTurn(get("/1"), get("/2")), got(2), admin("/runtime_modify?on=100"), ...inTurn(get("/3"), get("/4")), got(4), admin("/runtime_modify?hard=100"), get("/5"), got(5)], // prettier-ignore
  }),
  row("faults, by the keys that they have by default", KEYS, layered({ fault: { http: { abort: { http_status: 418 } } } }), {
    filters: [{ name: FAULT, typed_config: typed("extensions.filters.http.fault.v3.HTTPFault", { abort: { http_status: 503, percentage: { numerator: 0 } } }) }], // prettier-ignore
    client: [get("/1"), got(1), admin("/runtime_modify?fault.http.abort.abort_percent=100"), get("/2"), got(2)],
  }), // prettier-ignore
  row("faults, by keys of their own", KEYS, layered({ mine: { percent: 100, status: 599 } }), {
    filters: [{ name: FAULT, typed_config: typed("extensions.filters.http.fault.v3.HTTPFault", { abort: { http_status: 503, percentage: { numerator: 0 } }, abort_percent_runtime: "mine.percent", abort_http_status_runtime: "mine.status" }) }], // prettier-ignore
  }),
  row("faults: a status that is none", KEYS, layered({ fault: { http: { abort: { http_status: 7, abort_percent: 100 } } } }), {
    filters: [{ name: FAULT, typed_config: typed("extensions.filters.http.fault.v3.HTTPFault", { abort: { http_status: 503, percentage: { numerator: 0 } } }) }], // prettier-ignore
  }), // prettier-ignore
  row("faults: delays", KEYS, layered({ fault: { http: { delay: { fixed_delay_percent: 100, fixed_duration_ms: 1 } } } }), {
    filters: [{ name: FAULT, typed_config: typed("extensions.filters.http.fault.v3.HTTPFault", { delay: { fixed_delay: "3600s", percentage: { numerator: 0 } } }) }], // prettier-ignore
    client: [get(), got(1)],
    stats: ["http.in.fault.delays_injected"],
  }), // prettier-ignore
  row("faults: how many at once", KEYS, layered({ fault: { http: { max_active_faults: 0 } } }), {
    filters: [{ name: FAULT, typed_config: typed("extensions.filters.http.fault.v3.HTTPFault", { abort: { http_status: 503, percentage: { numerator: 100 } } }) }], // prettier-ignore
    client: [get(), got(1)],
    stats: ["http.in.fault.faults_overflow"],
  }),
  row("access logs by status", KEYS, layered({ least: 500 }), {
    manager: {
      access_log: [
        {
          name: "f",
          filter: {
            status_code_filter: { comparison: { op: "GE", value: { default_value: 200, runtime_key: "least" } } },
          },
          typed_config: typed("extensions.access_loggers.file.v3.FileAccessLog", { path: "{log}", log_format: { text_format_source: { inline_string: "%REQ(:PATH)%\n" } } }), // prettier-ignore
        },
      ],
    },
    upstreams: { a: answer(404) },
    client: [get("/1"), got(1), admin("/runtime_modify?least=400"), get("/2"), got(2)],
  }),
  row("access logs by share", KEYS, layered({ share: 0 }), {
    manager: {
      access_log: [
        {
          name: "f",
          filter: { runtime_filter: { runtime_key: "share", percent_sampled: { numerator: 100 } } },
          typed_config: typed("extensions.access_loggers.file.v3.FileAccessLog", { path: "{log}", log_format: { text_format_source: { inline_string: "%REQ(:PATH)%\n" } } }), // prettier-ignore
        },
      ],
    },
    client: [get("/1"), got(1), admin("/runtime_modify?share=100"), get("/2"), got(2)],
  }),
];
