import { create } from "@bufbuild/protobuf";
import {
  type HeaderValue,
  HeaderValueOptionSchema,
  HeaderValueOption_HeaderAppendAction as AppendAction,
} from "@tulle/xds/gen/envoy/config/core/v3/base_pb.js";
import type { GrpcService } from "@tulle/xds/gen/envoy/config/core/v3/grpc_service_pb.js";
import type {
  BufferSettings,
  ExtAuthz,
  ExtAuthzPerRoute,
  HttpService,
} from "@tulle/xds/gen/envoy/extensions/filters/http/ext_authz/v3/ext_authz_pb.js";
import type { ListStringMatcher } from "@tulle/xds/gen/envoy/type/matcher/v3/string_pb.js";
import { type MetadataTest, compileMetadataMatcher } from "../dynamic-metadata.ts";
import { milliseconds } from "../duration.ts";
import { runtimeFraction } from "../fraction.ts";
import { compileHeadersToAdd } from "../header-mutations.ts";
import { type HttpUriPlan, compileHttpUri } from "../http-uri.ts";
import type { Place } from "../problems.ts";
import type { TextTest } from "../regex.ts";
import type { HeaderMutation } from "../route-plan.ts";
import type { RuntimeFraction, RuntimeRef } from "../runtime-values.ts";
import { compileStringMatcher } from "../string-matcher.ts";
import { EXT_AUTHZ_PER_ROUTE } from "../supported-fields/index.ts";
import type { FilterCompiler } from "./filter-compiler.ts";

export interface ExtAuthzPlan {
  readonly service: AuthzServicePlan;
  /** Which request headers are told; null: those that the kind of service has of its own. */
  readonly allowedHeaders: NameTest | null;
  readonly disallowedHeaders: NameTest | null;
  /** Null: bodies are not told. */
  readonly body: AuthzBodyPlan | null;
  readonly failureModeAllow: boolean;
  readonly failureModeHeader: boolean;
  /** Of a request that nobody could decide about; default 403. */
  readonly statusOnError: number;
  readonly clearRouteCache: boolean;
  readonly enabled: RuntimeFraction;
  /** Null for all. */
  readonly enabledMetadata: MetadataTest | null;
  readonly denyAtDisable: RuntimeRef<boolean>;
  /** "" or ending with a dot. */
  readonly statPrefix: string;
  /** Denials count as responses of the cluster that the request would have gone to. */
  readonly chargeCluster: boolean;
  /** 0: all of it. */
  readonly maxDeniedBodyBytes: number;
  /** Dynamic metadata that gRPC servers are told. */
  readonly metadataNamespaces: readonly string[];
  readonly includePeerCertificate: boolean;
  readonly validatesMutations: boolean;
}

/** A test of a header's name, lower-case. */
export type NameTest = TextTest;

export interface AuthzBodyPlan {
  readonly maxBytes: number;
  /** Of longer ones only the beginning is told; else they are refused. */
  readonly allowsPartial: boolean;
  readonly packsBytes: boolean;
}

export type AuthzServicePlan = AuthzHttpPlan | AuthzGrpcPlan;

export interface AuthzGrpcPlan {
  readonly kind: "grpc";
  readonly cluster: string;
  readonly authority: string;
  /** Default 200 ms. */
  readonly timeoutMs: number;
}

export interface AuthzHttpPlan {
  readonly kind: "http";
  readonly uri: HttpUriPlan;
  readonly pathPrefix: string;
  /** In place of the request's; "" for none. */
  readonly pathOverride: string;
  /** Request headers that it is told beside the usual ones; null: no more. */
  readonly allowedHeaders: NameTest | null;
  readonly headersToAdd: readonly HeaderMutation[];
  /** What becomes of the headers of its answer. */
  readonly upstreamHeaders: NameTest | null;
  readonly upstreamHeadersToAppend: NameTest | null;
  /** Null: all of a denial's. */
  readonly clientHeaders: NameTest | null;
  readonly clientHeadersOnSuccess: NameTest | null;
  readonly metadataHeaders: NameTest | null;
}

