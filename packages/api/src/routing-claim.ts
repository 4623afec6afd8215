/** Keys of header matches that stand for claims of tokens. (istio/istio `pkg/jwt/routing.go` ToRoutingClaim) */

const CLAIMS = "@request.auth.claims";

/** `@request.auth.claims.a.b` or `@request.auth.claims[a][b]`: names of claims, each within the one before; undefined: it is a header. */
export function routingClaim(key: string): readonly string[] | undefined {
  if (!key.toLowerCase().startsWith(CLAIMS)) return undefined;
  const names = key.slice(CLAIMS.length);
  if (names.startsWith(".") && names.length > 1) return names.slice(1).split(".");
  if (names.startsWith("[") && names.endsWith("]") && names.length > 2) return names.slice(1, -1).split("][");
  return undefined;
}
