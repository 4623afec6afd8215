export type {
  AdsConnection,
  AdsEvents,
  AdsServerOptions,
  AdsSource,
  NackDetail,
  ProxySyncStatus,
  SyncState,
  TypeSyncStatus,
} from "./types.ts";
export { AdsRefusal } from "./types.ts";
export { ADS_SERVER_OPTIONS, AdsServer } from "./ads-server.ts";
