export type {
  AdsClientOptions,
  ControlPlaneStats,
  ReceivedResource,
  RejectedResource,
  ResourceSubscriber,
  ResourceUpdate,
  ResourceWatcher,
  SubscriptionStats,
} from "./types.ts";
export { AdsClient } from "./ads-client.ts";
/** What TLS streams are made with, so that users need not name gRPC themselves. */
export { type ChannelCredentials, credentials as grpcCredentials } from "@grpc/grpc-js";
