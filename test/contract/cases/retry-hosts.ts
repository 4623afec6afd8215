/** Retries that leave out hosts by what is said of them. A session names the host of the first attempt. */
import type { ContractCase, JsonObject, UpstreamScript } from "../harness/case.ts";
import { answer, endpoint, get, inTurn, typed } from "../harness/steps.ts";

const FEATURE = "Retries: hosts that are left out";
const MASK: readonly (readonly [RegExp, string])[] = [[/[A-Za-z0-9+/]{19,}={0,2}/g, "{address}"]];

const host = (name: string, fields: JsonObject = {}): JsonObject =>
  endpoint(name, { metadata: { filter_metadata: { "envoy.lb": fields } } });
const predicate = (name: string, type: string, fields: JsonObject = {}): JsonObject => ({
  name: `envoy.retry_host_predicates.${name}`,
  typed_config: typed(`extensions.retry.host.${name}.v3.${type}`, fields),
});
const PREVIOUS = predicate("previous_hosts", "PreviousHostsPredicate");
const CANARIES = predicate("omit_canary_hosts", "OmitCanaryHostsPredicate");
const having = (fields: JsonObject): JsonObject =>
  predicate("omit_host_metadata", "OmitHostMetadataConfig", {
    metadata_match: { filter_metadata: { "envoy.lb": fields } },
  });

const BAD: UpstreamScript = { answers: [answer(503, "no"), answer(200, "again")] };

/** What a request gets whose first attempt fails at `bad`. */
function retried(name: string, predicates: readonly JsonObject[], others: readonly JsonObject[]): ContractCase {
  return {
    name,
    feature: FEATURE,
    clusters: { a: { lb_policy: "ROUND_ROBIN", endpoints: [host("bad"), ...others] } },
    filters: [
      {
        name: "session",
        typed_config: typed("extensions.filters.http.stateful_session.v3.StatefulSession", {
          session_state: {
            name: "envoy.http.stateful_session.header",
            typed_config: typed("extensions.http.stateful_session.header.v3.HeaderBasedSessionState", {
              name: "x-session",
            }),
          },
        }),
      },
    ],
    routes: [
      {
        match: { prefix: "/" },
        route: {
          cluster: "a",
          timeout: "0s",
          retry_policy: {
            retry_on: "5xx",
            host_selection_retry_max_attempts: 20,
            retry_host_predicate: predicates,
          },
        },
      },
    ],
    upstreams: { bad: BAD },
    mask: MASK,
    client: inTurn(get("/", "x-session: {session bad}")),
  };
}

export const CASES: readonly ContractCase[] = [
  retried("canaries", [CANARIES], [host("c1", { canary: true }), host("c2", { canary: true })]),
  retried(
    "canaries, and hosts that have been tried",
    [PREVIOUS, CANARIES],
    [host("canary", { canary: true }), host("good", { canary: false })],
  ),
  retried(
    "hosts with certain metadata",
    [PREVIOUS, having({ stage: "test" })],
    [host("test", { stage: "test" }), host("good", { stage: "prod" })],
  ),
  retried(
    "all of the metadata that is named must be there",
    [PREVIOUS, having({ stage: "test", version: 1 })],
    [host("test", { stage: "test", version: 1, more: "x" }), host("good", { stage: "test", version: 2 })],
  ),
  retried(
    "one of several values",
    [PREVIOUS, having({ stage: "test" })],
    [host("test", { stage: ["prod", "test"] }), host("good", { stage: ["prod"] })],
  ),
];
