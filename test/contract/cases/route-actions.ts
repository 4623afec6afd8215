/** What a route does with a request: where it goes, what becomes of path, host and headers. */
import type { ContractCase } from "../harness/case.ts";
import { endpoint, get, header, toCluster } from "../harness/steps.ts";

export const CASES: readonly ContractCase[] = [
  {
    name: "prefix rewrite",
    feature: "Route actions: prefix_rewrite",
    routes: [toCluster("/rewrite/", "a", { prefix_rewrite: "/new/" })],
    client: [get("/rewrite/x?y")],
  },
  {
    name: "host rewrite",
    feature: "Route actions: host_rewrite_literal",
    routes: [toCluster("/", "a", { host_rewrite_literal: "new.test" })],
    client: [get()],
  },
  {
    name: "header operations",
    feature: "Header mutations: append actions",
    routes: [
      toCluster(
        "/",
        "a",
        {},
        {
          request_headers_to_remove: ["x-remove"],
          request_headers_to_add: [
            header("x-set", "new", "OVERWRITE_IF_EXISTS_OR_ADD"),
            header("x-add", "new", "APPEND_IF_EXISTS_OR_ADD"),
            header("x-absent", "new", "ADD_IF_ABSENT"),
          ],
          response_headers_to_remove: ["content-type"],
          response_headers_to_add: [header("x-answer", "yes", "APPEND_IF_EXISTS_OR_ADD")],
        },
      ),
    ],
    client: [get("/", "x-remove: 1", "x-set: old", "x-add: old")],
  },
  {
    name: "weighted to one",
    feature: "Route actions: weighted_clusters",
    routes: [
      {
        match: { prefix: "/" },
        route: {
          weighted_clusters: {
            clusters: [
              { name: "a", weight: 1 },
              { name: "b", weight: 0 },
            ],
          },
        },
      },
    ],
    clusters: { a: { endpoints: [endpoint("a", { load_balancing_weight: 1 })] }, b: {} },
    client: [get()],
  },
];
