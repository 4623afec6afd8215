import { type JsonObject, type MessageInitShape, create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  type HeaderValueOption,
  HeaderValueOption_HeaderAppendAction as AppendAction,
} from "@tulle/xds/gen/envoy/config/core/v3/base_pb.js";
import type { AttributeContext_PeerSchema } from "@tulle/xds/gen/envoy/service/auth/v3/attribute_context_pb.js";
import {
  CheckRequestSchema,
  type CheckResponse,
  CheckResponseSchema,
} from "@tulle/xds/gen/envoy/service/auth/v3/external_auth_pb.js";
import type { Certificate } from "../../codec/x509/certificate.ts";
import type { GrpcCall } from "../../upstream/grpc-call.ts";
import type { AuthzGrpcPlan, ExtAuthzPlan } from "../../plan/filters/ext-authz.ts";
import { bytesOf, messageText } from "../../plan/format/byte-text.ts";
import type { Exchange } from "../exchange.ts";
import {
  AUTHZ_ERROR,
  AUTHZ_INVALID,
  type AuthzCall,
  type AuthzHeader,
  type AuthzOutcome,
  isSendable,
  mayBeSet,
} from "./authz-outcome.ts";
import type { FilterContext } from "./filter.ts";

const METHOD = "/envoy.service.auth.v3.Authorization/Check";
const FORBIDDEN = 403;
/** Envoy `ext_authz.cc`, of filters whose own server speaks HTTP. */
const TOLD_OVER_HTTP: ReadonlySet<string> = new Set([":authority", ":method", ":path", "authorization"]);

/** One question to a gRPC server: Envoy `source/extensions/filters/common/ext_authz/{check_request_utils,ext_authz_grpc_impl}.cc`. */
export class AuthzGrpcCall implements AuthzCall {
  private readonly plan: ExtAuthzPlan;
  private readonly service: AuthzGrpcPlan;
  private readonly extensions: Readonly<Record<string, string>>;
  private readonly context: FilterContext;
  private readonly onOutcome: (outcome: AuthzOutcome) => void;
  private call: GrpcCall | null = null;
  private over = false;

  constructor(
    plan: ExtAuthzPlan,
    service: AuthzGrpcPlan,
    extensions: Readonly<Record<string, string>>,
    context: FilterContext,
    onOutcome: (outcome: AuthzOutcome) => void,
  ) {
    this.plan = plan;
    this.service = service;
    this.extensions = extensions;
    this.context = context;
    this.onOutcome = onOutcome;
  }

  start(exchange: Exchange, body: Uint8Array, partial: boolean | null): void {
    const { service, context } = this;
    const cluster = context.findCluster(service.cluster)?.current ?? null;
    if (cluster === null) {
      this.finish(AUTHZ_ERROR);
      return;
    }
    const call = context.client.callGrpc(
      cluster,
      {
        authority: service.authority,
        path: METHOD,
        message: toBinary(CheckRequestSchema, this.request(exchange, body, partial)),
        timeoutMs: service.timeoutMs,
      },
      (message) => this.finish(message === null ? AUTHZ_ERROR : outcomeOf(message, this.plan)),
    );
    if (!this.over) this.call = call;
  }

  cancel(): void {
    this.over = true;
    this.call?.cancel();
  }

  private finish(outcome: AuthzOutcome): void {
    if (this.over) return;
    this.over = true;
    this.onOutcome(outcome);
  }

  private request(exchange: Exchange, body: Uint8Array, partial: boolean | null) {
    const { plan } = this;
    const { request, connection, dynamicMetadata } = exchange;
    const tls = connection?.tls ?? null;
    const headers: Record<string, string> = {};
    // What is told is the filter's to say, also where a route has another server.
    const ofHttp = plan.service.kind === "http";
    const tell = (name: string, value: string): void => {
      if (plan.disallowedHeaders?.(name) === true) return;
      if (
        ofHttp
          ? !TOLD_OVER_HTTP.has(name) && plan.allowedHeaders?.(name) !== true
          : plan.allowedHeaders?.(name) === false
      )
        return;
      headers[name] = messageText(value);
    };
    tell(":authority", request.authority);
    tell(":path", request.path);
    tell(":method", request.method);
    tell(":scheme", request.scheme);
    for (let i = 0; i < request.headers.count; i++) {
      const name = request.headers.nameAt(i);
      if (!request.headers.removed(i) && headers[name] === undefined) tell(name, request.headers.find(name) ?? "");
    }
    if (partial !== null) headers["x-envoy-auth-partial-body"] = partial ? "true" : "false";
    const ms = exchange.wallMs(exchange.startedAt);
    const metadata: Record<string, JsonObject> = {};
    for (const namespace of plan.metadataNamespaces) {
      if (dynamicMetadata !== null && Object.hasOwn(dynamicMetadata, namespace)) {
        metadata[namespace] = dynamicMetadata[namespace];
      }
    }
    return create(CheckRequestSchema, {
      attributes: {
        source: peer(connection?.remoteAddress, connection?.remotePort, tls?.peer ?? null, plan.includePeerCertificate),
        destination: peer(connection?.localAddress, connection?.localPort, tls?.local ?? null, false),
        request: {
          time: { seconds: BigInt(Math.floor(ms / 1000)), nanos: Math.floor((ms % 1000) * 1e6) },
          http: {
            id: exchange.uniqueId(),
            method: messageText(request.method),
            headers,
            path: messageText(request.path),
            host: messageText(request.authority),
            scheme: request.scheme,
            size: BigInt(exchange.bytesReceived),
            protocol: request.protocol,
            ...(plan.body?.packsBytes === true || ofHttp
              ? { rawBody: body }
              : { body: messageText(Buffer.from(body.buffer, body.byteOffset, body.length).toString("latin1")) }),
          },
        },
        contextExtensions: { ...this.extensions },
        metadataContext: { filterMetadata: metadata },
        routeMetadataContext: {},
      },
    });
  }
}

