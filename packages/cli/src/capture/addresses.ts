/** What capturing needs of a network beside rules, as arguments of `ip`; each is undone by itself with `del` for `add`. */
import type { Family } from "./rule.ts";
import type { CaptureRuleOptions } from "./rules.ts";

export function addressesAndRoutes(
  { families, mode, tproxyMark }: CaptureRuleOptions,
  tproxyTable: number,
): readonly (readonly string[])[] {
  return [
    ...(families.includes(6) ? [PASSTHROUGH_SOURCE_IPV6] : []),
    ...(mode === "TPROXY" ? families.flatMap((family) => tproxyRoutes(family, tproxyMark, tproxyTable)) : []),
  ];
}

/** The proxy's connections to the application come from there. 127.0.0.6 needs nothing: all of 127.0.0.0/8 is this machine. */
const PASSTHROUGH_SOURCE_IPV6 = ["-6", "address", "add", "::6/128", "dev", "lo"];

/** They lead marked packets to this machine's own sockets, whoever they are addressed to. */
function tproxyRoutes(family: Family, mark: number, table: number): readonly (readonly string[])[] {
  return [
    [`-${family}`, "rule", "add", "fwmark", `${mark}`, "lookup", `${table}`],
    [`-${family}`, "route", "add", "local", "default", "dev", "lo", "table", `${table}`],
  ];
}
