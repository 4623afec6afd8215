/** How one of several weighted clusters is chosen: by a number in a header, by a cluster's name in a header. */
import type { ContractCase, JsonObject } from "../harness/case.ts";
import { get, inTurn, toCluster } from "../harness/steps.ts";

const BY_HEADER = "Route actions: weighted_clusters, header_name";
const NAMED = "Route actions: weighted_clusters, cluster_header";

function weighted(clusters: readonly JsonObject[], fields: JsonObject = {}, more: JsonObject = {}): JsonObject {
  return { match: { prefix: "/" }, route: { weighted_clusters: { clusters, ...fields }, ...more } };
}

const HALVES = [
  { name: "a", weight: 30 },
  { name: "b", weight: 70 },
];
const AB = { a: {}, b: {} };

/** Where each of these numbers leads. */
function drawn(name: string, values: readonly string[], parts: Partial<ContractCase> = {}): ContractCase {
  return {
    name,
    feature: BY_HEADER,
    routes: [weighted(HALVES, { header_name: "X-Draw" })],
    clusters: AB,
    client: inTurn(...values.map((value) => get(`/${encodeURIComponent(value)}`, `x-draw: ${value}`))),
    ...parts,
  };
}

export const CASES: readonly ContractCase[] = [
  drawn("the remainder of the number decides", ["0", "29", "30", "99", "100", "129", "130", "1000", "1030"]),
  drawn("64 bits", ["18446744073709551615", "18446744073709551600", "9007199254740993"]),
  drawn("plus signs and zeros", ["+5", "005", "+0030"]),
  drawn("chance where it is no number: by a cluster with all the weight", ["x", "", "-1", "1.5", "18446744073709551616", "0x1"], {
    routes: [weighted([{ name: "a", weight: 0 }, { name: "b", weight: 1 }], { header_name: "x-draw" })],
  }), // prettier-ignore
  {
    name: "chance where there is no header, or several",
    feature: BY_HEADER,
    routes: [weighted([{ name: "a", weight: 0 }, { name: "b", weight: 1 }], { header_name: "x-draw" })], // prettier-ignore
    clusters: AB,
    client: inTurn(get(), get("/", "x-draw: 0", "x-draw: 0")),
  },
  {
    name: "one cluster only",
    feature: BY_HEADER,
    routes: [weighted([{ name: "a", weight: 3 }], { header_name: "x-draw" })],
    client: [get("/", "x-draw: 7")],
  },
  {
    name: "a weighted cluster that the request names",
    feature: NAMED,
    routes: [weighted([{ cluster_header: "X-Cluster", weight: 1 }])],
    clusters: AB,
    client: inTurn(get("/1", "x-cluster: b"), get("/2", "x-cluster: a"), get("/3", "x-cluster: none"), get("/4"), get("/5", "x-cluster: b", "x-cluster: a"), get("/6", "x-cluster:")), // prettier-ignore
    accessLog: "%RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %UPSTREAM_CLUSTER%",
    stats: ["http.in.no_cluster"],
  },
  {
    name: "one of several is named by the request, with headers of its own",
    feature: NAMED,
    routes: [
      weighted(
        [
          { name: "a", weight: 50 },
          {
            cluster_header: "x-cluster",
            weight: 50,
            request_headers_to_add: [{ header: { key: "x-of", value: "named" } }],
            response_headers_to_add: [{ header: { key: "x-back", value: "named" } }],
            host_rewrite_literal: "named.test",
          },
        ],
        { header_name: "x-draw" },
      ),
    ],
    clusters: AB,
    client: inTurn(get("/1", "x-draw: 1", "x-cluster: b"), get("/2", "x-draw: 60", "x-cluster: b"), get("/3", "x-draw: 60")), // prettier-ignore
  },
  {
    name: "the status for a cluster that is not there",
    feature: NAMED,
    routes: [weighted([{ cluster_header: "x-cluster", weight: 1 }], {}, { cluster_not_found_response_code: "NOT_FOUND" })], // prettier-ignore
    client: inTurn(get("/1", "x-cluster: none"), get("/2")),
  },
  {
    name: "named by the authority",
    feature: NAMED,
    routes: [weighted([{ cluster_header: ":authority", weight: 1 }])],
    clusters: { "a.test": { endpoints: ["a"] } },
    client: [get()],
  },
  {
    name: "cluster_header of a route by the authority",
    feature: "Route actions: cluster_header",
    routes: [{ match: { prefix: "/" }, route: { cluster_header: ":authority" } }],
    clusters: { "a.test": { endpoints: ["a"] } },
    client: [get()],
  },
  {
    name: "refused: a cluster with two names",
    feature: NAMED,
    routes: [weighted([{ name: "a", cluster_header: "x", weight: 1 }])],
    refused: true,
    client: [get()],
  },
  {
    name: "refused: a cluster without a name",
    feature: NAMED,
    routes: [weighted([{ weight: 1 }]), toCluster("/", "a")],
    refused: true,
    client: [get()],
  },
];
