/** gRPC's status codes. */

/** Envoy `source/common/grpc/utility`, grpcStatusToString. */
export const GRPC_STATUS_NAMES: readonly string[] = [
  "OK", "Canceled", "Unknown", "InvalidArgument", "DeadlineExceeded", "NotFound", "AlreadyExists", "PermissionDenied", "ResourceExhausted",
  "FailedPrecondition", "Aborted", "OutOfRange", "Unimplemented", "Internal", "Unavailable", "DataLoss", "Unauthenticated",
]; // prettier-ignore

/** As gRPC itself writes them. */
export const GRPC_STATUS_CODES: readonly string[] = [
  "OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED",
  "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS",
  "UNAUTHENTICATED",
]; // prettier-ignore

export function isGrpcContentType(value: string): boolean {
  return value.startsWith("application/grpc") && (value.length === 16 || value[16] === "+");
}

/** What stands for an HTTP status (Envoy `source/common/grpc/status.cc`, httpToGrpcStatus). */
export function httpToGrpcStatus(httpStatus: number): number {
  switch (httpStatus) {
    case 400:
      return 13;
    case 401:
      return 16;
    case 403:
      return 7;
    case 404:
      return 12;
    case 429:
    case 502:
    case 503:
    case 504:
      return 14;
    default:
      return 2;
  }
}

/** By gRPC status code. Source: Envoy `source/common/grpc/status.cc`, Utility::grpcToHttpStatus. */
const HTTP_STATUS: readonly number[] = [
  200, 499, 500, 400, 504, 404, 409, 403, 429, 400, 409, 400, 501, 500, 503, 500, 401,
];

export function httpStatusOfGrpc(text: string): number {
  return (/^\d{1,2}$/.test(text) ? HTTP_STATUS[Number(text)] : undefined) ?? 500;
}
