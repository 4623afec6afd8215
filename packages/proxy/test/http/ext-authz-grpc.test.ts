/** ext_authz with a gRPC server, without Envoy beside it (test/contract/ext-authz-grpc.test.ts compares the two). */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { type JsonObject, fromBinary, fromJson, toBinary } from "@bufbuild/protobuf";
import {
  type MethodDefinition,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type sendUnaryData,
} from "@grpc/grpc-js";
import { ExtAuthzSchema } from "@tulle/xds/gen/envoy/extensions/filters/http/ext_authz/v3/ext_authz_pb.js";
import {
  type CheckRequest,
  CheckRequestSchema,
  type CheckResponse,
  CheckResponseSchema,
} from "@tulle/xds/gen/envoy/service/auth/v3/external_auth_pb.js";
import { extAuthz } from "../../src/plan/filters/ext-authz.ts";
import type { FilterCompilerContext } from "../../src/plan/filters/index.ts";
import { Place, throwProblems, type Problem } from "../../src/plan/problems.ts";
import { EXT_AUTHZ } from "../../src/plan/supported-fields/index.ts";
import { clusterPlan, endpoint } from "../support/plans.ts";
import { type Proxy, startProxy, until } from "../support/proxy.ts";

const CHECK: MethodDefinition<CheckRequest, CheckResponse> = {
  path: "/envoy.service.auth.v3.Authorization/Check",
  requestStream: false,
  responseStream: false,
  requestSerialize: (message) => Buffer.from(toBinary(CheckRequestSchema, message)),
  requestDeserialize: (bytes) => fromBinary(CheckRequestSchema, bytes),
  responseSerialize: (message) => Buffer.from(toBinary(CheckResponseSchema, message)),
  responseDeserialize: (bytes) => fromBinary(CheckResponseSchema, bytes),
};

interface Authority {
  readonly asked: ServerUnaryCall<CheckRequest, CheckResponse>[];
  /** Null: it says nothing. */
  verdict: JsonObject | null;
}

async function start(t: TestContext, verdict: JsonObject | null): Promise<{ proxy: Proxy; authority: Authority }> {
  const authority: Authority = { asked: [], verdict };
  const server = new Server();
  server.addService(
    { check: CHECK },
    {
      check: (call: ServerUnaryCall<CheckRequest, CheckResponse>, done: sendUnaryData<CheckResponse>) => {
        authority.asked.push(call);
        if (authority.verdict !== null) done(null, fromJson(CheckResponseSchema, authority.verdict));
      },
    },
  );
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    ),
  );
  t.after(() => server.forceShutdown());
  const problems: Problem[] = [];
  const message = fromJson(ExtAuthzSchema, {
    grpcService: { envoyGrpc: { clusterName: "authz" }, timeout: "5s" },
    transportApiVersion: "V3",
  });
  const extension = { typeUrl: "", typeName: EXT_AUTHZ, schema: ExtAuthzSchema, message, content: null };
  const config = extAuthz.compile(extension, {} as FilterCompilerContext, new Place("", problems));
  throwProblems(problems);
  const proxy = await startProxy(t, {
    manager: { filters: [{ name: "authz", typeName: EXT_AUTHZ, disabled: false, config }] },
  });
  proxy.plane.setCluster(clusterPlan("authz"));
  proxy.plane.setEndpoints("authz", [endpoint(port)]);
  return { proxy, authority };
}

const GET = "GET /p?q=1 HTTP/1.1\r\nHost: h\r\nx-a: 1\r\n\r\n";

test("the server is told of the request, and sets headers of it", async (t) => {
  const { proxy, authority } = await start(t, {
    okResponse: { headers: [{ header: { key: "x-user", value: "alice" }, append: false }] },
  });
  const client = await proxy.client(t);
  client.send(GET);
  await until(() => client.received.includes("200 OK"));
  const http = authority.asked[0]?.request.attributes?.request?.http;
  assert.equal(http?.path, "/p?q=1");
  assert.equal(http?.headers["x-a"], "1");
  assert.match(proxy.backend.received, /x-user: alice\r\n/);
});

test("a denial is the server's, a failure is 403", async (t) => {
  const { proxy, authority } = await start(t, {
    status: { code: 7 },
    deniedResponse: { status: { code: "Unauthorized" }, body: "no" },
  });
  const client = await proxy.client(t);
  client.send(GET);
  await until(() => client.received.includes("401 Unauthorized"));
  proxy.plane.setEndpoints("authz", []);
  authority.verdict = {};
  client.send(GET);
  await until(() => client.received.includes("403 Forbidden"));
  assert.equal(proxy.backend.requests, 0);
});

test("a client that goes takes the question back", async (t) => {
  const { proxy, authority } = await start(t, null);
  const client = await proxy.client(t);
  client.send(GET);
  await until(() => authority.asked.length === 1);
  client.socket.destroy();
  await until(() => authority.asked[0]?.cancelled ?? false);
  assert.equal(proxy.backend.requests, 0);
});
