/** What a program beside a sidecar finds in its environment. */
import { formatAddress } from "../options.ts";
import type { Address } from "../options.ts";
import type { Identity } from "./bootstrap.ts";

/** A URL, in which no blank needs quoting. */
const FETCH_HOOK = import.meta.resolve("./fetch-hook.js");
/** What stays outside the mesh: a program's calls to its own machine. */
const UNPROXIED = "localhost,127.0.0.1,::1";

export interface ProgramSurroundings {
  readonly identity: Identity;
  /** Where the program is to listen. */
  readonly app: Address;
  readonly httpProxy: Address;
  readonly admin: Address;
  /** Local ports that carry requests for a service port. */
  readonly outbound: readonly { readonly port: number; readonly bind: Address; readonly service?: string }[];
  /** HTTP API of the control plane if that runs on this machine: it takes spans. */
  readonly collector?: Address;
}

/** `inherited` with the sidecar's additions. */
export function programEnvironment(inherited: NodeJS.ProcessEnv, surroundings: ProgramSurroundings): NodeJS.ProcessEnv {
  const { identity, app, httpProxy, admin, outbound, collector } = surroundings;
  const proxy = `http://${formatAddress(httpProxy)}`;
  const unproxied = joined([inherited["NO_PROXY"] ?? inherited["no_proxy"], UNPROXIED], ",");
  return {
    ...inherited,
    PORT: `${app.port}`,
    HTTP_PROXY: proxy,
    http_proxy: proxy,
    NO_PROXY: unproxied,
    no_proxy: unproxied,
    NODE_USE_ENV_PROXY: "1",
    NODE_OPTIONS: joined([inherited["NODE_OPTIONS"], `--import=${FETCH_HOOK}`], " "),
    TULLE_SERVICE: identity.service,
    TULLE_VERSION: identity.labels["version"] ?? "",
    TULLE_NAMESPACE: identity.namespace,
    TULLE_ADMIN: `http://${formatAddress(admin)}`,
    ...tracing(inherited, identity, collector),
    ...Object.fromEntries(
      outbound.map(({ port, bind, service }) => [
        service === undefined ? `TULLE_OUTBOUND_${port}` : `TULLE_UPSTREAM_${variable(service)}_${port}`,
        formatAddress(bind),
      ]),
    ),
  };
}

/**
 * OpenTelemetry's variables, unless somebody has said where its spans go. Of traces only: metrics and logs of applications are not taken.
 * The name is the one that the sidecar's spans have (Istio's APP_LABEL_AND_NAMESPACE).
 */
function tracing(
  inherited: NodeJS.ProcessEnv,
  { service, namespace }: Identity,
  collector?: Address,
): NodeJS.ProcessEnv {
  const isSaid = ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"].some((name) => inherited[name]);
  if (collector === undefined || isSaid) return {};
  return {
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `http://${formatAddress(collector)}/v1/traces`,
    OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: "http/protobuf",
    OTEL_SERVICE_NAME: inherited["OTEL_SERVICE_NAME"] ?? `${service}.${namespace}`,
  };
}

/** `my-redis.prod` is `MY_REDIS_PROD`. */
function variable(service: string): string {
  return service.toUpperCase().replaceAll(/[^A-Z0-9]/g, "_");
}

function joined(parts: readonly (string | undefined)[], separator: string): string {
  return parts.filter((part) => part !== undefined && part !== "").join(separator);
}
