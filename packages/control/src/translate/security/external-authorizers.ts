/**
 * Who is asked about requests that CUSTOM policies are for: extension providers `envoyExtAuthzHttp` and `envoyExtAuthzGrpc` of MeshConfig.
 * (istio/istio `pilot/pkg/security/authz/builder/extauthz.go`)
 */
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { MeshConfig } from "@tulle/api";
import { parseNamespacedHost } from "@tulle/api";
import { ApiVersion } from "@tulle/xds/gen/envoy/config/core/v3/config_source_pb.js";
import type { GrpcServiceSchema } from "@tulle/xds/gen/envoy/config/core/v3/grpc_service_pb.js";
import type { ExtAuthzSchema } from "@tulle/xds/gen/envoy/extensions/filters/http/ext_authz/v3/ext_authz_pb.js";
import type { ExtAuthzSchema as NetworkExtAuthzSchema } from "@tulle/xds/gen/envoy/extensions/filters/network/ext_authz/v3/ext_authz_pb.js";
import type { ListStringMatcherSchema } from "@tulle/xds/gen/envoy/type/matcher/v3/string_pb.js";
import { StatusCode } from "@tulle/xds/gen/envoy/type/v3/http_status_pb.js";
import type { MeshSettings } from "../../model/mesh-settings.ts";
import type { MeshService } from "../../model/service.ts";
import { findProvider } from "../../model/telemetry.ts";
import type { Capabilities } from "../data-plane.ts";
import { fromText, milliseconds } from "../durations.ts";
import { outboundCluster } from "../names.ts";
import { exact, prefix, suffix } from "./matchers.ts";

type HttpConfig = Plain<MessageInitShape<typeof ExtAuthzSchema>>;
type NetworkConfig = Plain<MessageInitShape<typeof NetworkExtAuthzSchema>>;
type Plain<T> = Exclude<T, { $typeName: string }>;

export type Authorizer =
  | { readonly problem: string }
  /** One that speaks HTTP has nothing for connections. */
  | { readonly http: HttpConfig; readonly network: NetworkConfig | undefined };

export type Authorizers = (provider: string) => Authorizer;

type Provider = NonNullable<MeshConfig["extensionProviders"]>[number];
type HttpProvider = NonNullable<Provider["envoyExtAuthzHttp"]>;
type GrpcProvider = NonNullable<Provider["envoyExtAuthzGrpc"]>;

const DEFAULT_TIMEOUT_MS = 600_000;

export function authorizers(
  mesh: MeshSettings,
  services: ReadonlyMap<string, MeshService>,
  { security }: Pick<Capabilities, "security">,
): Authorizers {
  return (name) => {
    const provider = findProvider(mesh, name);
    const settings = provider?.envoyExtAuthzHttp ?? provider?.envoyExtAuthzGrpc;
    if (provider === undefined) return { problem: `MeshConfig has no extension provider ${name}` };
    if (settings === undefined) return { problem: `the extension provider ${name} is no external authorizer` };
    if (!security.has("external authorization")) return { problem: "this data plane cannot ask external authorizers" };
    if (provider.envoyExtAuthzHttp === undefined && !security.has("external authorization by gRPC")) {
      return { problem: "this data plane cannot ask authorizers that speak gRPC" };
    }
    const { namespace, host } = parseNamespacedHost(settings.service.toLowerCase());
    const service = services.get(host);
    if (service === undefined || (namespace !== "*" && namespace !== service.namespace)) {
      return { problem: `there is no service ${settings.service}` };
    }
    const port = service.ports.find(({ number }) => number === settings.port);
    if (port === undefined) return { problem: `${host} has no port ${settings.port}` };
    const target = { host, cluster: outboundCluster(port.number, "", host) };
    if (provider.envoyExtAuthzHttp !== undefined) {
      return { http: overHttp(provider.envoyExtAuthzHttp, target), network: undefined };
    }
    return overGrpc(provider.envoyExtAuthzGrpc!, target);
  };
}

