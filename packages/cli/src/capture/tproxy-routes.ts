/** Routes that lead marked packets to this machine's own sockets, whoever they are addressed to: what TPROXY needs beside its rules. */
import type { Family } from "./rule.ts";

/** Arguments of `ip`, once for each family; each is undone by itself with `del` for `add`. */
export function tproxyRoutes(
  families: readonly Family[],
  { mark, table }: { readonly mark: number; readonly table: number },
): readonly (readonly string[])[] {
  return families.flatMap((family) => [
    [`-${family}`, "rule", "add", "fwmark", `${mark}`, "lookup", `${table}`],
    [`-${family}`, "route", "add", "local", "default", "dev", "lo", "table", `${table}`],
  ]);
}
