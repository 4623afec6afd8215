/** Priorities, health and panic: who is asked while some hosts are not well. */
import type { ContractCase, JsonObject } from "../harness/case.ts";
import { answer, endpoint, get, got, toCluster, typed } from "../harness/steps.ts";

const host = (name: string, health?: string, fields: JsonObject = {}): JsonObject =>
  endpoint(name, { ...(health === undefined ? {} : { health_status: health }), ...fields });

/** Cluster `a` with these hosts by priority. */
const cluster = (
  priorities: readonly (readonly JsonObject[])[],
  fields: JsonObject = {},
  policy: JsonObject = {},
): Pick<ContractCase, "clusters"> => ({
  clusters: {
    a: {
      load_assignment: {
        cluster_name: "a",
        endpoints: priorities.map((lb_endpoints, priority) => ({ priority, lb_endpoints })),
        policy,
      },
      ...fields,
    },
  },
});

const NO_PANIC: JsonObject = { common_lb_config: { healthy_panic_threshold: { value: 0 } } };
const STATS = [
  "membership_total",
  "membership_healthy",
  "membership_degraded",
  "membership_excluded",
  "membership_change",
  "lb_healthy_panic",
  "upstream_cx_none_healthy",
  "upstream_rq_total",
].map((name) => `cluster.a.${name}`);
const four = [get(), get(), get(), get(), got(4)];

