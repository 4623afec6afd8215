/** Operators on the request's and the response's heads. Envoy `source/common/formatter/http_specific_formatter.cc`, `header_formatter.cc`. */
import { headerId, GRPC_STATUS, X_ENVOY_ORIGINAL_HOST, X_ENVOY_ORIGINAL_PATH } from "../../codec/header-names.ts";
import type { HeaderBlock } from "../../codec/header-block.ts";
import { GRPC_STATUS_CODES, GRPC_STATUS_NAMES, httpToGrpcStatus } from "../../codec/grpc/status.ts";
import { FormatError } from "./command.ts";
import { NumberOperator, type Operator, TextOperator, limited } from "./operator.ts";
import type { StreamInfo } from "./stream-info.ts";

type Read = (stream: StreamInfo) => string | undefined;

/** `A` or `A?B`: the first line of that name, or where there is none, of the other one. */
function headerOperator(argument: string, length: number | null, reader: (name: string) => Read): Operator {
  const [name, alternative = "", ...more] = argument.split("?");
  if (more.length > 0) throw new FormatError(`More than 1 alternative header specified in token: ${argument}`);
  if (!isName(name) || !isName(alternative)) {
    throw new FormatError("Invalid header configuration. Format string contains invalid characters.");
  }
  const first = reader(name.toLowerCase());
  if (alternative === "") return limited(first, length);
  const second = reader(alternative.toLowerCase());
  return limited((stream) => first(stream) ?? second(stream), length);
}

