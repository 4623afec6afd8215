import { useAddress } from "./use-address.ts";
import { BASE } from "../api/client.ts";

/**
 * A part of the path, from 0, as it was before it was escaped: names may hold anything. (wouter's own parameters leave what `decodeURI`
 * leaves, `%3D` and `%2F` among it.)
 */
export function usePathPart(index: number): string {
  useAddress(); // so that it is asked again when the path changes
  const raw = location.pathname.slice(BASE.length).split("/")[index + 1] ?? "";
  try {
    return decodeURIComponent(raw);
  } catch (error) {
    if (!(error instanceof URIError)) throw error;
    return raw; // nobody of ours wrote that
  }
}
