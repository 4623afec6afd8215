import { useCallback } from "react";
import { useLocation, useSearch } from "wouter";
import { hrefHere, hrefTo } from "./address.ts";
import type { Parameters } from "./address.ts";

export interface Address {
  readonly path: string;
  readonly query: URLSearchParams;
  /** Of another page, in the same scope and time. */
  readonly to: (path: string, parameters?: Parameters) => string;
  /** Of this page, changed. */
  readonly here: (parameters: Parameters) => string;
  readonly go: (path: string, parameters?: Parameters) => void;
  /** Changes this page's address; `replace` leaves no step to go back to. */
  readonly change: (parameters: Parameters, options?: { readonly replace?: boolean }) => void;
}

/** Addresses relative to where one is. */
export function useAddress(): Address {
  const [path, navigate] = useLocation();
  const search = useSearch();
  const to = useCallback((other: string, parameters?: Parameters) => hrefTo(other, search, parameters), [search]);
  const here = useCallback((parameters: Parameters) => hrefHere(path, search, parameters), [path, search]);
  const go = useCallback(
    (other: string, parameters?: Parameters) => navigate(hrefTo(other, search, parameters)),
    [navigate, search],
  );
  const change = useCallback(
    (parameters: Parameters, options: { readonly replace?: boolean } = {}) =>
      navigate(hrefHere(path, search, parameters), { replace: options.replace ?? false }),
    [navigate, path, search],
  );
  return { path, query: new URLSearchParams(search), to, here, go, change };
}
