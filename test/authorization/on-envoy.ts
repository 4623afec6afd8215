/** Decisions of a live Envoy about the same requests, by the same translation: each pair is a route with rules of its own. */
import { connect as connectPlain } from "node:net";
import type { Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { generateKeyPairSync } from "node:crypto";
import { create, fromJson, toBinary, toJson } from "@bufbuild/protobuf";
import type { JsonValue } from "@bufbuild/protobuf";
import { ValueSchema } from "@bufbuild/protobuf/wkt";
import { RBACPerRouteSchema } from "@tulle/xds/gen/envoy/extensions/filters/http/rbac/v3/rbac_pb.js";
import { RBAC_Action as Action } from "@tulle/xds/gen/envoy/config/rbac/v3/rbac_pb.js";
import { messageTypes } from "@tulle/xds/message-types";
import { makeAuthority, makeLeaf, readCertificate, toPem } from "../../packages/identity/src/index.ts";
import type { Issuer } from "../../packages/identity/src/index.ts";
import { freePorts } from "../support/ports.ts";
import { startEnvoy } from "../support/envoy.ts";
import { messagesOf, translate } from "./our-decision.ts";
import type { Request } from "./request.ts";
import type { Mesh, Policy } from "./specification.ts";

export interface Pair {
  readonly mesh: Mesh;
  readonly policies: readonly Policy[];
  readonly request: Request;
}

type Json = string | number | boolean | readonly Json[] | { readonly [key: string]: Json };

const TYPE = "type.googleapis.com/envoy.";
const CASE = "x-case";
const TOKEN = "x-token";
/** What ports are called in requests and policies, in the order of those that Envoy gets. */
const NAMED_PORTS = [8080, 9090];
const AT_ONCE = 16;
const DAY_MS = 86_400_000;

/** Whether each request came through, in order. */
export async function decideOnEnvoy(pairs: readonly Pair[]): Promise<readonly boolean[]> {
  const ports = await freePorts(NAMED_PORTS.length);
  const authority = new TestAuthority();
  const envoy = await startEnvoy({ bootstrap: bootstrap(pairs, ports, authority) });
  try {
    const answers: boolean[] = [];
    const worker = async (first: number): Promise<void> => {
      for (let index = first; index < pairs.length; index += AT_ONCE) {
        const { request } = pairs[index]!;
        const port = ports[NAMED_PORTS.indexOf(request.destinationPort)]!;
        answers[index] = await ask(request, index, port, authority);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, (_, first) => worker(first)));
    return answers;
  } finally {
    await envoy.stop();
  }
}

interface Shown {
  readonly cert: string;
  readonly key: string;
}

/** Signs for whoever is asked for. */
class TestAuthority {
  readonly pem: string;
  readonly #issuer: Issuer;
  readonly #known = new Map<string, Shown>();

  constructor() {
    const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const content = { ...validity(), serial: Uint8Array.of(1), publicKey, names: { uris: ["spiffe://test"] } };
    const root = makeAuthority({ key: privateKey }, { commonName: "authorization test" }, content);
    const { subject: name, keyId } = readCertificate(root);
    this.#issuer = { key: privateKey, name, keyId };
    this.pem = toPem("CERTIFICATE", root);
  }

  of(identity: string): Shown {
    let found = this.#known.get(identity);
    if (found === undefined) {
      const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
      const serial = Uint8Array.of(2, this.#known.size);
      const leaf = makeLeaf(this.#issuer, { ...validity(), serial, publicKey, names: { uris: [identity] } });
      const key = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
      found = { cert: toPem("CERTIFICATE", leaf), key };
      this.#known.set(identity, found);
    }
    return found;
  }
}

function validity(): { notBefore: number; notAfter: number } {
  const now = Date.now();
  return { notBefore: now - 60_000, notAfter: now + DAY_MS };
}

function bootstrap(pairs: readonly Pair[], ports: readonly number[], authority: TestAuthority): object {
  const filter = (name: string, type: string, more: Json = {}): Json => ({
    name,
    typed_config: { "@type": `${TYPE}${type}`, ...(more as object) },
  });
  const rule = {
    header: TOKEN,
    on_header_present: {
      metadata_namespace: "envoy.filters.http.jwt_authn",
      key: "payload",
      type: "PROTOBUF_VALUE",
      encode: "BASE64",
    },
    remove: true,
  };
  const manager = filter("manager", "extensions.filters.network.http_connection_manager.v3.HttpConnectionManager", {
    stat_prefix: "in",
    route_config: {
      virtual_hosts: [{ name: "all", domains: ["*"], routes: pairs.map((pair, index) => route(pair, index, ports)) }],
    },
    http_filters: [
      filter("token", "extensions.filters.http.header_to_metadata.v3.Config", { request_rules: [rule] }),
      filter("deny", "extensions.filters.http.rbac.v3.RBAC"),
      filter("allow", "extensions.filters.http.rbac.v3.RBAC"),
      filter("router", "extensions.filters.http.router.v3.Router"),
    ],
  });
  const server = authority.of("spiffe://test/server");
  const tls = filter("tls", "extensions.transport_sockets.tls.v3.DownstreamTlsContext", {
    common_tls_context: {
      tls_certificates: [
        { certificate_chain: { inline_string: server.cert }, private_key: { inline_string: server.key } },
      ],
      validation_context: { trusted_ca: { inline_string: authority.pem } },
    },
  });
  const listeners = ports.map((port): Json => ({
    name: `l${port}`,
    address: { socket_address: { address: "0.0.0.0", port_value: port } },
    listener_filters: [filter("inspector", "extensions.filters.listener.tls_inspector.v3.TlsInspector")],
    filter_chains: [
      { filter_chain_match: { transport_protocol: "tls" }, filters: [manager], transport_socket: tls },
      { filter_chain_match: { transport_protocol: "raw_buffer" }, filters: [manager] },
    ],
  }));
  return {
    admin: { address: { socket_address: { address: "127.0.0.1", port_value: 0 } } },
    static_resources: { listeners },
  };
}

function route({ mesh, policies }: Pair, index: number, ports: readonly number[]): Json {
  const port = (named: number): readonly number[] => {
    const at = NAMED_PORTS.indexOf(named);
    return at < 0 ? [named] : [ports[at]!];
  };
  const perFilter: Record<string, Json> = {};
  for (const rbac of messagesOf(translate(policies, mesh, port))) {
    const action = rbac.rules?.action;
    if (action === Action.LOG) continue;
    const config = toJson(RBACPerRouteSchema, create(RBACPerRouteSchema, { rbac }), {
      registry: messageTypes,
      useProtoFieldName: true,
    });
    perFilter[action === Action.DENY ? "deny" : "allow"] = {
      "@type": `${TYPE}extensions.filters.http.rbac.v3.RBACPerRoute`,
      ...(config as object),
    };
  }
  return {
    match: { prefix: "/", headers: [{ name: CASE, string_match: { exact: String(index) } }] },
    direct_response: { status: 200 },
    typed_per_filter_config: perFilter,
  };
}

async function ask(request: Request, index: number, port: number, authority: TestAuthority): Promise<boolean> {
  const { tls, sourceIp, destinationIp } = request;
  const plain = connectPlain({ host: destinationIp, port, localAddress: sourceIp });
  const socket =
    tls === undefined
      ? plain
      : connectTls({
          socket: plain,
          rejectUnauthorized: false,
          ...(tls.sni === "" ? {} : { servername: tls.sni }),
          ...(tls.identity === "" ? {} : authority.of(tls.identity)),
        });
  socket.write(bytesOf(request, index));
  const status = /^HTTP\/1\.1 (\d+)/.exec(await answered(socket))?.[1];
  if (status === "200") return true;
  if (status === "403") return false;
  throw new Error(`Envoy answered ${status} to ${JSON.stringify(request)}`);
}

function bytesOf({ method, path, host, headers, forwardedFor, token }: Request, index: number): string {
  const lines = [
    `${method} ${path} HTTP/1.1`,
    `host: ${host}`,
    `${CASE}: ${index}`,
    "connection: close",
    ...(method === "GET" ? [] : ["content-length: 0"]),
    ...(forwardedFor === "" ? [] : [`x-forwarded-for: ${forwardedFor}`]),
    ...Object.entries(headers).flatMap(([name, values]) => values.map((value) => `${name}: ${value}`)),
    ...(token === undefined ? [] : [`${TOKEN}: ${packedValue(token)}`]),
  ];
  return `${lines.join("\r\n")}\r\n\r\n`;
}

/** As the filter that puts headers into metadata takes a value. */
function packedValue(token: NonNullable<Request["token"]>): string {
  return Buffer.from(toBinary(ValueSchema, fromJson(ValueSchema, token as JsonValue))).toString("base64");
}

/** The status line; Envoy lingers over closing. */
function answered(socket: Socket): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    socket.setEncoding("latin1");
    socket.on("data", (chunk: string) => {
      text += chunk;
      if (!text.includes("\r\n")) return;
      socket.destroy();
      resolve(text);
    });
    socket.on("error", reject);
    socket.on("close", () => resolve(text));
  });
}
