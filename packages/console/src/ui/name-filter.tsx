/** Rows whose name holds what one types; the address keeps it. */
import type { ReactNode } from "react";
import { useAddress } from "../url/use-address.ts";

/** `what`: as in "Filter by name". */
export function NameFilter({ what }: { readonly what: string }): ReactNode {
  const { query, change } = useAddress();
  const label = `Filter by ${what}`;
  return (
    <input
      type="search"
      className="input"
      aria-label={label}
      placeholder={label}
      value={query.get("q") ?? ""}
      onChange={({ target }) => change({ q: target.value }, { replace: true })}
    />
  );
}

/** Whether a name is wanted. */
export function useNameFilter(): (name: string) => boolean {
  const text = (useAddress().query.get("q") ?? "").toLowerCase();
  return (name) => name.toLowerCase().includes(text);
}