export interface ExtAuthzRoutePlan {
  readonly disabled: boolean;
  readonly contextExtensions: Readonly<Record<string, string>>;
  readonly withoutBody: boolean;
  /** In place of the filter's; null: those. */
  readonly body: AuthzBodyPlan | null;
  readonly service: AuthzServicePlan | null;
}

const FORBIDDEN = 403;

export const extAuthz: FilterCompiler = {
  compile: ({ message }, _, place) => compileExtAuthz(message as ExtAuthz, place),
  compileRoute: {
    typeName: EXT_AUTHZ_PER_ROUTE,
    compile: ({ message }, place) => compilePerRoute(message as ExtAuthzPerRoute, place),
    // Envoy `FilterConfigPerRoute::merge`: context extensions of all levels, and all else of the most specific one.
    merge: (less, more) => {
      const [outer, inner] = [less as ExtAuthzRoutePlan, more as ExtAuthzRoutePlan];
      return { ...inner, contextExtensions: { ...outer.contextExtensions, ...inner.contextExtensions } };
    },
  },
};

function compileExtAuthz(message: ExtAuthz, place: Place): ExtAuthzPlan {
  const { services, statPrefix, denyAtDisable } = message;
  return {
    service: compileService(services, place),
    allowedHeaders: compileNames(message.allowedHeaders, place.field("allowed_headers")),
    disallowedHeaders: compileNames(message.disallowedHeaders, place.field("disallowed_headers")),
    body: compileBody(message.withRequestBody),
    failureModeAllow: message.failureModeAllow,
    failureModeHeader: message.failureModeAllowHeaderAdd,
    statusOnError: message.statusOnError?.code || FORBIDDEN,
    clearRouteCache: message.clearRouteCache,
    enabled: runtimeFraction(message.filterEnabled, 100, place),
    enabledMetadata:
      message.filterEnabledMetadata === undefined
        ? null
        : compileMetadataMatcher(message.filterEnabledMetadata, place.field("filter_enabled_metadata")),
    denyAtDisable: place.runtime.flag(denyAtDisable?.runtimeKey ?? "", denyAtDisable?.defaultValue ?? false),
    statPrefix: statPrefix === "" || statPrefix.endsWith(".") ? statPrefix : `${statPrefix}.`,
    chargeCluster: message.chargeClusterResponseStats ?? true,
    maxDeniedBodyBytes: message.maxDeniedResponseBodyBytes,
    metadataNamespaces: message.metadataContextNamespaces,
    includePeerCertificate: message.includePeerCertificate,
    validatesMutations: message.validateMutations,
  };
}

function compilePerRoute({ override }: ExtAuthzPerRoute, place: Place): ExtAuthzRoutePlan {
  if (override.case !== "checkSettings") {
    return { disabled: true, contextExtensions: {}, withoutBody: false, body: null, service: null };
  }
  const settings = override.value;
  const { serviceOverride: service } = settings;
  if (settings.disableRequestBodyBuffering && settings.withRequestBody !== undefined) {
    place.refuse(
      "Invalid configuration for check_settings. Only one of disable_request_body_buffering or with_request_body can be set.",
    );
  }
  return {
    disabled: false,
    contextExtensions: settings.contextExtensions,
    withoutBody: settings.disableRequestBodyBuffering,
    body: compileBody(settings.withRequestBody),
    service: service.case === undefined ? null : compileService(service, place.field("check_settings")),
  };
}

function compileBody(settings: BufferSettings | undefined): AuthzBodyPlan | null {
  return settings === undefined
    ? null
    : {
        maxBytes: settings.maxRequestBytes,
        allowsPartial: settings.allowPartialMessage,
        packsBytes: settings.packAsBytes,
      };
}

function compileService(service: ExtAuthz["services"], place: Place): AuthzServicePlan {
  if (service.case === "httpService") return compileHttpService(service.value, place.field("http_service"));
  if (service.case === "grpcService") return compileGrpcService(service.value, place.field("grpc_service"));
  place.refuse("one of grpc_service, http_service is required");
  return compileHttpService(undefined, place);
}

