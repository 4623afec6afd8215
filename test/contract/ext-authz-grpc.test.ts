/** ext_authz with a gRPC server: what it is told and what its answers do, on Envoy and on Tulle. */
import assert from "node:assert/strict";
import { type Server as HttpServer, createServer, request } from "node:http";
import { after, before, test } from "node:test";
import { type JsonObject, type JsonValue, fromBinary, fromJson, toBinary, toJson } from "@bufbuild/protobuf";
import * as grpc from "@grpc/grpc-js";
import {
  type CheckRequest,
  CheckRequestSchema,
  type CheckResponse,
  CheckResponseSchema,
} from "@tulle/xds/gen/envoy/service/auth/v3/external_auth_pb.js";
import { startEnvoy } from "../support/envoy.ts";
import { freePorts } from "../support/ports.ts";
import { startTulle } from "../support/tulle-proxy.ts";

const CHECK: grpc.MethodDefinition<CheckRequest, CheckResponse> = {
  path: "/envoy.service.auth.v3.Authorization/Check",
  requestStream: false,
  responseStream: false,
  requestSerialize: (message) => Buffer.from(toBinary(CheckRequestSchema, message)),
  requestDeserialize: (bytes) => fromBinary(CheckRequestSchema, bytes),
  responseSerialize: (message) => Buffer.from(toBinary(CheckResponseSchema, message)),
  responseDeserialize: (bytes) => fromBinary(CheckResponseSchema, bytes),
};

/** An answer, or what there is in place of one. */
type Verdict = JsonObject | typeof FAILS | typeof SILENT;
const FAILS = Symbol("fails");
const SILENT = Symbol("silent");

let verdict: Verdict = {};
let asked: CheckRequest[] = [];
const authority = new grpc.Server();
const app: HttpServer = createServer((message, response) => {
  const seen = message.rawHeaders.filter((_, i) => i % 2 === 0 && /^(x-|cookie)/i.test(message.rawHeaders[i]!));
  response.setHeader("x-app", "1");
  response.end(JSON.stringify({ url: message.url, headers: pairs(message.rawHeaders), names: seen }));
});

/** Those that this test is about. */
function pairs(raw: readonly string[]): string[] {
  const found: string[] = [];
  for (let i = 0; i < raw.length; i += 2)
    if (/^(x-t-|x-user|host)/i.test(raw[i]!)) found.push(`${raw[i]}: ${raw[i + 1]}`);
  return found;
}

interface Subject {
  readonly name: string;
  readonly port: number;
  readonly stop: () => Promise<void>;
}
const subjects: Subject[] = [];

const typed = (type: string, fields: object = {}): object => ({
  "@type": `type.googleapis.com/envoy.${type}`,
  ...fields,
});
const socket = (port_value: number): object => ({ socket_address: { address: "127.0.0.1", port_value } });

function cluster(name: string, port: number, more: object = {}): object {
  const endpoints = [{ lb_endpoints: [{ endpoint: { address: socket(port) } }] }];
  return { name, type: "STATIC", connect_timeout: "1s", load_assignment: { cluster_name: name, endpoints }, ...more };
}

function bootstrap(port: number, appPort: number, authzPort: number): object {
  const perRoute = {
    "envoy.filters.http.ext_authz": typed("extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute", {
      check_settings: { context_extensions: { route: "two" } },
    }),
  };
  const manager = typed("extensions.filters.network.http_connection_manager.v3.HttpConnectionManager", {
    stat_prefix: "in",
    route_config: {
      virtual_hosts: [
        {
          name: "v",
          domains: ["*"],
          routes: [
            { match: { prefix: "/two" }, route: { cluster: "app" }, typed_per_filter_config: perRoute },
            { match: { prefix: "/" }, route: { cluster: "app" } },
          ],
        },
      ],
    },
    http_filters: [
      {
        name: "envoy.filters.http.ext_authz",
        typed_config: typed("extensions.filters.http.ext_authz.v3.ExtAuthz", {
          grpc_service: { envoy_grpc: { cluster_name: "authz" }, timeout: "2s" },
          transport_api_version: "V3",
          with_request_body: { max_request_bytes: 8, allow_partial_message: true },
          validate_mutations: true,
        }),
      },
      { name: "envoy.filters.http.router", typed_config: typed("extensions.filters.http.router.v3.Router") },
    ],
  });
  const http2 = {
    typed_extension_protocol_options: {
      "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": typed(
        "extensions.upstreams.http.v3.HttpProtocolOptions",
        { explicit_http_config: { http2_protocol_options: {} } },
      ),
    },
  };
  return {
    admin: { address: socket(0) },
    static_resources: {
      listeners: [
        { name: "l", address: socket(port), filter_chains: [{ filters: [{ name: "m", typed_config: manager }] }] },
      ],
      clusters: [cluster("app", appPort), cluster("authz", authzPort, http2)],
    },
  };
}

before(async () => {
  authority.addService(
    { check: CHECK },
    {
      check: (call: grpc.ServerUnaryCall<CheckRequest, CheckResponse>, done: grpc.sendUnaryData<CheckResponse>) => {
        asked.push(call.request);
        if (verdict === SILENT) return;
        if (verdict === FAILS) done({ code: grpc.status.INTERNAL, details: "oops" });
        else done(null, fromJson(CheckResponseSchema, verdict));
      },
    },
  );
  const authzPort = await new Promise<number>((resolve, reject) =>
    authority.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) =>
      error === null ? resolve(port) : reject(error),
    ),
  );
  await new Promise<void>((resolve) => app.listen(0, "127.0.0.1", resolve));
  const appPort = (app.address() as { port: number }).port;
  const [forEnvoy = 0, forTulle = 0] = await freePorts(2);
  const envoy = await startEnvoy({ bootstrap: bootstrap(forEnvoy, appPort, authzPort) });
  subjects.push({ name: "Envoy", port: forEnvoy, stop: envoy.stop });
  const tulle = await startTulle(bootstrap(forTulle, appPort, authzPort));
  subjects.push({ name: "Tulle", port: forTulle, stop: tulle.stop });
});

