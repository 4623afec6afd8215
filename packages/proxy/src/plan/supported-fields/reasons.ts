/** Why fields are accepted without effect, where several have the same reason. */

export const NO_UPSTREAM_LOG = "has an effect only with logs of upstream requests, which are refused";
export const OPAQUE = "has no effect of its own; shown in the configuration dump";
export const MEMORY = "tunes memory use of Envoy's allocator";

/** Resources by a gRPC service that has no others: only secrets come so. */
export const OWN_SERVICE: readonly string[] = ["api_config_source"];
