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
