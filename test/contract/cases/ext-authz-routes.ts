/** The ext_authz filter: for which requests the server is asked. */
import type { ContractCase } from "../harness/case.ts";
import { get, request, toCluster, typed } from "../harness/steps.ts";
import { ROUTES, filter, asks, OK, NO, perRoute, percent } from "../harness/ext-authz.ts";

export const CASES: readonly ContractCase[] = [
  {
    ...asks("per route: disabled, and others", ROUTES, NO, [get("/off"), get("/on"), get("/")]),
    routes: [
      toCluster("/off", "a", {}, perRoute({ disabled: true })),
      toCluster("/on", "a", {}, perRoute({ check_settings: { context_extensions: { a: "b" } } })),
      toCluster("/", "a"),
    ],
  },
  {
    ...asks(
      "per route: without a body, with one of its own",
      ROUTES,
      OK,
      ["/none", "/own", "/"].map((path) => request("POST", path, "content-length: 5") + "hello"),
      {},
      { with_request_body: { max_request_bytes: 100 } },
    ),
    routes: [
      toCluster("/none", "a", {}, perRoute({ check_settings: { disable_request_body_buffering: true } })),
      toCluster(
        "/own",
        "a",
        {},
        perRoute({ check_settings: { with_request_body: { max_request_bytes: 3, allow_partial_message: true } } }),
      ),
      toCluster("/", "a"),
    ],
  },
  {
    ...asks("per route: another server", ROUTES, OK, [get("/other"), get("/")]),
    clusters: { a: {}, authz: {}, other: {} },
    upstreams: { authz: OK, other: NO },
    routes: [
      toCluster(
        "/other",
        "a",
        {},
        perRoute({
          check_settings: {
            http_service: { server_uri: { uri: "http://other.test", cluster: "other", timeout: "5s" } },
          },
        }),
      ),
      toCluster("/", "a"),
    ],
  },
  asks("no route: nobody is asked", ROUTES, NO, [get("/x")], {}, {}, { routes: [toCluster("/a", "a")] }),
  asks(
    "a redirect is asked about, too",
    ROUTES,
    NO,
    [get("/x")],
    {},
    {},
    {
      routes: [{ match: { prefix: "/" }, redirect: { path_redirect: "/y" } }],
    },
  ),
  asks("filter_enabled: for none", ROUTES, NO, [get()], {}, { filter_enabled: percent(0) }),
  asks(
    "filter_enabled: for none, and those are denied",
    ROUTES,
    OK,
    [get()],
    {},
    {
      filter_enabled: percent(0),
      deny_at_disable: { default_value: true, runtime_key: "k" },
      status_on_error: { code: "Unauthorized" },
    },
  ),
  {
    ...asks(
      "filter_enabled_metadata",
      ROUTES,
      NO,
      [get()],
      {},
      {
        filter_enabled_metadata: { filter: "x", path: [{ key: "k" }], value: { string_match: { exact: "v" } } },
      },
    ),
  },
  {
    ...asks("filter_enabled_metadata: of the JWT filter", ROUTES, NO, [get()]),
    filters: [
      {
        name: "envoy.filters.http.rbac",
        typed_config: typed("extensions.filters.http.rbac.v3.RBAC", {
          shadow_rules: {
            action: "DENY",
            policies: { p: { permissions: [{ any: true }], principals: [{ any: true }] } },
          },
          shadow_rules_stat_prefix: "istio_ext_authz_",
        }),
      },
      filter(
        {},
        {
          filter_enabled_metadata: {
            filter: "envoy.filters.http.rbac",
            path: [{ key: "istio_ext_authz_shadow_effective_policy_id" }],
            value: { string_match: { prefix: "p" } },
          },
        },
      ),
    ],
  },
  asks(
    "stat_prefix",
    ROUTES,
    NO,
    [get()],
    {},
    { stat_prefix: "mine" },
    {
      stats: ["http.in.ext_authz.mine.denied", "http.in.ext_authz.denied"],
    },
  ),
];
