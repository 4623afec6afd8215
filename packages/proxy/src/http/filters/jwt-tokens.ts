/** Finds tokens in requests, and takes them out. Envoy `source/extensions/filters/http/jwt_authn/extractor.cc`. */
import type { RequestHead } from "../../codec/messages.ts";
import type { TokenCookie, TokenHeader, TokenParameter, TokenPlaces } from "../../plan/filters/jwt-token-places.ts";
import { decodedParameter, mutateQuery } from "../../plan/query-mutations.ts";
import { cookieValue } from "../../plan/request-matchers.ts";
import type { Exchange } from "../exchange.ts";

type TokenPlace = TokenHeader | TokenParameter | TokenCookie;

export interface FoundToken {
  readonly text: string;
  readonly place: TokenPlace;
}

/** Headers, parameters, cookies. */
export function findTokens(request: RequestHead, { headers, parameters, cookies }: TokenPlaces): FoundToken[] {
  const found: FoundToken[] = [];
  for (const place of headers) {
    VALUES.length = 0;
    request.headers.collect(place.name, VALUES);
    for (const value of VALUES) {
      const text = afterPrefix(value, place.prefix);
      if (text !== null) found.push({ text, place });
    }
  }
  if (parameters.length > 0 && request.path.includes("?")) {
    for (const place of parameters) {
      const text = decodedParameter(request.path, place.name);
      if (text !== undefined) found.push({ text, place });
    }
  }
  for (const place of cookies) {
    const text = cookieValue(request, place.name);
    if (text !== undefined) found.push({ text, place });
  }
  return found;
}

const VALUES: string[] = [];

/** From the first character after the prefix that a token can have; the whole value if there is none. Null without the prefix. */
function afterPrefix(value: string, prefix: string): string | null {
  if (prefix === "") return value;
  const at = value.indexOf(prefix);
  if (at < 0) return null;
  TOKEN_CHARACTER.lastIndex = at + prefix.length;
  const start = TOKEN_CHARACTER.exec(value)?.index;
  return start === undefined ? value : value.slice(start);
}

const TOKEN_CHARACTER = /[\w.-]/g;

/** A header goes with all its lines; cookies stay. */
export function removeToken(exchange: Exchange, place: TokenPlace): void {
  const { request } = exchange;
  if (place.kind === "header") request.headers.removeNamed(place.name);
  else if (place.kind === "parameter") request.path = mutateQuery(request.path, place.removal, exchange);
}