/** One end of a connection. @param shows its certificate is told, whole */
export function peer(
  address: string | undefined,
  port: number | undefined,
  certificate: Certificate | null,
  shows: boolean,
): MessageInitShape<typeof AttributeContext_PeerSchema> {
  const uri = certificate?.names.find(({ kind }) => kind === "uri")?.value;
  return {
    address: {
      address: {
        case: "socketAddress",
        value: { address: address ?? "", portSpecifier: { case: "portValue", value: port ?? 0 } },
      },
    },
    principal: messageText(uri ?? certificate?.subject ?? ""),
    certificate: shows && certificate !== null ? encodeURIComponent(pem(certificate)) : "",
  };
}

function pem({ der }: Certificate): string {
  const lines = Buffer.from(der)
    .toString("base64")
    .replaceAll(/.{64}(?!$)/g, "$&\n");
  return `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`;
}

function outcomeOf(message: Uint8Array, plan: ExtAuthzPlan): AuthzOutcome {
  let response: CheckResponse;
  try {
    response = fromBinary(CheckResponseSchema, message);
  } catch {
    // No answer that could be understood is none.
    return AUTHZ_ERROR;
  }
  const { status, httpResponse: http } = response;
  const metadata =
    (http.case === "okResponse" ? http.value.dynamicMetadata : undefined) ?? response.dynamicMetadata ?? null;
  if ((status?.code ?? 0) === 0) {
    const ok = http.case === "okResponse" ? http.value : null;
    const requestHeaders = mutations(ok?.headers ?? [], requestOperation);
    const responseHeaders = mutations(ok?.responseHeadersToAdd ?? [], responseOperation);
    const headersToRemove = (ok?.headersToRemove ?? []).map((name) => name.toLowerCase());
    const queryToSet = (ok?.queryParametersToSet ?? []).map(
      ({ key, value }) => [bytesOf(key), bytesOf(value)] as const,
    );
    if (requestHeaders === null || responseHeaders === null) return AUTHZ_INVALID;
    if (plan.validatesMutations && !queryToSet.every(isPlain)) return AUTHZ_INVALID;
    return {
      kind: "ok",
      requestHeaders,
      headersToRemove,
      responseHeaders,
      queryToSet,
      queryToRemove: (ok?.queryParametersToRemove ?? []).map(bytesOf),
      metadata,
    };
  }
  if (http.case === "errorResponse") return AUTHZ_ERROR;
  const denied = http.case === "deniedResponse" ? http.value : null;
  const headers = mutations(denied?.headers ?? [], responseOperation);
  if (headers === null) return AUTHZ_INVALID;
  const body = bytesOf(denied?.body ?? "");
  return {
    kind: "denied",
    status: denied?.status?.code || FORBIDDEN,
    body: plan.maxDeniedBodyBytes === 0 ? body : body.slice(0, plan.maxDeniedBodyBytes),
    headers,
    metadata,
  };
}

const OPERATIONS: Readonly<Record<AppendAction, AuthzHeader["op"]>> = {
  [AppendAction.APPEND_IF_EXISTS_OR_ADD]: "append",
  [AppendAction.ADD_IF_ABSENT]: "add-if-absent",
  [AppendAction.OVERWRITE_IF_EXISTS_OR_ADD]: "set",
  [AppendAction.OVERWRITE_IF_EXISTS]: "set-if-exists",
};

/** Whatever its action: a header of the request is set, unless it is to be appended to what there is. (As seen on Envoy 1.40) */
function requestOperation({ append }: HeaderValueOption): AuthzHeader["op"] {
  return append === true ? "join" : "set";
}

function responseOperation({ append, appendAction }: HeaderValueOption): AuthzHeader["op"] {
  if (append === undefined) return OPERATIONS[appendAction];
  return append ? "append" : "set";
}

/** A parameter that needs no escapes. */
function isPlain([name, value]: readonly [name: string, value: string]): boolean {
  return PLAIN.test(name) && PLAIN.test(value);
}

const PLAIN = /^[A-Za-z0-9*._-]*$/;

/** Pseudo-headers that the server may set; in a response they mean nothing. */
const OF_THE_REQUEST: ReadonlySet<string> = new Set([":authority", ":path"]);

/** Null if one of them could not be sent. */
function mutations(
  options: readonly HeaderValueOption[],
  operation: (option: HeaderValueOption) => AuthzHeader["op"],
): readonly AuthzHeader[] | null {
  const headers: AuthzHeader[] = [];
  for (const option of options) {
    const { header } = option;
    const name = (header?.key ?? "").toLowerCase();
    const raw = header === undefined || header.rawValue.length === 0 ? null : Buffer.from(header.rawValue);
    const value = raw === null ? bytesOf(header?.value ?? "") : raw.toString("latin1");
    if (!isSendable(name, value)) return null;
    if (!mayBeSet(name) && !OF_THE_REQUEST.has(name)) continue;
    headers.push({ op: operation(option), name, value });
  }
  return headers;
}