export const CASES: readonly ContractCase[] = [
  {
    name: "a healthy first priority gets everything",
    feature: "Priorities: load",
    ...cluster([[host("p")], [host("q")]]),
    client: four,
    stats: STATS,
  },
  {
    name: "an empty first priority",
    feature: "Priorities: load",
    ...cluster([[], [host("q")]]),
    client: four,
    stats: STATS,
  },
  {
    name: "a first priority of unhealthy hosts",
    feature: "Priorities: load",
    ...cluster([[host("p", "UNHEALTHY")], [host("q")]]),
    client: four,
    stats: STATS,
  },
  {
    name: "the second is not well either: the third",
    feature: "Priorities: load",
    ...cluster([[host("p", "TIMEOUT")], [host("q", "UNHEALTHY")], [host("r")]]),
    client: four,
    stats: STATS,
  },
  {
    name: "a gap between priorities",
    feature: "Priorities: load",
    clusters: {
      a: {
        load_assignment: {
          cluster_name: "a",
          endpoints: [
            { priority: 0, lb_endpoints: [host("p", "UNHEALTHY")] },
            { priority: 2, lb_endpoints: [host("r")] },
          ],
        },
      },
    },
    client: four,
    stats: STATS,
  },
  {
    name: "three of four are as good as all: 75 % × 1.4",
    feature: "Priorities: overprovisioning factor",
    ...cluster([[host("p"), host("p2"), host("p3"), host("p4", "UNHEALTHY")], [host("q")]]),
    upstreams: { p: answer(200, "p"), p2: answer(200, "p"), p3: answer(200, "p") },
    client: [get(), get(), get(), got(3)],
    stats: STATS,
  },
  {
    name: "half of them, if twice as many are expected to do",
    feature: "Priorities: overprovisioning factor",
    ...cluster([[host("p"), host("p2", "UNHEALTHY")], [host("q")]], {}, { overprovisioning_factor: 200 }),
    client: four,
    stats: STATS,
  },
  {
    name: "health by weight: the heavy one is well",
    feature: "Priorities: weighted_priority_health",
    ...cluster(
      [
        [host("p", undefined, { load_balancing_weight: 9 }), host("p2", "UNHEALTHY", { load_balancing_weight: 1 })],
        [host("q")],
      ],
      {},
      { weighted_priority_health: true },
    ),
    client: four,
    stats: STATS,
  },
  {
    name: "overprovisioning_factor: 0",
    feature: "Priorities: overprovisioning factor",
    ...cluster([[host("p")]], {}, { overprovisioning_factor: 0 }),
    client: [],
    refused: true,
  },

  {
    name: "degraded hosts are asked where there are no others",
    feature: "Priorities: degraded hosts",
    ...cluster([[host("p", "DEGRADED")]]),
    client: four,
    stats: STATS,
  },
  {
    name: "healthy hosts of a lower priority come before degraded ones",
    feature: "Priorities: degraded hosts",
    ...cluster([[host("p", "DEGRADED")], [host("q")]]),
    client: four,
    stats: STATS,
  },
  {
    name: "degraded and unhealthy ones",
    feature: "Priorities: degraded hosts",
    ...cluster([[host("p", "DEGRADED"), host("p2", "UNHEALTHY"), host("p3", "DEGRADED")], [host("q", "UNHEALTHY")]]),
    upstreams: { p: answer(200, "degraded"), p3: answer(200, "degraded") },
    client: [get(), get(), got(2)],
    stats: STATS,
  },
  {
    name: "draining hosts are not there",
    feature: "Priorities: draining hosts",
    ...cluster([[host("p"), host("p2", "DRAINING"), host("p3", "DRAINING")]]),
    client: four,
    stats: STATS,
  },
  {
    name: "nothing but draining hosts is panic",
    feature: "Priorities: draining hosts",
    ...cluster([[host("p", "DRAINING")]]),
    client: four,
    stats: STATS,
  },
  {
    name: "nothing but draining hosts, and no panic",
    feature: "Priorities: draining hosts",
    ...cluster([[host("p", "DRAINING")]], NO_PANIC),
    client: [get(), got(1)],
    stats: STATS,
  },

  {
    name: "nobody is well: everybody is asked",
    feature: "Priorities: panic",
    ...cluster([[host("p", "UNHEALTHY"), host("p2", "UNHEALTHY")]]),
    upstreams: { p: answer(200, "x"), p2: answer(200, "x") },
    client: [get(), get(), got(2)],
    stats: STATS,
  },
  {
    name: "one of three is well: panic",
    feature: "Priorities: panic",
    ...cluster([[host("p"), host("p2", "UNHEALTHY"), host("p3", "UNHEALTHY")]]),
    upstreams: { p: answer(200, "x"), p2: answer(200, "x"), p3: answer(200, "x") },
    client: [get(), get(), get(), got(3)],
    stats: STATS,
  },
  {
    name: "one of two is well: no panic, and the half does all",
    feature: "Priorities: panic",
    ...cluster([[host("p"), host("p2", "UNHEALTHY")]]),
    client: four,
    stats: STATS,
  },
  {
    name: "a threshold of 33: one of three will do",
    feature: "Priorities: panic",
    ...cluster([[host("p"), host("p2", "UNHEALTHY"), host("p3", "UNHEALTHY")]], {
      common_lb_config: { healthy_panic_threshold: { value: 33 } },
    }),
    client: four,
    stats: STATS,
  },
  {
    name: "a threshold is rounded to whole percents",
    feature: "Priorities: panic",
    ...cluster([[host("p"), host("p2", "UNHEALTHY"), host("p3", "UNHEALTHY")]], {
      common_lb_config: { healthy_panic_threshold: { value: 33.4 } },
    }),
    client: four,
    stats: STATS,
  },
  {
    name: "no panic wanted: 503",
    feature: "Priorities: panic",
    ...cluster([[host("p", "UNHEALTHY")]], NO_PANIC),
    client: [get(), got(1)],
    stats: STATS,
  },
  {
    name: "no panic wanted, several priorities",
    feature: "Priorities: panic",
    ...cluster([[host("p", "UNHEALTHY")], [host("q", "UNHEALTHY")]], NO_PANIC),
    client: [get(), got(1)],
    stats: STATS,
  },
  {
    name: "panic of a priority does not matter while another one can do all",
    feature: "Priorities: panic",
    ...cluster([[host("p", "UNHEALTHY"), host("p2", "UNHEALTHY")], [host("q")]]),
    client: four,
    stats: STATS,
  },
  {
    name: "fail_traffic_on_panic",
    feature: "Priorities: fail_traffic_on_panic",
    ...cluster([[host("p"), host("p2", "UNHEALTHY"), host("p3", "UNHEALTHY")]], {
      common_lb_config: { zone_aware_lb_config: { fail_traffic_on_panic: true } },
    }),
    client: [get(), got(1)],
    stats: STATS,
  },
  {
    name: "no hosts at all",
    feature: "Priorities: panic",
    ...cluster([[]]),
    client: [get(), got(1)],
    stats: STATS,
  },
  {
    name: "no hosts at all, no panic wanted",
    feature: "Priorities: panic",
    ...cluster([[]], NO_PANIC),
    client: [get(), got(1)],
    stats: STATS,
  },

  {
    name: "a retry leaves the priority that it has been to",
    feature: "Priorities: previous_priorities",
    routes: [
      toCluster("/", "a", {
        retry_policy: {
          retry_on: "5xx",
          num_retries: 2,
          retry_priority: {
            name: "envoy.retry_priorities.previous_priorities",
            typed_config: typed("extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig", {
              update_frequency: 1,
            }),
          },
        },
      }),
    ],
    ...cluster([[host("p")], [host("q")], [host("r")]]),
    upstreams: { p: answer(503), q: answer(503), r: answer(200, "r") },
    client: [get(), got(1)],
    stats: STATS,
    mask: [[/(?<=expected-rq-timeout-ms: )\d+/g, "{left}"]],
  },
  {
    name: "it begins anew when all have been tried",
    feature: "Priorities: previous_priorities",
    routes: [
      toCluster("/", "a", {
        retry_policy: {
          retry_on: "5xx",
          num_retries: 3,
          retry_priority: {
            name: "envoy.retry_priorities.previous_priorities",
            typed_config: typed("extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig", {
              update_frequency: 1,
            }),
          },
        },
      }),
    ],
    ...cluster([[host("p")], [host("q")]]),
    upstreams: { p: { answers: [answer(503), answer(200, "again")] }, q: answer(503) },
    client: [get(), got(1)],
    stats: STATS,
    mask: [[/(?<=expected-rq-timeout-ms: )\d+/g, "{left}"]],
  },
  {
    name: "every second attempt",
    feature: "Priorities: previous_priorities",
    routes: [
      toCluster("/", "a", {
        retry_policy: {
          retry_on: "5xx",
          num_retries: 3,
          retry_priority: {
            name: "envoy.retry_priorities.previous_priorities",
            typed_config: typed("extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig", {
              update_frequency: 2,
            }),
          },
        },
      }),
    ],
    ...cluster([[host("p")], [host("q")]]),
    upstreams: { p: answer(503), q: answer(200, "q") },
    client: [get(), got(1)],
    stats: STATS,
    mask: [[/(?<=expected-rq-timeout-ms: )\d+/g, "{left}"]],
  },
];
