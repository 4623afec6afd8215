/** Retries, timeouts, faults, mirrors, CORS and hashing of a route. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "@bufbuild/protobuf";
import { destinationRule, service, TestMesh, virtualService } from "../support/mesh.ts";
import type { ProxyOptions } from "../support/mesh.ts";

const REVIEWS = "reviews.default.svc.cluster.local:9080";
const TO = "route: [{ destination: { host: reviews } }]";
const TWO =
  "route: [{ destination: { host: reviews, subset: v1 }, weight: 1 }, { destination: { host: reviews, subset: v2 }, weight: 1 }]";

function route(fields: string, more = "", proxy: ProxyOptions = {}): JsonObject {
  const rules = virtualService("reviews", { hosts: "reviews", http: `[{ ${fields} }]` });
  const [found] = new TestMesh(service("reviews") + rules + more).proxy(proxy).routes(REVIEWS);
  assert.ok(found !== undefined);
  return found;
}
const action = (fields: string, more = "", proxy: ProxyOptions = {}): JsonObject =>
  route(fields, more, proxy)["route"] as JsonObject;
const retries = (fields: string, more = ""): JsonObject | undefined =>
  action(`${fields === "" ? "" : `retries: ${fields}, `}${TO}`, more)["retry_policy"] as JsonObject | undefined;
const perFilter = (fields: string, filter: string, proxy: ProxyOptions = {}): JsonObject | undefined => {
  const configs = route(`${fields}, ${TO}`, "", proxy)["typed_per_filter_config"] as
    | Record<string, JsonObject>
    | undefined;
  if (configs?.[filter] === undefined) return undefined;
  const { "@type": _type, ...config } = configs[filter];
  return config;
};
const fault = (fields: string): JsonObject | undefined => perFilter(`fault: ${fields}`, "envoy.filters.http.fault");
const cors = (fields: string): JsonObject | undefined => perFilter(`corsPolicy: ${fields}`, "envoy.filters.http.cors");

const PREVIOUS_HOSTS = [
  {
    name: "envoy.retry_host_predicates.previous_hosts",
    typed_config: {
      "@type": "type.googleapis.com/envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate",
    },
  },
];
const DEFAULT = {
  retry_on: "connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes",
  num_retries: 2,
  retry_host_predicate: PREVIOUS_HOSTS,
  host_selection_retry_max_attempts: "5",
};

test("without retries a route has Istio's default ones", () => {
  assert.deepEqual(retries(""), DEFAULT);
});

test("attempts are the number of retries; 0, or none, switches them off", () => {
  assert.deepEqual(retries("{ attempts: 7 }"), { ...DEFAULT, num_retries: 7 });
  assert.equal(retries("{ attempts: 0 }"), undefined);
  assert.equal(retries("{}"), undefined);
});

test("retryOn replaces the conditions; numbers in it are status codes", () => {
  const conditions = (retryOn: string): unknown[] => {
    const { retry_on, retriable_status_codes } = retries(`{ attempts: 1, retryOn: "${retryOn}" }`)!;
    return [retry_on, retriable_status_codes];
  };
  assert.deepEqual(conditions("5xx, reset"), ["5xx,reset", undefined]);
  assert.deepEqual(conditions("gateway-error,503, 429"), ["gateway-error,retriable-status-codes", [503, 429]]);
  assert.deepEqual(conditions("retriable-status-codes,503"), ["retriable-status-codes", [503]]);
  assert.deepEqual(conditions("503"), ["retriable-status-codes", [503]]);
});

test("per-try timeout and back-off", () => {
  assert.deepEqual(retries("{ attempts: 1, perTryTimeout: 2s, backoff: 100ms }"), {
    ...DEFAULT,
    num_retries: 1,
    per_try_timeout: "2s",
    retry_back_off: { base_interval: "0.100s" },
  });
});

test("hosts that were tried are passed over unless retryIgnorePreviousHosts is false", () => {
  assert.deepEqual(retries("{ attempts: 1, retryIgnorePreviousHosts: true }")!["retry_host_predicate"], PREVIOUS_HOSTS);
  assert.equal(retries("{ attempts: 1, retryIgnorePreviousHosts: false }")!["retry_host_predicate"], undefined);
});

test("retryRemoteLocalities lets retries go to other priorities", () => {
  assert.deepEqual(retries("{ attempts: 1, retryRemoteLocalities: true }")!["retry_priority"], {
    name: "envoy.retry_priorities.previous_priorities",
    typed_config: {
      "@type": "type.googleapis.com/envoy.extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig",
      update_frequency: 2,
    },
  });
  assert.equal(retries("{ attempts: 1, retryRemoteLocalities: false }")!["retry_priority"], undefined);
});

test("a timeout holds for grpc-timeout too; without one neither is limited; gRPC clients read it elsewhere", () => {
  const timeouts = (fields: string, agent = "envoy"): unknown[] => {
    const { timeout, max_grpc_timeout, max_stream_duration } = action(`${fields}${TO}`, "", { agent });
    return [timeout, max_grpc_timeout, max_stream_duration];
  };
  assert.deepEqual(timeouts(""), ["0s", "0s", undefined]);
  assert.deepEqual(timeouts("timeout: 3s, "), ["3s", "3s", undefined]);
});

test("a delay needs a share: without one it is for no request", () => {
  assert.deepEqual(fault("{ delay: { fixedDelay: 7s, percentage: { value: 100 } } }"), {
    delay: { fixed_delay: "7s", percentage: { numerator: 1_000_000, denominator: "MILLION" } },
  });
  assert.deepEqual(fault("{ delay: { fixedDelay: 1s, percent: 40 } }"), {
    delay: { fixed_delay: "1s", percentage: { numerator: 40 } },
  });
  assert.deepEqual(fault("{ delay: { fixedDelay: 1s } }"), { delay: { fixed_delay: "1s", percentage: {} } });
});

test("a share counts in ten-thousandths of a percent", () => {
  assert.deepEqual(fault("{ abort: { httpStatus: 418, percentage: { value: 0.0001 } } }"), {
    abort: { http_status: 418, percentage: { numerator: 1, denominator: "MILLION" } },
  });
});

test("an abort is by HTTP status or by the name of a gRPC status; without percentage Envoy never injects it", () => {
  assert.deepEqual(fault("{ abort: { httpStatus: 500 } }"), { abort: { http_status: 500 } });
  assert.deepEqual(fault("{ abort: { grpcStatus: UNAVAILABLE, percentage: { value: 50 } } }"), {
    abort: { grpc_status: 14, percentage: { numerator: 500_000, denominator: "MILLION" } },
  });
});

test("delay and abort are drawn independently; a fault that says nothing is none", () => {
  assert.deepEqual(
    Object.keys(
      fault(
        "{ delay: { fixedDelay: 1s, percentage: { value: 1 } }, abort: { httpStatus: 503, percentage: { value: 1 } } }",
      )!,
    ).sort(),
    ["abort", "delay"],
  );
  assert.equal(fault("{ delay: { percentage: { value: 100 } } }"), undefined);
});

test("a route configures its filters whatever its action is", () => {
  const rules = virtualService("reviews", {
    hosts: "reviews",
    http: "[{ corsPolicy: { allowOrigins: [{ exact: a }] }, redirect: { uri: /x } }]",
  });
  const [found] = new TestMesh(service("reviews") + rules).proxy().routes(REVIEWS);
  assert.deepEqual(Object.keys(found!["typed_per_filter_config"] as JsonObject), ["envoy.filters.http.cors"]);
});

test("a mirror gets all requests unless a share is given; the Host stays as it is", () => {
  const mirrors = (fields: string): unknown => action(`${fields}, ${TO}`)["request_mirror_policies"];
  const policy = (
    fraction: JsonObject,
    cluster = "outbound|9080|v2|reviews.default.svc.cluster.local",
  ): JsonObject => ({
    cluster,
    runtime_fraction: { default_value: fraction },
    trace_sampled: false,
    disable_shadow_host_suffix_append: true,
  });
  assert.deepEqual(mirrors("mirror: { host: reviews, subset: v2 }"), [policy({ numerator: 100 })]);
  assert.deepEqual(mirrors("mirror: { host: reviews, subset: v2 }, mirrorPercentage: { value: 12.5 }"), [
    policy({ numerator: 125_000, denominator: "MILLION" }),
  ]);
  assert.deepEqual(mirrors("mirror: { host: reviews, subset: v2 }, mirrorPercent: 30"), [policy({ numerator: 30 })]);
  assert.equal(mirrors("mirror: { host: reviews, subset: v2 }, mirrorPercentage: { value: 0 }"), undefined);
  assert.deepEqual(
    mirrors(
      "mirrors: [{ destination: { host: reviews, subset: v2 } }, { destination: { host: other, port: { number: 1 } }, percentage: { value: 50 } }, { destination: { host: off }, percentage: { value: 0 } }]",
    ),
    [
      policy({ numerator: 100 }),
      policy({ numerator: 500_000, denominator: "MILLION" }, "outbound|1||other.default.svc.cluster.local"),
    ],
  );
});

test("a mirror without a port means its service's only port, and is part of what routes are made of", () => {
  const other = service("other", "default", "[{ name: http, port: 8000 }]");
  const mesh = new TestMesh(
    service("reviews") +
      other +
      virtualService("reviews", { hosts: "reviews", http: `[{ ${TO}, mirror: { host: other } }]` }),
  );
  const cluster = (): unknown =>
    ((mesh.proxy().routes(REVIEWS)[0]!["route"] as JsonObject)["request_mirror_policies"] as JsonObject[])[0]![
      "cluster"
    ];
  assert.equal(cluster(), "outbound|8000||other.default.svc.cluster.local");
  mesh.change(service("other", "default", "[{ name: http, port: 8001 }]"));
  assert.equal(cluster(), "outbound|8001||other.default.svc.cluster.local");
});

const ENABLED = { filter_enabled: { default_value: { numerator: 100 } } };

test("CORS: lists are joined, a preflight of another origin goes to the backend unless it is to be ignored", () => {
  assert.deepEqual(
    cors(
      "{ allowOrigins: [{ exact: https://a.example }, { prefix: https://b. }, { regex: '.*c' }], allowMethods: [GET, POST], allowHeaders: [x-a, x-b], exposeHeaders: [x-c], maxAge: 24h, allowCredentials: true }",
    ),
    {
      ...ENABLED,
      allow_origin_string_match: [
        { exact: "https://a.example" },
        { prefix: "https://b." },
        { safe_regex: { regex: ".*c" } },
      ],
      allow_methods: "GET,POST",
      allow_headers: "x-a,x-b",
      expose_headers: "x-c",
      max_age: "86400",
      allow_credentials: true,
      forward_not_matching_preflights: true,
    },
  );
  assert.deepEqual(cors("{ allowOrigins: [{ exact: a }], allowCredentials: false, unmatchedPreflights: IGNORE }"), {
    ...ENABLED,
    allow_origin_string_match: [{ exact: "a" }],
    allow_credentials: false,
    forward_not_matching_preflights: false,
  });
});

test("CORS: allowOrigin, the old form, counts where allowOrigins is absent", () => {
  const origins = (fields: string): unknown => cors(fields)!["allow_origin_string_match"];
  assert.deepEqual(origins("{ allowOrigin: [a, '*'] }"), [{ exact: "a" }, { exact: "*" }]);
  assert.deepEqual(origins("{ allowOrigin: [a], allowOrigins: [{ exact: b }] }"), [{ exact: "b" }]);
});

test("a gRPC client gets faults, and no filter that it would refuse", () => {
  const rules = virtualService("greeter", {
    hosts: "greeter",
    http: "[{ fault: { abort: { httpStatus: 503, percentage: { value: 100 } } }, corsPolicy: { allowMethods: [GET] }, route: [{ destination: { host: greeter } }] }]",
  });
  const mesh = new TestMesh(service("greeter", "default", "[{ name: grpc, port: 9090 }]") + rules);
  const [found] = mesh
    .proxy({ agent: "gRPC Node Pure JS" })
    .routes("greeter.default.svc.cluster.local:9090", "outbound|9090||greeter.default.svc.cluster.local");
  assert.deepEqual(Object.keys(found!["typed_per_filter_config"] as JsonObject), ["envoy.filters.http.fault"]);
  assert.deepEqual((found!["route"] as JsonObject)["max_stream_duration"], { max_stream_duration: "0s" });
  assert.equal((found!["route"] as JsonObject)["max_grpc_timeout"], undefined);
});

function hashed(policy: string, subsets = ""): string {
  return destinationRule("reviews", `{ host: reviews, trafficPolicy: { ${policy} }${subsets} }`);
}
const HEADER = "loadBalancer: { consistentHash: { httpHeaderName: x-user } }";
const X_USER = { header: { header_name: "x-user" } };

test("what a DestinationRule hashes by is the route's hash policy, with and without a VirtualService", () => {
  const of = (hash: string): unknown =>
    action(TO, hashed(`loadBalancer: { consistentHash: { ${hash} } }`))["hash_policy"];
  assert.deepEqual(of("httpHeaderName: x-user"), [X_USER]);
  assert.deepEqual(of("useSourceIp: true"), [{ connection_properties: { source_ip: true } }]);
  assert.deepEqual(of("httpQueryParameterName: q"), [{ query_parameter: { name: "q" } }]);
  assert.deepEqual(of("httpCookie: { name: c, path: /p, ttl: 60s }"), [
    { cookie: { name: "c", ttl: "60s", path: "/p" } },
  ]);
  assert.deepEqual(of("httpCookie: { name: c, attributes: [{ name: SameSite, value: Lax }] }"), [
    { cookie: { name: "c", attributes: [{ name: "SameSite", value: "Lax" }] } },
  ]);
  const [plain] = new TestMesh(service("reviews") + hashed(HEADER)).proxy().routes(REVIEWS);
  assert.deepEqual((plain!["route"] as JsonObject)["hash_policy"], [X_USER]);
});

test("a subset's hash, or a port's, counts where the route sends to it", () => {
  const rule = hashed(
    HEADER,
    ", subsets: [{ name: v1, trafficPolicy: { loadBalancer: { consistentHash: { useSourceIp: true } } } }, { name: v2, trafficPolicy: { loadBalancer: { simple: RANDOM } } }]",
  );
  const to = (subset: string): unknown =>
    action(`route: [{ destination: { host: reviews, subset: ${subset} } }]`, rule)["hash_policy"];
  assert.deepEqual(to("v1"), [{ connection_properties: { source_ip: true } }]);
  assert.equal(to("v2"), undefined);
  const port = hashed(`portLevelSettings: [{ port: { number: 9080 }, ${HEADER} }]`);
  assert.deepEqual(action(TO, port)["hash_policy"], [X_USER]);
});

test("where a hash chooses the endpoint of an only destination, retries do not pass over it", () => {
  const predicates = (fields: string): unknown =>
    (action(fields, hashed(HEADER, ", subsets: [{ name: v1 }, { name: v2 }]"))["retry_policy"] as JsonObject)[
      "retry_host_predicate"
    ];
  assert.equal(predicates(TO), undefined);
  assert.deepEqual(predicates(`retries: { attempts: 1, retryIgnorePreviousHosts: true }, ${TO}`), PREVIOUS_HOSTS);
  assert.deepEqual(predicates(TWO), PREVIOUS_HOSTS);
});

test("of several destinations every hash counts; another DestinationRule changes no routes", () => {
  assert.deepEqual(action(TWO, hashed(HEADER, ", subsets: [{ name: v1 }, { name: v2 }]"))["hash_policy"], [
    X_USER,
    X_USER,
  ]);
  const mesh = new TestMesh(service("reviews") + service("other") + hashed(HEADER));
  const proxy = mesh.proxy();
  const before = proxy.view;
  const routesBefore = before.set("type.googleapis.com/envoy.config.route.v3.RouteConfiguration");
  mesh.change(destinationRule("other", "{ host: other, trafficPolicy: { loadBalancer: { simple: RANDOM } } }"));
  assert.equal(proxy.view.set("type.googleapis.com/envoy.config.route.v3.RouteConfiguration"), routesBefore);
});

test("statPrefix is the route's", () => {
  assert.equal(route(`match: [{ statPrefix: a }], ${TO}`)["stat_prefix"], "a");
});