/** `HOST:PORT` of all that are asked by gRPC: proxies that send no request by HTTP/2 ask these all the same. */
export function grpcAuthorizers({ config }: MeshSettings): ReadonlySet<string> {
  const found = (config.extensionProviders ?? []).flatMap(({ envoyExtAuthzGrpc: provider }) =>
    provider === undefined ? [] : [`${parseNamespacedHost(provider.service.toLowerCase()).host}:${provider.port}`],
  );
  return new Set(found);
}

interface Target {
  readonly host: string;
  readonly cluster: string;
}

function overHttp(settings: HttpProvider, { host, cluster }: Target): HttpConfig {
  const { headersToUpstreamOnAllow, headersToDownstreamOnAllow, headersToDownstreamOnDeny } = settings;
  const headersToAdd = Object.entries(settings.includeAdditionalHeadersInCheck ?? {})
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => ({ key, value }));
  const allowedHeaders =
    headerList(settings.includeRequestHeadersInCheck) ?? headerList(settings.includeHeadersInCheck);
  const answer = {
    ...given("allowedUpstreamHeaders", headerList(headersToUpstreamOnAllow)),
    ...given("allowedClientHeaders", headerList(headersToDownstreamOnDeny)),
    ...given("allowedClientHeadersOnSuccess", headerList(headersToDownstreamOnAllow)),
  };
  return {
    ...common(settings),
    services: {
      case: "httpService",
      value: {
        pathPrefix: settings.pathPrefix ?? "",
        // Of the address only the cluster is used.
        serverUri: {
          uri: `http://${host}`,
          httpUpstreamType: { case: "cluster", value: cluster },
          timeout: timeout(settings),
        },
        ...(headersToAdd.length === 0 ? {} : { authorizationRequest: { headersToAdd } }),
        ...(Object.keys(answer).length === 0 ? {} : { authorizationResponse: answer }),
      },
    },
    ...given("allowedHeaders", allowedHeaders),
  };
}

function overGrpc(settings: GrpcProvider, { host, cluster }: Target): { http: HttpConfig; network: NetworkConfig } {
  const service: MessageInitShape<typeof GrpcServiceSchema> = {
    targetSpecifier: { case: "envoyGrpc", value: { clusterName: cluster, authority: host } },
    timeout: timeout(settings),
  };
  return {
    http: { ...common(settings), services: { case: "grpcService", value: service } },
    network: {
      failureModeAllow: settings.failOpen === true,
      transportApiVersion: ApiVersion.V3,
      grpcService: service,
    },
  };
}

function common({ statusOnError, failOpen, includeRequestBodyInCheck: body }: HttpProvider | GrpcProvider): HttpConfig {
  return {
    ...(statusOnError === undefined || statusOnError === ""
      ? {}
      : { statusOnError: { code: statusCode(statusOnError) } }),
    failureModeAllow: failOpen === true,
    transportApiVersion: ApiVersion.V3,
    ...(body === undefined
      ? {}
      : {
          withRequestBody: {
            maxRequestBytes: body.maxRequestBytes ?? 0,
            allowPartialMessage: body.allowPartialMessage === true,
            packAsBytes: body.packAsBytes === true,
          },
        }),
  };
}

function statusCode(text: string): StatusCode {
  return Number(text) in StatusCode ? Number(text) : StatusCode.Forbidden;
}

function timeout({ timeout: text }: HttpProvider | GrpcProvider) {
  return text === undefined ? milliseconds(DEFAULT_TIMEOUT_MS) : fromText(text);
}

/** `*` at one end of a name stands for anything. */
function headerList(names: readonly string[] = []): MessageInitShape<typeof ListStringMatcherSchema> | undefined {
  if (names.length === 0) return undefined;
  const patterns = names.map((name) =>
    name.startsWith("*")
      ? suffix(name.slice(1), true)
      : name.endsWith("*")
        ? prefix(name.slice(0, -1), true)
        : exact(name, true),
  );
  return { patterns };
}

function given<K extends string, V>(key: K, value: V | undefined): Partial<Record<K, V>> {
  return value === undefined ? {} : ({ [key]: value } as Record<K, V>);
}
