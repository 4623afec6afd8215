import type { DataSource } from "@tulle/xds/gen/envoy/config/core/v3/base_pb.js";
import type {
  JwtClaimToHeader,
  JwtProvider,
  RemoteJwks,
} from "@tulle/xds/gen/envoy/extensions/filters/http/jwt_authn/v3/config_pb.js";
import { type KeySet, KeySetFault, parseKeySet } from "../../jwt/key-set.ts";
import { DEFAULT_CLOCK_SKEW_S, comparableAudience } from "../../jwt/token.ts";
import { readDataSource } from "../data-source.ts";
import { milliseconds } from "../duration.ts";
import { type HttpUriPlan, compileHttpUri } from "../http-uri.ts";
import type { Place } from "../problems.ts";
import type { TextTest } from "../regex.ts";
import { compileStringMatcher } from "../string-matcher.ts";
import { headersOf } from "./jwt-token-places.ts";

/** Who signs tokens, what they must say, and what becomes of it. */
export interface JwtProviderPlan {
  readonly name: string;
  /** "" for any. */
  readonly issuer: string;
  /** As `comparableAudience` writes them; empty for any. */
  readonly audiences: ReadonlySet<string>;
  /** Null for any. */
  readonly subjects: TextTest | null;
  /** How long a token may still be in force; -1: as long as it says, Infinity: as long as it says, and it must say so. */
  readonly maxLifetimeS: number;
  /** Default 60. */
  readonly clockSkewS: number;
  /** Null: none that could be used. */
  readonly localKeys: KeySet | null;
  readonly remoteKeys: RemoteJwksPlan | null;
  /** The token goes on to the upstream. */
  readonly forward: boolean;
  /** Lower-case; "" for none. */
  readonly payloadHeader: string;
  readonly padPayload: boolean;
  readonly claimHeaders: readonly ClaimHeaderPlan[];
  /** Keys of dynamic metadata, "" for none. */
  readonly payloadKey: string;
  readonly headerKey: string;
  readonly failedStatusKey: string;
  readonly spaceDelimitedClaims: readonly string[];
  /** Null: tokens are not cached. */
  readonly cache: JwtCachePlan | null;
  readonly clearRouteCache: boolean;
}

interface ClaimHeaderPlan {
  /** Lower-case. */
  readonly name: string;
  readonly path: readonly string[];
}

export interface JwtCachePlan {
  readonly tokens: number;
  /** Longer ones are not cached. */
  readonly maxTokenBytes: number;
}

export interface RemoteJwksPlan {
  readonly uri: HttpUriPlan;
  /** Default 10 min. */
  readonly cacheMs: number;
  /** Null: keys are fetched when a request needs them. */
  readonly asyncFetch: { readonly fastListener: boolean; readonly failedRefetchMs: number } | null;
  readonly retries: FetchRetries;
}

/** Number of retries, the bounds of the back-off between them, and how long each attempt may take (0: no limit of its own). */
interface FetchRetries {
  readonly count: number;
  readonly baseMs: number;
  readonly maxMs: number;
  readonly perTryMs: number;
}

/** Sources: Envoy `jwt_authn/{jwt_cache,jwks_async_fetcher}.cc`; api config/core/v3/base.proto, RetryPolicy. */
const DEFAULTS = {
  cachedTokens: 100,
  maxCachedTokenBytes: 4096,
  cacheS: 600,
  failedRefetchMs: 1000,
  retries: 1,
  retryBaseMs: 1000,
  maxIsTimesBase: 10,
};