after(async () => {
  for (const { stop } of subjects) await stop();
  authority.forceShutdown();
  app.closeAllConnections();
  app.close();
});

interface Seen {
  readonly status: number;
  readonly headers: readonly string[];
  readonly body: string;
}

function ask(port: number, path: string, headers: readonly string[], body: string): Promise<Seen> {
  return new Promise((resolve, reject) => {
    const method = body === "" ? "GET" : "POST";
    const length = body === "" ? [] : ["content-length", String(body.length)];
    const sent = request(
      { host: "127.0.0.1", port, path, method, headers: ["host", "h.test", ...headers, ...length], agent: false },
      (response) => {
        let text = "";
        response.on("data", (chunk: Buffer) => (text += chunk.toString()));
        response.on("end", () =>
          resolve({ status: response.statusCode ?? 0, headers: pairs(response.rawHeaders), body: text }),
        );
      },
    );
    sent.on("error", reject);
    sent.end(body);
  });
}

/** What differs from run to run is taken out, and must be there. */
function told(message: CheckRequest): JsonValue {
  const text = JSON.stringify(toJson(CheckRequestSchema, message));
  for (const pattern of VARIES) assert.match(text, pattern);
  return JSON.parse(VARIES.reduce((json, pattern) => json.replace(pattern, '"varies":0'), text)) as JsonValue;
}

const VARIES: readonly RegExp[] = [
  /"portValue":\d+(?=\}\},"principal"|\}\}\},"destination"|\}\},)/,
  /"destination":\{"address":\{"socketAddress":\{"address":"127\.0\.0\.1","portValue":\d+\}\}\}/,
  /"time":"20[^"]+"/,
  /"id":"[^"]+"/,
  /"x-request-id":"[^"]+"/,
];

async function onBoth(
  what: Verdict,
  path = "/one",
  headers: readonly string[] = [],
  body = "",
): Promise<{ readonly seen: Seen; readonly told: readonly JsonValue[] }> {
  const results: { seen: Seen; told: readonly JsonValue[] }[] = [];
  verdict = what;
  for (const { port } of subjects) {
    asked = [];
    const seen = await ask(port, path, headers, body);
    results.push({ seen, told: asked.map(told) });
  }
  assert.deepEqual(results[1], results[0]);
  return results[0]!;
}

const header = (key: string, value: string, more: JsonObject = {}): JsonObject => ({
  header: { key, value },
  ...more,
});

test("what the server is told", async () => {
  const { seen } = await onBoth({}, "/one?a=b", ["x-t-a", "1", "x-t-a", "2", "cookie", "c=d", "X-T-B", "3"]);
  assert.equal(seen.status, 200);
});

test("context extensions are the route's, bodies as far as they are asked for", async () => {
  await onBoth({}, "/two", [], "hello");
  await onBoth({}, "/two", [], "longer than eight");
});

for (const [name, option] of Object.entries({
  "by default": {},
  append: { append: true },
  "no append": { append: false },
  "append_action append": { appendAction: "APPEND_IF_EXISTS_OR_ADD" },
  "append_action add": { appendAction: "ADD_IF_ABSENT" },
  "append_action overwrite": { appendAction: "OVERWRITE_IF_EXISTS_OR_ADD" },
  "append_action overwrite what is there": { appendAction: "OVERWRITE_IF_EXISTS" },
})) {
  test(`headers of an ok response: ${name}`, async () => {
    const headers = [header("x-t-there", "new", option), header("x-t-absent", "new", option)];
    await onBoth({ okResponse: { headers, responseHeadersToAdd: headers } }, "/one", ["x-t-there", "old"]);
  });
}

test("headers and parameters that are removed and set", async () => {
  await onBoth(
    {
      okResponse: {
        headersToRemove: ["x-t-gone", "Host"],
        queryParametersToSet: [{ key: "q", value: "ab" }],
        queryParametersToRemove: ["gone"],
      },
    },
    "/one?gone=1&q=0&stays=2",
    ["x-t-gone", "1", "x-t-stays", "2"],
  );
});

test("what validate_mutations refuses", async () => {
  const statuses: number[] = [];
  for (const okResponse of [
    { queryParametersToSet: [{ key: "q", value: "a b" }] },
    { headersToRemove: ["x t"] },
    { headersToRemove: [":path"] },
    { headers: [header(":path", "/x")] },
    { headers: [header("x t", "1")] },
    { responseHeadersToAdd: [header("x-t-r", "a\rb")] },
  ]) {
    statuses.push((await onBoth({ okResponse })).seen.status);
  }
  assert.ok(statuses.includes(500));
});

test("denied: default, status, headers, body", async () => {
  assert.equal((await onBoth({ status: { code: 7 } })).seen.status, 403);
  await onBoth({
    status: { code: 16 },
    deniedResponse: {
      status: { code: "Unauthorized" },
      headers: [header("x-t-why", "1"), header("x-t-why", "2")],
      body: "no",
    },
  });
});

test("failures: an error, an error_response, no answer in time, values that no header can have", async () => {
  await onBoth(FAILS);
  await onBoth(SILENT);
  await onBoth({ okResponse: { headers: [header("x-t-bad", "a\nb")] } });
  await onBoth({ status: { code: 7 }, deniedResponse: { headers: [header("x-t-bad", "a\nb")] } });
});
