/** EnvoyFilter (istio/api `networking/v1alpha3/envoy_filter.proto`). */
import { nonEmpty } from "../../schema/formats.ts";
import { deprecated, enumOf, integer, list, map, object, opaque, regex, string } from "../../schema/schema.ts";
import type { Infer } from "../../schema/schema.ts";
import { labelsSelector, targetRefs } from "./selector.ts";

const portNumber = integer({ min: 0, max: 65535 });
const named = object({ name: string() });

const listenerMatch = object({
  portNumber,
  portName: deprecated(string(), "it has no effect; use portNumber"),
  filterChain: object({
    name: string(),
    sni: string(),
    transportProtocol: string(),
    transportSocket: string(),
    applicationProtocols: string(),
    filter: object({ name: string(), subFilter: named }),
    destinationPort: portNumber,
  }),
  listenerFilter: string(),
  name: string(),
});

const routeConfigurationMatch = object({
  portNumber,
  portName: string(),
  gateway: string(),
  vhost: object({
    name: string(),
    domainName: string(),
    route: object({ name: string(), action: enumOf(["ANY", "ROUTE", "REDIRECT", "DIRECT_RESPONSE"]) }),
  }),
  name: string(),
});

const configPatch = object({
  applyTo: enumOf(
    [
      "LISTENER",
      "FILTER_CHAIN",
      "NETWORK_FILTER",
      "HTTP_FILTER",
      "ROUTE_CONFIGURATION",
      "VIRTUAL_HOST",
      "HTTP_ROUTE",
      "CLUSTER",
      "EXTENSION_CONFIG",
      "LISTENER_FILTER",
    ],
    { BOOTSTRAP: "a bootstrap file of your own" },
  ),
  match: object(
    {
      context: enumOf(["ANY", "SIDECAR_INBOUND", "SIDECAR_OUTBOUND", "GATEWAY", "WAYPOINT"]),
      proxy: object({ proxyVersion: regex(), metadata: map(string()) }),
      listener: listenerMatch,
      routeConfiguration: routeConfigurationMatch,
      cluster: object({ portNumber, service: string(), subset: string(), name: string() }),
      waypoint: object({
        portNumber: integer({ min: 1, max: 65535 }),
        route: named,
        filter: object({ name: string(), subFilter: named }),
      }),
    },
    { oneOf: [["listener", "routeConfiguration", "cluster", "waypoint"]] },
  ),
  patch: object({
    operation: enumOf([
      "MERGE",
      "ADD",
      "REMOVE",
      "INSERT_BEFORE",
      "INSERT_AFTER",
      "INSERT_FIRST",
      "REPLACE",
      "MERGE_AND_REPLACE_LIST",
    ]),
    value: opaque(),
    filterClass: enumOf(["UNSPECIFIED", "AUTHN", "AUTHZ", "STATS"]),
  }),
});
export type EnvoyConfigObjectPatch = Infer<typeof configPatch>;

export const envoyFilterSpec = object(
  {
    workloadSelector: labelsSelector,
    targetRefs,
    configPatches: list(configPatch),
    priority: integer(),
    /** Pre-1.4 form, gone from the API; kept so that the error can name the way out. */
    filters: deprecated(list(opaque()), "it is ignored; use configPatches"),
    workloadLabels: deprecated(map(string(nonEmpty)), "it is ignored; use workloadSelector.labels"),
  },
  { oneOf: [["workloadSelector", "targetRefs"]] },
);
export type EnvoyFilterSpec = Infer<typeof envoyFilterSpec>;
