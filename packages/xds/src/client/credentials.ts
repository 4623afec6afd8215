/** What TLS streams are made with, so that users need not name gRPC themselves. Apart from the client, which brings gRPC only when it starts. */
export { type ChannelCredentials, credentials as grpcCredentials } from "@grpc/grpc-js";
