/** Cases of `lb_subset_config`: a cluster whose hosts have metadata, and routes that ask for some of it. */
import type { ContractCase, JsonObject } from "./case.ts";
import { endpoint, get, inTurn } from "./steps.ts";

export const CHOICE = "Subsets: metadata_match";
export const FALLBACK = "Subsets: fallback policies";
export const KEYS = "Subsets: keys_subset";
export const VALUES = "Subsets: values";
export const LOCALITIES = "Subsets: localities and priorities";
const REFUSED = "Subsets: what is refused";

export const lb = (fields: JsonObject): JsonObject => ({ filter_metadata: { "envoy.lb": fields } });
export const host = (name: string, fields: JsonObject, more: JsonObject = {}): JsonObject =>
  endpoint(name, { metadata: lb(fields), ...more });

/** Every request's path says which metadata it asks for: `/version=1&stage=x`; `/` asks for none. */
export function asks(...wanted: readonly (JsonObject | null)[]): Pick<ContractCase, "routes" | "client"> {
  return {
    routes: wanted.map((fields, i) => ({
      match: { path: `/${i}` },
      route: { cluster: "a", ...(fields === null ? {} : { metadata_match: lb(fields) }) },
    })),
    client: inTurn(...wanted.map((_, i) => get(`/${i}`))),
  };
}

/** How many subsets there are Envoy counts for each of its threads. */
export const STATS = ["selected", "fallback", "fallback_panic"].map((name) => `cluster.a.lb_subsets_${name}`);
export const LOG = "%RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS%";

export const selector = (keys: readonly string[], fields: JsonObject = {}): JsonObject => ({ keys, ...fields });

const THREE = [
  host("v1", { version: "1", stage: "prod" }),
  host("v2", { version: "2", stage: "prod" }),
  host("v3", { version: "3", stage: "canary" }),
];

export function subsets(
  config: JsonObject,
  endpoints: readonly (string | JsonObject)[] = THREE,
): Pick<ContractCase, "clusters"> {
  return { clusters: { a: { endpoints, lb_subset_config: config } } };
}

export const BY_VERSION = { subset_selectors: [selector(["version"])] };
export const BY_BOTH = { subset_selectors: [selector(["version"]), selector(["stage", "version"])] };

export function refused(name: string, config: JsonObject, more: Partial<ContractCase> = {}): ContractCase {
  return { name, feature: REFUSED, ...subsets(config), client: [], refused: true, ...more };
}
