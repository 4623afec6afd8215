/** Another server is asked about connections: the network filter ext_authz. */
import type { Verdict } from "../harness/authorizer.ts";
import type { ContractCase, JsonObject, Step, Upstream } from "../harness/case.ts";
import { REFUSED } from "../harness/case.ts";
import { chain, fileLog, networkFilter, tcpProxy } from "../harness/filters.ts";
import {
  answer,
  authorizer,
  CLOSE,
  close,
  elapse,
  ended,
  finish,
  get,
  got,
  reset,
  secure,
  seen,
  sees,
  send,
  stat,
} from "../harness/steps.ts";
import { mutualTls, serverTls, trusting } from "../harness/tls-config.ts";

const LOG =
  "%RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %CONNECTION_TERMINATION_DETAILS% %BYTES_RECEIVED% %BYTES_SENT% %UPSTREAM_HOST% " +
  "%DYNAMIC_METADATA(envoy.filters.network.ext_authz)%";
const STATS = [
  ...["total", "ok", "denied", "error", "failure_mode_allowed", "cx_closed", "active", "disabled"].map(
    (name) => `ext_authz.t.${name}`,
  ),
  "cluster.a.upstream_cx_total",
];
const PONG = { greeting: [sees("ping"), "pong", CLOSE], answers: ["unused"] } as const;
const GREETS = { greeting: ["hello"], answers: ["unused"] } as const;
const connect: Step = { do: "connect", on: "c", listener: "l" };
const NO: Verdict = { status: { code: 7 } };

interface Parts extends Partial<ContractCase> {
  readonly authz?: readonly Verdict[] | Upstream;
  readonly fields?: JsonObject;
  readonly before?: readonly JsonObject[];
  readonly app?: Upstream;
}

function extAuthz(fields: JsonObject): JsonObject {
  return networkFilter("ext_authz", "ExtAuthz", {
    stat_prefix: "t",
    grpc_service: { envoy_grpc: { cluster_name: "authz", authority: "authz.test" }, timeout: "5s" },
    transport_api_version: "V3",
    ...fields,
  });
}

function tlsListener(transport_socket: JsonObject, fields: JsonObject): JsonObject {
  return {
    filter_chains: [
      { ...chain({}, [extAuthz(fields), tcpProxy("a", { access_log: [fileLog(LOG)] })]), transport_socket },
    ],
    stat_prefix: "s",
  };
}

function asked(name: string, { authz = [{}], fields = {}, before = [], app = PONG, ...parts }: Parts): ContractCase {
  const filter = extAuthz(fields);
  const http2 = {
    typed_extension_protocol_options: {
      "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
        "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
        explicit_http_config: { http2_protocol_options: {} },
      },
    },
  };
  return {
    name,
    feature: "Network filters: ext_authz",
    listener: {
      filter_chains: [chain({}, [...before, filter, tcpProxy("a", { access_log: [fileLog(LOG)] })])],
      stat_prefix: "s",
    },
    clusters: { a: {}, authz: http2 },
    upstreams: {
      a: app,
      authz: Array.isArray(authz) ? authorizer(...(authz as readonly Verdict[])) : (authz as Upstream),
    },
    client: ["ping", got("pong"), ended()],
    stats: STATS,
    mask: [[/"ext_authz_duration":\d+/, '"ext_authz_duration":{ms}']],
    ...parts,
  };
}

const denied: readonly Step[] = ["ping", ended()];

function shadow(port: number): JsonObject {
  return networkFilter("rbac", "RBAC", {
    stat_prefix: "p",
    shadow_rules: {
      action: "DENY",
      policies: { chosen: { permissions: [{ destination_port: port }], principals: [{ any: true }] } },
    },
    shadow_rules_stat_prefix: "x_",
  });
}

const SLOW = {
  grpc_service: { envoy_grpc: { cluster_name: "authz" }, timeout: "0.5s" },
  failure_mode_allow: true,
} as const;

const IF_CHOSEN = {
  filter_enabled_metadata: {
    filter: "envoy.filters.network.rbac",
    path: [{ key: "x_shadow_effective_policy_id" }],
    value: { string_match: { prefix: "chosen" } },
  },
};

