/** TLSRoute, TCPRoute and UDPRoute (Gateway API `apis/v1/{tls,tcp,udp}route_types.go`). */
import { gatewayHostname } from "../../schema/formats.ts";
import { list, object, required, string } from "../../schema/schema.ts";
import type { Infer } from "../../schema/schema.ts";
import { backendReference, commonRouteFields, sectionName } from "./references.ts";

const rules = required(
  list(object({ name: sectionName, backendRefs: required(list(backendReference, { min: 1, max: 16 })) }), {
    min: 1,
    max: 16,
  }),
);

export const tlsRouteSpec = object({
  ...commonRouteFields,
  /** Compared with the SNI. */
  hostnames: list(string(gatewayHostname), { max: 1024 }),
  rules,
});
export type TlsRouteSpec = Infer<typeof tlsRouteSpec>;

/** TCPRoute and UDPRoute have the same fields. */
export const l4RouteSpec = object({ ...commonRouteFields, rules });
export type L4RouteSpec = Infer<typeof l4RouteSpec>;
