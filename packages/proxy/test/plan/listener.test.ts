import assert from "node:assert/strict";
import { test } from "node:test";
import { HeaderClass } from "../../src/codec/header-names.ts";
import type { JsonValue } from "@bufbuild/protobuf";
import type { HttpConnectionManagerPlan } from "../../src/plan/listener-plan.ts";
import { UNKNOWN_WORKLOAD } from "@tulle/telemetry";
import { type MeshStatsConfig, compileMeshStats } from "../../src/plan/filters/mesh-stats.ts";
import { Place, type Problem } from "../../src/plan/problems.ts";
import { managerOf, managerPlan } from "../support/plans.ts";
import { HCM, ROUTER_FILTER, listener, listenerJson, refusals, set } from "./support.ts";

test("a bare connection manager has Envoy's defaults", () => {
  const { routes, ...plan } = managerOf(listener(listenerJson()));
  assert.equal(routes.name, "r");
  const { routes: _, ...expected } = managerPlan(null, {
    statPrefix: "in",
    listener: { ...managerPlan(null).listener, name: "l" },
  });
  assert.deepEqual(plan, expected);
});

test("everything that is set arrives in the plan", () => {
  const plan = managerOf(
    listener(
      listenerJson({
        server_name: "s",
        server_header_transformation: "PASS_THROUGH",
        use_remote_address: true,
        xff_num_trusted_hops: 2,
        skip_xff_append: true,
        via: "v",
        generate_request_id: false,
        preserve_external_request_id: true,
        always_set_request_id_in_response: true,
        normalize_path: true,
        merge_slashes: true,
        path_with_escaped_slashes_action: "UNESCAPE_AND_REDIRECT",
        strip_any_host_port: true,
        strip_trailing_host_dot: true,
        proxy_100_continue: true,
        max_request_headers_kb: 96,
        stream_idle_timeout: "0s",
        request_timeout: "7s",
        request_headers_timeout: "8s",
        drain_timeout: "9s",
        delayed_close_timeout: "0s",
        common_http_protocol_options: {
          idle_timeout: "0s",
          max_connection_duration: "11s",
          max_headers_count: 12,
          max_stream_duration: "13s",
          headers_with_underscores_action: "REJECT_REQUEST",
          max_requests_per_connection: 14,
        },
        http_protocol_options: {
          allow_absolute_url: false,
          accept_http_10: true,
          default_host_for_http_10: "d",
          enable_trailers: true,
          allow_chunked_length: true,
        },
      }),
    ),
  );
  const expected: Partial<HttpConnectionManagerPlan> = {
    serverName: "s",
    serverHeader: "pass-through",
    useRemoteAddress: true,
    xffNumTrustedHops: 2,
    appendXForwardedPort: false,
    schemeToOverwrite: "",
    clientCertificate: null,
    peerMetadata: null,
    neverAccepted: HeaderClass.neverFromPeer | HeaderClass.clientCertificate,
    userAgent: null,
    skipXffAppend: true,
    via: "v",
    generateRequestId: false,
    preserveExternalRequestId: true,
    alwaysSetRequestIdInResponse: true,
    normalizePath: true,
    mergeSlashes: true,
    escapedSlashes: "unescape-and-redirect",
    stripPort: "any",
    stripTrailingHostDot: true,
    proxy100Continue: true,
    maxRequestHeadersBytes: 98_304,
    streamIdleTimeoutMs: 0,
    requestTimeoutMs: 7000,
    requestHeadersTimeoutMs: 8000,
    drainTimeoutMs: 9000,
    delayedCloseTimeoutMs: 0,
    idleTimeoutMs: 0,
    maxConnectionDurationMs: 11_000,
    maxRequestHeadersCount: 12,
    maxStreamDurationMs: 13_000,
    headersWithUnderscores: "reject",
    maxRequestsPerConnection: 14,
    allowAbsoluteUrl: false,
    refusesHttpsUrl: false,
    acceptHttp10: true,
    defaultHostForHttp10: "d",
    enableTrailers: true,
    headerCase: null,
    allowChunkedLength: true,
  };
  assert.deepEqual({ ...plan, ...expected }, plan);
});

test("the listener: address, direction, buffer limit, and a name made of the address if it has none", () => {
  const json = listenerJson();
  set(json, "name", undefined);
  set(json, "traffic_direction", "INBOUND");
  set(json, "per_connection_buffer_limit_bytes", 4096);
  const { chains: _, matcher: __, fingerprint: ___, ownFingerprint: ____, ...plan } = listener(json);
  assert.deepEqual(plan, {
    name: "127.0.0.1:8080",
    address: "127.0.0.1",
    port: 8080,
    direction: "inbound",
    connectionLimit: { value: Infinity },
    ignoresGlobalLimit: false,
    bypassesOverload: false,
    drainsWhenFailing: true,
    statPrefix: "",
    bufferLimitBytes: 4096,
    defaultChain: -1,
    bindsToPort: true,
    additionalAddresses: [],
    transparent: false,
    accepted: { keepaliveMs: -1 },
    usesOriginalDst: false,
    listenerFilters: [],
    listenerFiltersTimeoutMs: 15_000,
    continuesAfterTimeout: false,
    accessLogs: [],
    info: { name: "127.0.0.1:8080", metadata: {}, filterChainName: "", filterChainMetadata: {} },
  });
});

