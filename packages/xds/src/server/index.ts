export type {
  AdsConnection,
  AdsEvents,
  AdsServerOptions,
  AdsSource,
  NackDetail,
  PeerSecurity,
  ProxySyncStatus,
  SyncState,
  TypeSyncStatus,
} from "./types.ts";
export { AdsRefusal } from "./types.ts";
export type { CallOrigin } from "./ads-server.ts";
export { ADS_SERVER_OPTIONS, AdsServer } from "./ads-server.ts";
export { SecretServer, certificateSecret, rootsSecret } from "./secret-server.ts";
