/** The attributes that expressions may name (packages/telemetry/src/cel/attributes.ts), read from a stream. Envoy `source/extensions/filters/common/expr/context.cc`. */
import { RESPONSE_FLAGS } from "@tulle/telemetry/response-flags";
import { CelDuration, type CelValue } from "./cel-value.ts";
import { grpcStatusOfResponse } from "./format/headers.ts";
import type { StreamInfo } from "./format/stream-info.ts";

type Read = (stream: StreamInfo) => CelValue;

const whole = (value: number | undefined): CelValue => (value === undefined ? undefined : BigInt(value));

/** Of a request whose head has come. */
const ofRequest =
  (read: Read): Read =>
  (stream) =>
    stream.requestHeadDone ? read(stream) : undefined;
const requestHeader = (name: string): Read => ofRequest(({ request }) => request.firstHeader(name));

/** The bits of flags, from the lowest up. Source: Envoy `envoy/stream_info/stream_info.h`, ResponseFlag. */
const FLAG_BITS: readonly string[] = RESPONSE_FLAGS.map(([short]) => short);

const ATTRIBUTES: Readonly<Record<string, Readonly<Record<string, Read>>>> = {
  request: {
    path: ofRequest(({ request }) => (request.path === "" ? undefined : request.path)),
    url_path: ofRequest(({ request }) => (request.path === "" ? undefined : request.path.replace(/\?.*$/s, ""))),
    query: ofRequest(({ request }) => (request.path.includes("?") ? request.path.replace(/^[^?]*\?/s, "") : "")),
    host: ofRequest(({ request }) => (request.hasAuthority ? request.authority : undefined)),
    scheme: ofRequest(({ request }) => request.scheme),
    method: ofRequest(({ request }) => request.method),
    headers: ofRequest(({ request }) => ({
      find: (name) => {
        switch (name) {
          case ":path":
            return request.path;
          case ":method":
            return request.method;
          case ":authority":
          case "host":
            return request.authority;
          case ":scheme":
            return request.scheme;
          default:
            return request.headers.find(name);
        }
      },
    })),
    referer: requestHeader("referer"),
    id: requestHeader("x-request-id"),
    useragent: requestHeader("user-agent"),
    protocol: ({ request }) => request.protocol,
    size: ({ request, bytesReceived }) => {
      const told = request.headers.find("content-length") ?? "";
      return BigInt(/^\d{1,15}$/.test(told) ? told : bytesReceived);
    },
    duration: ({ now, startedAt }) => new CelDuration(now - startedAt),
  },
  response: {
    code: ({ status }) => (status === 0 ? undefined : BigInt(status)),
    code_details: ({ details }) => (details === "" ? undefined : details),
    flags: ({ responseFlags }) => {
      if (responseFlags === "-") return 0n;
      return responseFlags.split(",").reduce((bits, flag) => bits | (1n << BigInt(FLAG_BITS.indexOf(flag))), 0n);
    },
    grpc_status: (stream) => whole(grpcStatusOfResponse(stream)),
    headers: ({ response }) => ({ find: (name) => (name === ":status" ? String(response.status) : response.headers.find(name)) }), // prettier-ignore
    trailers: ({ responseTrailers }) => ({ find: (name) => responseTrailers?.find(name) }),
    size: ({ bytesSent }) => BigInt(bytesSent),
  },
  source: {
    address: ({ connection }) => connection?.remoteName,
    port: ({ connection }) => whole(connection?.remotePort),
  },
  destination: {
    address: ({ connection }) => connection?.localName,
    port: ({ connection }) => whole(connection?.localPort),
  },
  upstream: {
    address: ({ host }) => host?.name,
    port: ({ host }) => whole(host?.port),
    transport_failure_reason: ({ transportFailure }) => transportFailure,
    request_attempt_count: ({ attemptCount }) => BigInt(attemptCount),
  },
  xds: {
    cluster_name: ({ cluster }) => cluster?.plan.name,
    route_name: ({ route }) => route?.name,
  },
};

export function celAttribute(object: string, field: string): Read {
  return ATTRIBUTES[object]?.[field] ?? (() => undefined);
}
