import {
  CONTENT_LENGTH,
  CONTENT_TYPE,
  GRPC_MESSAGE,
  GRPC_STATUS,
  LOCATION,
  X_ENVOY_ATTEMPT_COUNT,
} from "../codec/header-names.ts";
import { ReadBuffer } from "../codec/read-buffer.ts";
import type { Exchange } from "./exchange.ts";
import { httpToGrpcStatus } from "../codec/grpc/status.ts";
import { type LocalReply, encodeGrpcMessage } from "./local-replies.ts";
import { rewriteLocalReply } from "./local-reply-rewriter.ts";
import { finishResponseHeaders, requestIdToTell } from "./response-headers.ts";
import { applyHeaderMutations } from "./header-mutations.ts";

/**
 * Answers an exchange and ends it; if its response has begun, cuts it off. gRPC requests get what gRPC clients understand:
 * 200 with trailers only (Envoy `source/common/http/utility.cc`, `Utility::sendLocalReply`).
 * @param location a redirect's or a created resource's, "" for none
 * @param protocolError the codec's refusal: logs tell of it, the answer's body does not (Envoy `ConnectionManagerImpl::ActiveStream::onDecoderFailure`)
 */
export function sendLocalReply(exchange: Exchange, reply: LocalReply, location = "", protocolError = false): void {
  const { runtime, encoder, connection } = exchange;
  if (runtime === null || encoder === null || connection === null) return;
  if (exchange.responseStarted) {
    exchange.abort(reply.flag, reply.details);
    return;
  }
  if (runtime.filters.onAnswer(exchange, reply)) return;
  const { response, request, context } = exchange;
  const { headers } = response;
  response.reset();
  if (!protocolError) exchange.addFlag(reply.flag);
  exchange.details = reply.details;
  // A message that is wrong may be the beginning of another one (Envoy `ActiveStream::onLocalReply`).
  if (reply.status === 400) connection.closeAfterResponse();
  // A request refused by the codec has no head that could be trusted to say what it is.
  const grpc = exchange.isGrpc && exchange.requestHeadDone;
  const isHead = request.method === "HEAD" && exchange.requestHeadDone;
  response.status = reply.status;
  if (location !== "") headers.append(LOCATION, location);
  for (let i = 0; i < reply.lines.length; i += 2) headers.appendNamed(reply.lines[i], reply.lines[i + 1]);
  const { route, target } = exchange;
  if (
    route !== null &&
    reply.routeHeaders !== "none" &&
    (route.action.kind === "forward" || reply.routeHeaders === "any")
  ) {
    if (target !== null && target.responseHeaders.length > 0) {
      applyHeaderMutations(headers, target.responseHeaders, exchange, false);
    }
    applyHeaderMutations(headers, route.responseHeaders, exchange, false);
    // Where nothing has been sent anywhere, nothing is counted.
    if (route.attemptCountInResponse && exchange.attemptCount > 0)
      headers.set(X_ENVOY_ATTEMPT_COUNT, String(exchange.attemptCount));
  }
  if (reply.headers.length > 0) applyHeaderMutations(headers, reply.headers, exchange, false);
  let { status, body } = reply;
  let contentType = "text/plain";
  if (runtime.plan.localReplies !== null) {
    ({ status, body, contentType } = rewriteLocalReply(exchange, runtime.plan.localReplies, status, body));
  }
  if (protocolError) exchange.addFlag(reply.flag);
  if (grpc) {
    response.status = 200;
    headers.set(CONTENT_TYPE, "application/grpc");
    headers.set(GRPC_STATUS, String(reply.grpcStatus >= 0 ? reply.grpcStatus : httpToGrpcStatus(status)));
    // A JSON body ends with a line feed, which is none of the message's.
    if (contentType === "application/json" && body.endsWith("\n")) body = body.slice(0, -1);
    if (body !== "" && !isHead) headers.set(GRPC_MESSAGE, encodeGrpcMessage(body));
  } else if (body !== "") {
    headers.set(CONTENT_LENGTH, String(body.length));
    // A route's own describes the body that there was.
    if (!headers.has(CONTENT_TYPE) || body !== reply.body) headers.set(CONTENT_TYPE, contentType);
  } else {
    // A route may have set them.
    headers.remove(CONTENT_LENGTH);
    headers.remove(CONTENT_TYPE);
  }
  const hasBody = body !== "" && !grpc && !isHead;
  exchange.status = response.status;
  exchange.filters.onResponse(runtime.filters, !hasBody);
  const requestId = exchange.requestHeadDone ? requestIdToTell(request.headers, runtime.plan) : "";
  finishResponseHeaders(headers, runtime.plan, context.date.at(context.net.turn.now), requestId, false);
  runtime.tracing?.onResponse(exchange);
  exchange.encodeResponseHead(!hasBody);
  if (!hasBody) exchange.finish();
  else if (runtime.filters.responseData.length > 0) sendBody(exchange, body);
  else {
    exchange.bytesSent += body.length;
    encoder.encodeText(body, true);
    exchange.finish();
  }
}

/** Through the filters. */
function sendBody(exchange: Exchange, body: string): void {
  const buffer = new ReadBuffer(body.length);
  buffer.bytes.write(body, "latin1");
  exchange.filters.onResponseData(buffer, 0, body.length, true);
}