/** RFC 9110 token, a pseudo-header's colon before it. */
function isName(name: string): boolean {
  return /^:?[!#$%&'*+\-.^_`|~0-9A-Za-z]*$/.test(name);
}

export function requestHeader(argument: string, length: number | null): Operator {
  return headerOperator(argument, length, requestReader);
}

export function responseHeader(argument: string, length: number | null): Operator {
  return headerOperator(argument, length, responseReader);
}

export function responseTrailer(argument: string, length: number | null): Operator {
  return headerOperator(argument, length, (name) => (stream) => stream.responseTrailers?.first(name));
}

function requestReader(name: string): Read {
  switch (name) {
    case ":method":
      return (stream) => (stream.requestHeadDone ? stream.request.method : undefined);
    case ":path":
      return pathOf;
    case ":authority":
    case "host":
      return authorityOf;
    case ":scheme":
      return (stream) => (stream.requestHeadDone ? stream.request.scheme : undefined);
    default:
      return blockReader(name, (stream) => (stream.requestHeadDone ? stream.request.headers : null));
  }
}

function pathOf({ requestHeadDone, request }: StreamInfo): string | undefined {
  return requestHeadDone && request.path !== "" ? request.path : undefined;
}

function authorityOf({ requestHeadDone, request }: StreamInfo): string | undefined {
  return requestHeadDone && request.hasAuthority ? request.authority : undefined;
}

function responseReader(name: string): Read {
  if (name === ":status") return ({ response }) => (response.status === 0 ? undefined : String(response.status));
  return blockReader(name, ({ response }) => response.headers);
}

function blockReader(name: string, block: (stream: StreamInfo) => HeaderBlock | null): Read {
  const id = headerId(name);
  if (id === 0) return (stream) => block(stream)?.first(name);
  return (stream) => {
    const headers = block(stream);
    return headers !== null && headers.has(id) ? headers.get(id) : undefined;
  };
}

/** As `%REQ%`, without the query. */
export function requestHeaderWithoutQuery(argument: string, length: number | null): Operator {
  const whole = requestHeader(argument, null);
  return limited((stream) => withoutQuery(whole.text(stream)), length);
}

function withoutQuery(path: string | undefined): string | undefined {
  const query = path === undefined ? -1 : path.indexOf("?");
  return query < 0 ? path : path?.slice(0, query);
}

/** `WQ` or `NQ`, then `ORIG`, `PATH` or `ORIG_OR_PATH`. */
export function path(argument: string, length: number | null): Operator {
  const [query, which = ""] = argument.split(":");
  if (query !== "" && query !== "WQ" && query !== "NQ") {
    throw new FormatError(`Invalid PATH option: '${query}', only 'WQ'/'NQ' are allowed`);
  }
  let read: Read;
  if (which === "PATH") read = pathOf;
  else if (which === "ORIG") read = originalPath;
  else if (which === "" || which === "ORIG_OR_PATH") read = (stream) => originalPath(stream) ?? pathOf(stream);
  else throw new FormatError(`Invalid PATH option: '${which}', only 'ORIG'/'PATH'/'ORIG_OR_PATH' are allowed`);
  return limited(query === "NQ" ? (stream) => withoutQuery(read(stream)) : read, length);
}

function originalPath({ requestHeadDone, request }: StreamInfo): string | undefined {
  const path = requestHeadDone ? request.headers.get(X_ENVOY_ORIGINAL_PATH) : "";
  return path === "" ? undefined : path;
}

/** The first parameter of that name, decoded. */
export function queryParameter(name: string, length: number | null): Operator {
  return limited((stream) => {
    const query = queryOf(pathOf(stream));
    if (query === undefined) return undefined;
    for (const pair of query.split("&")) {
      const equals = pair.indexOf("=");
      if (decode(equals < 0 ? pair : pair.slice(0, equals)) !== name) continue;
      return equals < 0 ? "" : decode(pair.slice(equals + 1));
    }
    return undefined;
  }, length);
}

/** The whole query: as it came, or (`DECODED`) with those escapes resolved that a URL does not need. */
export function queryParameters(option: string, length: number | null): Operator {
  if (option !== "" && option !== "ORIG" && option !== "DECODED") {
    throw new FormatError(`Invalid QUERY_PARAMS option: '${option}', only 'ORIG'/'DECODED' are allowed`);
  }
  if (option !== "DECODED") return limited((stream) => queryOf(pathOf(stream)), length);
  return limited((stream) => {
    const query = queryOf(pathOf(stream));
    return query === undefined ? undefined : decodeHarmless(query);
  }, length);
}

function queryOf(path: string | undefined): string | undefined {
  const at = path === undefined ? -1 : path.indexOf("?");
  return at < 0 ? undefined : path?.slice(at + 1);
}

/** What is no escape stays. */
function decode(text: string): string {
  return text.includes("%") ? text.replaceAll(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => byte(hex)) : text;
}

/** A percent sign that is followed by two characters, but begins no escape, is left out (Envoy 1.40). */
function decodeHarmless(text: string): string {
  return text.replaceAll(/%(?:([0-9A-Fa-f]{2})|(?=[\s\S]{2}))/g, (escape, hex?: string) => {
    if (hex === undefined) return "";
    return /[!#-;=?-[\]_`a-z~]/.test(byte(hex)) ? byte(hex) : escape;
  });
}

function byte(hex: string): string {
  return String.fromCharCode(Number.parseInt(hex, 16));
}

/** The name that the client asks for: without TLS it has none but the authority, where that may stand in. */
export function requestedServerName(argument: string): Operator {
  const [source, host = ""] = argument.split(":");
  if (!["", "SNI_ONLY", "SNI_FIRST", "HOST_FIRST"].includes(source)) {
    throw new FormatError(
      `Invalid REQUESTED_SERVER_NAME option: '${source}', only 'SNI_ONLY'/'SNI_FIRST'/'HOST_FIRST' are allowed`,
    );
  }
  if (!["", "ORIG_OR_HOST", "HOST", "ORIG"].includes(host)) {
    throw new FormatError(
      `Invalid REQUESTED_SERVER_NAME option: '${host}', only 'ORIG_OR_HOST'/'HOST'/'ORIG' are allowed`,
    );
  }
  if (source === "" || source === "SNI_ONLY") return new TextOperator(askedName);
  const hostOf = hostReader(host);
  return source === "SNI_FIRST"
    ? new TextOperator((stream) => askedName(stream) ?? hostOf(stream))
    : new TextOperator((stream) => hostOf(stream) ?? askedName(stream));
}

/** By SNI, as a listener filter has told it: Envoy does not ask the handshake (as seen on Envoy 1.40). */
function askedName({ connection }: StreamInfo): string | undefined {
  return connection === null || connection.serverName === "" ? undefined : connection.serverName;
}

function hostReader(host: string): (stream: StreamInfo) => string | undefined {
  if (host === "HOST") return authorityOf;
  if (host === "ORIG") return originalHost;
  return (stream) => originalHost(stream) ?? authorityOf(stream);
}

function originalHost({ requestHeadDone, request }: StreamInfo): string | undefined {
  const host = requestHeadDone ? request.headers.get(X_ENVOY_ORIGINAL_HOST) : "";
  return host === "" ? undefined : host;
}

/** Names and values, pseudo-headers included (Envoy `HeaderMap::byteSize`). */
export function requestSizeOf({ requestHeadDone, request }: StreamInfo): number {
  if (!requestHeadDone) return 0;
  let bytes = request.headers.byteSize() + ":method".length + request.method.length;
  if (request.path !== "") bytes += ":path".length + request.path.length;
  if (request.hasAuthority) bytes += ":authority".length + request.authority.length;
  if (request.scheme !== "") bytes += ":scheme".length + request.scheme.length;
  return bytes;
}

export function responseSizeOf({ response }: StreamInfo): number {
  return response.status === 0 ? 0 : response.headers.byteSize() + ":status".length + 3;
}

export const requestHeadersBytes = new NumberOperator(requestSizeOf);
export const responseHeadersBytes = new NumberOperator(responseSizeOf);

export const responseTrailersBytes = new NumberOperator(({ responseTrailers }) => responseTrailers?.byteSize() ?? 0);

export function grpcStatus(format: string): Operator {
  switch (format) {
    case "":
    case "CAMEL_STRING":
      return new TextOperator((stream) => named(grpcStatusOf(stream), GRPC_STATUS_NAMES));
    case "SNAKE_STRING":
      return new TextOperator((stream) => named(grpcStatusOf(stream), GRPC_STATUS_CODES));
    case "NUMBER":
      return new NumberOperator(grpcStatusOf);
    default:
      throw new FormatError(`GrpcStatusFormatter only supports CAMEL_STRING, SNAKE_STRING or NUMBER. Got: ${format}`);
  }
}

function named(status: number | undefined, names: readonly string[]): string | undefined {
  return status === undefined ? undefined : (names[status] ?? String(status));
}

function grpcStatusOf(stream: StreamInfo): number | undefined {
  return stream.isGrpc && stream.requestHeadDone ? grpcStatusOfResponse(stream) : undefined;
}

/** Of the trailers, else of the headers. */
export function statedGrpcStatus({
  responseTrailers,
  response,
}: Pick<StreamInfo, "responseTrailers" | "response">): string | undefined {
  if (responseTrailers?.has(GRPC_STATUS) === true) return responseTrailers.get(GRPC_STATUS);
  return response.headers.has(GRPC_STATUS) ? response.headers.get(GRPC_STATUS) : undefined;
}

/** Of the trailers, else of the headers, else what the HTTP status stands for (Envoy `Grpc::Common::getGrpcStatus`). −1: no number. */
export function grpcStatusOfResponse(stream: StreamInfo): number | undefined {
  const text = statedGrpcStatus(stream);
  const { status } = stream;
  if (text !== undefined) return /^\d{1,19}$/.test(text) ? Number(text) : -1;
  return status === 0 ? undefined : httpToGrpcStatus(status);
}
