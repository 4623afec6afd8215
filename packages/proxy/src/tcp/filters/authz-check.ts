import { create, fromBinary, type JsonObject, toBinary } from "@bufbuild/protobuf";
import {
  CheckRequestSchema,
  type CheckResponse,
  CheckResponseSchema,
} from "@tulle/xds/gen/envoy/service/auth/v3/external_auth_pb.js";
import { peer } from "../../http/filters/authz-grpc.ts";
import type { NetworkExtAuthzPlan } from "../../plan/compile-network-filters.ts";
import type { ConnectionStream } from "../connection-stream.ts";

export interface ConnectionVerdict {
  readonly allowed: boolean;
  readonly metadata: JsonObject | null;
}

/** What a server is asked about a connection. Envoy `check_request_utils.cc`, createTcpCheck. */
export function connectionCheck({ connection }: ConnectionStream, plan: NetworkExtAuthzPlan): Uint8Array {
  const tls = connection.tls ?? null;
  const { remoteAddress, remotePort, localAddress, localPort } = connection;
  return toBinary(
    CheckRequestSchema,
    create(CheckRequestSchema, {
      attributes: {
        source: peer(remoteAddress, remotePort, tls?.peer ?? null, plan.includePeerCertificate),
        destination: peer(localAddress, localPort, tls?.local ?? null, false),
        ...(plan.includeTlsSession && tls !== null ? { tlsSession: { sni: tls.serverName } } : {}),
      },
    }),
  );
}

/** Null: it is no answer. */
export function connectionVerdict(message: Uint8Array): ConnectionVerdict | null {
  let response: CheckResponse;
  try {
    response = fromBinary(CheckResponseSchema, message);
  } catch {
    // No answer that could be understood is none.
    return null;
  }
  return { allowed: (response.status?.code ?? 0) === 0, metadata: response.dynamicMetadata ?? null };
}
