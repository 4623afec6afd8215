import {
  CONTENT_LENGTH,
  CONTENT_TYPE,
  GRPC_MESSAGE,
  GRPC_STATUS,
  LOCATION,
  X_ENVOY_OVERLOADED,
  X_REQUEST_ID,
} from "../codec/header-names.ts";
import type { Exchange } from "./exchange.ts";
import { type LocalReply, encodeGrpcMessage, grpcStatus } from "./local-replies.ts";
import { finishResponseHeaders } from "./response-headers.ts";
import { applyHeaderMutations } from "./header-mutations.ts";

/**
 * Answers an exchange and ends it; if its response has begun, cuts it off. gRPC requests get what gRPC clients understand:
 * 200 with trailers only (Envoy `source/common/http/utility.cc`, `Utility::sendLocalReply`).
 * @param location a redirect's or a created resource's, "" for none
 */
export function sendLocalReply(exchange: Exchange, reply: LocalReply, location = ""): void {
  const { runtime, encoder, connection } = exchange;
  if (runtime === null || encoder === null || connection === null) return;
  if (exchange.responseStarted) {
    exchange.abort(reply.flag, reply.details);
    return;
  }
  const { response, request, context } = exchange;
  const { headers } = response;
  response.reset();
  exchange.flag = reply.flag;
  exchange.details = reply.details;
  // A request refused by the codec has no head that could be trusted to say what it is.
  const grpc = exchange.isGrpc && exchange.requestHeadDone;
  const body = grpc ? "" : reply.body;
  response.status = grpc ? 200 : reply.status;
  if (location !== "") headers.append(LOCATION, location);
  if (reply.overloaded) headers.append(X_ENVOY_OVERLOADED, "true");
  if (grpc) {
    headers.append(CONTENT_TYPE, "application/grpc");
    headers.append(GRPC_STATUS, String(grpcStatus(reply.status)));
    if (reply.body !== "") headers.append(GRPC_MESSAGE, encodeGrpcMessage(reply.body));
  } else if (body !== "") {
    headers.append(CONTENT_LENGTH, String(body.length));
    headers.append(CONTENT_TYPE, "text/plain");
  }
  if (exchange.route !== null) {
    applyHeaderMutations(headers, exchange.route.responseHeaders, request, connection, false);
  }
  runtime.filters.onResponse(exchange);
  const requestId = exchange.requestHeadDone ? request.headers.get(X_REQUEST_ID) : "";
  finishResponseHeaders(headers, runtime.plan, context.date.at(context.net.turn.now), requestId);
  exchange.responseStarted = true;
  exchange.status = response.status;
  encoder.encodeHead(response, body === "");
  if (body !== "") {
    exchange.bytesSent += body.length;
    encoder.encodeText(body, true);
  }
  exchange.finish();
}