test("RDS routes are held by name", () => {
  const plan = listener(listenerJson({ rds: { route_config_name: "9080", config_source: { ads: {} } } }));
  assert.deepEqual(managerOf(plan).routes, { name: "9080", current: null });
});

test("the mesh metrics filter arrives with this proxy's workload, and labels that it cannot make are refused with their place", () => {
  const filter = {
    name: "istio.stats",
    typed_config: {
      "@type": "type.googleapis.com/xds.type.v3.TypedStruct",
      type_url: "type.googleapis.com/stats.PluginConfig",
      value: { reporter: "SERVER_GATEWAY", tcp_reporting_duration: "1.5s" },
    },
  };
  const [plan] = managerOf(listener(listenerJson({ http_filters: [filter, ROUTER_FILTER] }))).filters;
  assert.equal(plan.name, "istio.stats");
  assert.equal(plan.typeName, "stats.PluginConfig");
  assert.equal((plan.config as MeshStatsConfig).tcpReportingMs, 1_500);
  const problems: Problem[] = [];
  const metrics = [{ name: "requests_total", dimensions: { a: "nothing.there", b: "1 +" } }];
  compileMeshStats({ metrics }, UNKNOWN_WORKLOAD, new Place("at", problems));
  assert.deepEqual(
    problems.map(({ path }) => path),
    ['at.metrics[0].dimensions["a"]', 'at.metrics[0].dimensions["b"]'],
  );
});

test("a default filter chain is the chain if there is no other", () => {
  const json = listenerJson();
  set(json, "default_filter_chain", chainOf(json));
  set(json, "filter_chains", undefined);
  assert.equal(managerOf(listener(json)).statPrefix, "in");
});

/** The listener's only filter chain, and the filter in it. */
function chainOf(json: JsonValue): JsonValue {
  return (json as { filter_chains: JsonValue[] }).filter_chains[0];
}

function filterOf(json: JsonValue): JsonValue {
  return (chainOf(json) as { filters: JsonValue[] }).filters[0];
}

const MONGO_PROXY = {
  name: "mongo",
  typed_config: {
    "@type": "type.googleapis.com/xds.type.v3.TypedStruct",
    type_url: "x/envoy.extensions.filters.network.mongo_proxy.v3.MongoProxy",
  },
};

const REFUSED: readonly [what: string, path: string, value: JsonValue | undefined, expected: RegExp][] = [
  ["no address", "address", undefined, /^error adding listener named 'l': address is necessary$/],
  ["no filter chain", "filter_chains", [], /no filter chains specified$/],
  [
    "two filter chains for the same connections",
    "filter_chains[1]",
    chainOf(listenerJson()),
    /^filter_chains\[1\]: error adding listener 'l': filter chain '' has the same matching rules defined as ''$/,
  ],
  [
    "a filter after the connection manager",
    "filter_chains[0].filters[1]",
    filterOf(listenerJson()),
    /terminal filter named hcm must be the last filter in a network filter chain\.$/,
  ],
  [
    "another network filter",
    "filter_chains[0].filters[0]",
    MONGO_PROXY,
    /^filter_chains\[0\]\.filters\[0\]: mongo \(x\/envoy.*MongoProxy\) is not supported$/,
  ],
  [
    "a filter after the router",
    "{hcm}.http_filters[1]",
    ROUTER_FILTER,
    /http_filters\[0\]: terminal filter named envoy\.filters\.http\.router must be the last filter/,
  ],
  [
    "no router",
    "{hcm}.http_filters",
    [],
    /http_filters: a filter chain without envoy\.filters\.http\.router is not supported$/,
  ],
];

for (const [what, path, value, expected] of REFUSED) {
  test(`refused: ${what}`, () => {
    const json = listenerJson();
    set(json, path, value);
    const found = refusals(() => listener(json));
    assert.equal(found.length, 1, found.join("\n"));
    assert.match(found[0], expected);
  });
}

test("refused: both ways to strip a port", () => {
  const found = refusals(() => listener(listenerJson({ strip_any_host_port: true, strip_matching_host_port: true })));
  assert.match(found.join(), /Only one of `strip_matching_host_port` or `strip_any_host_port` can be set/);
});

test("the path of a problem inside a connection manager names its type", () => {
  const [problem] = refusals(() => listener(listenerJson({ proxy_status_config: {} })));
  assert.equal(problem, `filter_chains[0].filters[0].typed_config(${HCM}).proxy_status_config: is not supported`);
});