/** Source: Envoy `source/extensions/filters/http/ext_authz/config.cc`, DefaultTimeout. */
const DEFAULT_GRPC_TIMEOUT_MS = 200;

export function compileGrpcService({ targetSpecifier: target, timeout }: GrpcService, place: Place): AuthzGrpcPlan {
  if (target.case !== "envoyGrpc") place.refuse("envoy_grpc is required");
  const { clusterName, authority } = target.case === "envoyGrpc" ? target.value : { clusterName: "", authority: "" };
  return {
    kind: "grpc",
    cluster: clusterName,
    authority: authority === "" ? clusterName : authority,
    timeoutMs: milliseconds(timeout, DEFAULT_GRPC_TIMEOUT_MS),
  };
}

const NOWHERE: HttpUriPlan = { cluster: "", authority: "", path: "", timeoutMs: 0 };

function compileHttpService(message: HttpService | undefined, place: Place): AuthzHttpPlan {
  const { serverUri, pathPrefix = "", pathOverride = "", authorizationRequest, authorizationResponse } = message ?? {};
  if (message !== undefined && serverUri === undefined) place.field("server_uri").refuse("value is required");
  for (const [name, path] of [
    ["path_prefix", pathPrefix],
    ["path_override", pathOverride],
  ] as const) {
    if (path !== "" && !path.startsWith("/")) place.field(name).refuse('should start with "/".');
  }
  if (pathPrefix !== "" && pathOverride !== "") place.refuse("Only one of path_prefix or path_override may be set.");
  const names = (list: ListStringMatcher | undefined, name: string): NameTest | null =>
    compileNames(list, place.field(name));
  return {
    kind: "http",
    uri: serverUri === undefined ? NOWHERE : compileHttpUri(serverUri),
    pathPrefix,
    pathOverride,
    allowedHeaders: names(authorizationRequest?.allowedHeaders, "authorization_request.allowed_headers"),
    headersToAdd: compileAdditions(authorizationRequest?.headersToAdd ?? [], place.field("authorization_request")),
    upstreamHeaders: names(
      authorizationResponse?.allowedUpstreamHeaders,
      "authorization_response.allowed_upstream_headers",
    ),
    upstreamHeadersToAppend: names(
      authorizationResponse?.allowedUpstreamHeadersToAppend,
      "authorization_response.allowed_upstream_headers_to_append",
    ),
    clientHeaders: clientHeaders(
      names(authorizationResponse?.allowedClientHeaders, "authorization_response.allowed_client_headers"),
    ),
    clientHeadersOnSuccess: names(
      authorizationResponse?.allowedClientHeadersOnSuccess,
      "authorization_response.allowed_client_headers_on_success",
    ),
    metadataHeaders: names(
      authorizationResponse?.dynamicMetadataFromHeaders,
      "authorization_response.dynamic_metadata_from_headers",
    ),
  };
}

/** These are told to the client whatever is allowed. Source: Envoy api ext_authz.proto, allowed_client_headers. */
const ALWAYS_TOLD: readonly string[] = ["www-authenticate", "location"];

function clientHeaders(allowed: NameTest | null): NameTest | null {
  return allowed === null ? null : (name) => ALWAYS_TOLD.includes(name) || allowed(name);
}

function compileAdditions(list: readonly HeaderValue[], place: Place): readonly HeaderMutation[] {
  const appendAction = AppendAction.OVERWRITE_IF_EXISTS_OR_ADD;
  const options = list.map((header) => create(HeaderValueOptionSchema, { header, appendAction }));
  return compileHeadersToAdd(options, place);
}

/** Null where nothing is said: no list, or an empty one. */
function compileNames(list: ListStringMatcher | undefined, place: Place): NameTest | null {
  if (list === undefined || list.patterns.length === 0) return null;
  const tests = list.patterns.map((each, i) => compileStringMatcher(each, place.item("patterns", i)));
  return (name) => tests.some((test) => test(name));
}