export function compileJwtProvider(name: string, message: JwtProvider, place: Place): JwtProviderPlan {
  const { jwksSourceSpecifier: source, jwtCacheConfig: cache } = message;
  const payloadHeader = message.forwardPayloadHeader.toLowerCase();
  const claimHeaders = message.claimToHeaders.map((each, i) =>
    compileClaimHeader(name, each, place.item("claim_to_headers", i)),
  );
  for (const header of headersOf(message)) {
    if (header.startsWith(":") || header === "host") place.refuse(`a header '${header}' for claims is not supported`);
  }
  return {
    name,
    issuer: message.issuer,
    audiences: new Set(message.audiences.map(comparableAudience)),
    subjects: message.subjects === undefined ? null : compileStringMatcher(message.subjects, place.field("subjects")),
    maxLifetimeS: maxLifetimeS(message),
    clockSkewS: message.clockSkewSeconds === 0 ? DEFAULT_CLOCK_SKEW_S : message.clockSkewSeconds,
    localKeys: source.case === "localJwks" ? compileLocalKeys(name, source.value, place) : null,
    remoteKeys: source.case === "remoteJwks" ? compileRemoteKeys(name, source.value, place.field("remote_jwks")) : null,
    forward: message.forward,
    payloadHeader,
    padPayload: message.padForwardPayloadHeader,
    claimHeaders,
    payloadKey: message.payloadInMetadata,
    headerKey: message.headerInMetadata,
    failedStatusKey: message.failedStatusInMetadata,
    spaceDelimitedClaims: message.normalizePayloadInMetadata?.spaceDelimitedClaims ?? [],
    cache:
      cache === undefined
        ? null
        : {
            tokens: cache.jwtCacheSize || DEFAULTS.cachedTokens,
            maxTokenBytes: cache.jwtMaxTokenSize || DEFAULTS.maxCachedTokenBytes,
          },
    clearRouteCache: message.clearRouteCache,
  };
}

function maxLifetimeS({ maxLifetime, requireExpiration }: JwtProvider): number {
  if (maxLifetime !== undefined) return milliseconds(maxLifetime, 0) / 1000;
  return requireExpiration ? Infinity : -1;
}

function compileClaimHeader(provider: string, message: JwtClaimToHeader, place: Place): ClaimHeaderPlan {
  const { headerName, claimName, claimPath } = message;
  if ((claimName === "") === (claimPath.length === 0)) {
    place.refuse(
      `Provider '${provider}' has a claim_to_headers entry for header '${headerName}' which does not set exactly one of claim_name and claim_path`,
    );
  }
  const path = claimPath.length > 0 ? claimPath.map(({ key }) => key) : claimName.split(".");
  return { name: headerName.toLowerCase(), path };
}

/** Nothing at all is no key set, and nothing is said of it. */
function compileLocalKeys(provider: string, source: DataSource, place: Place): KeySet | null {
  const text = readDataSource(source, place.field("local_jwks"));
  if (text === "") return null;
  const keys = parseKeySet(text);
  if (!(keys instanceof KeySetFault)) return keys;
  place.field("local_jwks").refuse(`Provider '${provider}' in jwt_authn config has invalid local jwks: ${keys.text}`);
  return null;
}

function compileRemoteKeys(provider: string, message: RemoteJwks, place: Place): RemoteJwksPlan | null {
  const { httpUri, cacheDuration, asyncFetch, retryPolicy } = message;
  // Reported by the reflection check: it is required.
  if (httpUri === undefined) return null;
  if (!/^https?:\/\/[^/]/.test(httpUri.uri)) {
    place.refuse(`Provider '${provider}' has an invalid URI: '${httpUri.uri}'`);
  }
  const baseMs = milliseconds(retryPolicy?.retryBackOff?.baseInterval, DEFAULTS.retryBaseMs);
  const maxMs = milliseconds(retryPolicy?.retryBackOff?.maxInterval, baseMs * DEFAULTS.maxIsTimesBase);
  if (maxMs < baseMs)
    place.field("retry_policy").refuse("max_interval must be greater than or equal to the base_interval");
  return {
    uri: compileHttpUri(httpUri),
    // Whole seconds.
    cacheMs: cacheDuration === undefined ? DEFAULTS.cacheS * 1000 : Number(cacheDuration.seconds) * 1000,
    asyncFetch:
      asyncFetch === undefined
        ? null
        : {
            fastListener: asyncFetch.fastListener,
            failedRefetchMs: milliseconds(asyncFetch.failedRefetchDuration, DEFAULTS.failedRefetchMs),
          },
    retries:
      retryPolicy === undefined
        ? { count: 0, baseMs, maxMs, perTryMs: 0 }
        : // Envoy `Http::Utility::convertCoreToRouteRetryPolicy`.
          { count: retryPolicy.numRetries ?? DEFAULTS.retries, baseMs, maxMs, perTryMs: maxMs },
  };
}
