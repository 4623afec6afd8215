/** Where requests carry their tokens. Envoy `source/extensions/filters/http/jwt_authn/extractor.cc`. */
import type { JwtProvider } from "@tulle/xds/gen/envoy/extensions/filters/http/jwt_authn/v3/config_pb.js";
import { bytesOf } from "../format/byte-text.ts";
import type { QueryMutation } from "../query-mutations.ts";

/** Names and prefixes are bytes. */
export interface TokenPlaces {
  readonly headers: readonly TokenHeader[];
  readonly parameters: readonly TokenParameter[];
  readonly cookies: readonly TokenCookie[];
  /** Headers that the providers set, lower-case. */
  readonly ownHeaders: readonly string[];
}

interface TokenPlace {
  /** Whose tokens may be here; null: anybody's. */
  readonly issuers: ReadonlySet<string> | null;
}

export interface TokenHeader extends TokenPlace {
  readonly kind: "header";
  /** Lower-case. */
  readonly name: string;
  /** What comes before the token, "" if nothing does. */
  readonly prefix: string;
}

export interface TokenParameter extends TokenPlace {
  readonly kind: "parameter";
  readonly name: string;
  readonly removal: readonly QueryMutation[];
}

/** Tokens stay in their cookies. */
export interface TokenCookie extends TokenPlace {
  readonly kind: "cookie";
  readonly name: string;
}

/** The places of one provider, or of several at once: in the order of their names. */
export function compileTokenPlaces(providers: readonly JwtProvider[]): TokenPlaces {
  const headers = new Places<Omit<TokenHeader, "issuers">>();
  const parameters = new Places<Omit<TokenParameter, "issuers">>();
  const cookies = new Places<Omit<TokenCookie, "issuers">>();
  for (const { issuer, fromHeaders, fromParams, fromCookies } of providers) {
    const header = (text: string, valuePrefix: string): void => {
      const name = text.toLowerCase();
      const prefix = bytesOf(valuePrefix);
      headers.add(name + prefix, issuer, { kind: "header", name, prefix });
    };
    const parameter = (text: string): void => {
      const name = bytesOf(text);
      parameters.add(name, issuer, { kind: "parameter", name, removal: [{ op: "remove", key: name }] });
    };
    for (const { name, valuePrefix } of fromHeaders) header(name, valuePrefix);
    for (const name of fromParams) parameter(name);
    for (const name of fromCookies) cookies.add(bytesOf(name), issuer, { kind: "cookie", name: bytesOf(name) });
    if (fromHeaders.length + fromParams.length + fromCookies.length > 0) continue;
    header("authorization", "Bearer ");
    parameter("access_token");
  }
  return {
    headers: headers.sorted(),
    parameters: parameters.sorted(),
    cookies: cookies.sorted(),
    ownHeaders: [...new Set(providers.flatMap(headersOf))],
  };
}

/** Headers that a provider sets, lower-case. */
export function headersOf({ forwardPayloadHeader, claimToHeaders }: JwtProvider): readonly string[] {
  const names = [forwardPayloadHeader, ...claimToHeaders.map(({ headerName }) => headerName)];
  return names.filter((name) => name !== "").map((name) => name.toLowerCase());
}

/** Places by what they are sorted by. */
class Places<Place> {
  private readonly byKey = new Map<string, { readonly place: Place; readonly issuers: Set<string> }>();

  add(key: string, issuer: string, place: Place): void {
    const known = this.byKey.get(key);
    if (known === undefined) this.byKey.set(key, { place, issuers: new Set([issuer]) });
    else known.issuers.add(issuer);
  }

  sorted(): (Place & TokenPlace)[] {
    const entries = [...this.byKey].sort(([a], [b]) => (a < b ? -1 : 1));
    // A provider without issuer takes all.
    return entries.map(([, { place, issuers }]) => ({ ...place, issuers: issuers.has("") ? null : issuers }));
  }
}