export const CASES: readonly ContractCase[] = [
  asked("allowed", {}),
  asked("denied", { authz: [NO], client: denied }),
  asked("denied with a body: nobody is told", {
    authz: [{ status: { code: 16 }, deniedResponse: { status: { code: "Unauthorized" }, body: "no" } }],
    client: denied,
  }),
  asked("each connection is asked about, once", {
    authz: [{}, NO],
    app: { greeting: [sees("pong"), "done", CLOSE], answers: ["unused"] },
    client: ["ping", seen("a", "ping"), "pong", got("done"), ended(), send("d", "ping"), ended("d")],
  }),
  asked("nothing is asked before something comes", {
    app: GREETS,
    client: [connect, got("hello"), close("c"), stat("cluster.a.upstream_cx_active", 0)],
  }),
  asked("the end of a connection is something, too", { authz: [NO], client: [connect, finish("c"), ended()] }),
  asked("the end of one that is allowed", {
    waived: "bytes that have waited are counted once",
    app: { greeting: [sees("x"), CLOSE], answers: ["unused"] },
    client: ["x", finish("c"), ended()],
  }),
  asked("what comes meanwhile waits", {
    authz: ["silent"],
    fields: { grpc_service: { envoy_grpc: { cluster_name: "authz" }, timeout: "0.5s" }, failure_mode_allow: true },
    app: { greeting: [sees("ping pong"), "both", CLOSE], answers: ["unused"] },
    client: ["ping ", elapse(100), "pong", got("both"), ended()],
  }),
  ...[300_000, 3_000_000].map((length) =>
    asked(`${length} bytes that come meanwhile`, {
      authz: ["silent"],
      fields: SLOW,
      listener: {
        filter_chains: [chain({}, [extAuthz(SLOW), tcpProxy("a", { access_log: [fileLog(LOG)] })])],
        stat_prefix: "s",
        per_connection_buffer_limit_bytes: 16_384,
      },
      app: { greeting: [sees("END"), "all", CLOSE], answers: ["unused"] },
      client: [`${"0123456789".repeat(length / 10)}END`, got("all"), ended()],
    }),
  ),
  asked("no answer in time", {
    authz: ["silent"],
    fields: { grpc_service: { envoy_grpc: { cluster_name: "authz" }, timeout: "0.3s" } },
    client: denied,
  }),
  asked("no answer in the time that there is by default", {
    authz: ["silent"],
    fields: { grpc_service: { envoy_grpc: { cluster_name: "authz" } } },
    client: denied,
  }),
  asked("an error of the server's", { authz: [{ grpcStatus: 13 }], client: denied }),
  asked("an error of the server's, failure_mode_allow", {
    authz: [{ grpcStatus: 13 }],
    fields: { failure_mode_allow: true },
  }),
  asked("a denial is none that failure_mode_allow lets through", {
    authz: [NO],
    fields: { failure_mode_allow: true },
    client: denied,
  }),
  asked("the server is down", { authz: REFUSED, client: denied }),
  asked("the server is down, failure_mode_allow", { authz: REFUSED, fields: { failure_mode_allow: true } }),
  asked("there is no such cluster", {
    fields: { grpc_service: { envoy_grpc: { cluster_name: "none" } } },
    clusters: { a: {} },
    client: denied,
  }),
  asked("a client that does not wait", {
    authz: ["silent"],
    client: ["ping", seen("authz", "Check"), reset("c"), stat("ext_authz.t.active", 0)],
  }),
  asked("metadata that the server tells", { authz: [{ dynamicMetadata: { user: "alice", level: 3 } }] }),
  asked("metadata of a denial", { authz: [{ ...NO, dynamicMetadata: { why: "late" } }], client: denied }),
  asked("filter_enabled_metadata: one that is not asked about", {
    authz: [NO],
    before: [shadow(1)],
    fields: IF_CHOSEN,
  }),
  ...(["mutual", "optional"] as const).flatMap((kind) =>
    [{}, { include_peer_certificate: true, include_tls_session: true }].map((fields, more) =>
      asked(`TLS, ${kind}${more === 0 ? "" : ": certificate and session"}`, {
        fields,
        listener: tlsListener(
          kind === "mutual" ? mutualTls() : serverTls({ validation_context: trusting("ca") }),
          fields,
        ),
        client: [
          secure({ serverName: "server.test", ...(kind === "mutual" ? { identity: "client" } : {}) }),
          "ping",
          got("pong"),
          ended(),
        ],
      }),
    ),
  ),
  asked("stat_prefix is required", { fields: { stat_prefix: "" }, client: [], refused: true }),
  asked("a prefix with a dot", {
    fields: { stat_prefix: "tcp." },
    stats: ["ext_authz.tcp.ok", "ext_authz.tcp..ok", "tcp.ext_authz.ok"],
  }),
  asked("HTTP behind it", {
    authz: [NO, {}],
    app: answer(200, "app"),
    client: [get(), ended(), send("d", get()), got(1, "d")],
  }),
];
