/** RequestAuthentications as Envoy's filter that verifies tokens. (istio/istio `pilot/pkg/security/authn/policy_applier.go`) */
import { create } from "@bufbuild/protobuf";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { JwtRule } from "@tulle/api";
import { JwtAuthenticationSchema } from "@tulle/xds/gen/envoy/extensions/filters/http/jwt_authn/v3/config_pb.js";
import type {
  JwtProviderSchema,
  JwtRequirementSchema,
} from "@tulle/xds/gen/envoy/extensions/filters/http/jwt_authn/v3/config_pb.js";
import { HttpFilterSchema } from "@tulle/xds/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import type { HttpFilter } from "@tulle/xds/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import { fromText, milliseconds } from "../durations.ts";
import { packed } from "../packed.ts";
import { JWT_FILTER, JWT_PAYLOAD } from "./matchers.ts";

type ProviderInit = MessageInitShape<typeof JwtProviderSchema>;
type RequirementInit = MessageInitShape<typeof JwtRequirementSchema>;

export interface TokenInput {
  readonly rules: readonly JwtRule[];
  /** Cluster that the keys at a URL are fetched from; undefined: there is none. */
  readonly keysFrom: (uri: string) => string | undefined;
  /** Whether routes may go by claims, as at gateways. */
  readonly clearRouteCache: boolean;
}

const FETCH_TIMEOUT_MS = 5_000;
/** How long fetched keys are good. (Istio's for Envoys that fetch by themselves) */
const KEYS_LAST_MS = 300_000;
/** Claims that are lists with spaces, whatever is said. (buildSpaceDelimitedClaims) */
const SPACE_DELIMITED: readonly string[] = ["permission", "scope"];

/** A key of which nobody has the private half: where there are no keys to be had, no token passes. */
const NOBODYS_KEYS = JSON.stringify({
  keys: [
    {
      kty: "EC",
      crv: "P-256",
      x: "9iPAsx4-tvzzv0qCM22Qf45LTM0XPyN-DM_EphV8ToI",
      y: "6HpkF3Q8u-dPt9vIVeKpLNhtQRqZWnfFEVcudCR9E98",
    },
  ],
});

/**
 * A token of a provider must be valid where there is one; none is none, unless one must be there. Where several providers look in one place, a token of one is an invalid
 * one of the others: so one valid is enough, too.
 */
export function tokenFilter(input: TokenInput): HttpFilter | undefined {
  const { rules } = input;
  if (rules.length === 0) return undefined;
  const named = rules.map((rule, index) => [`origins-${index}`, provider(rule, input)] as const);
  const valid = named.map(([name]): RequirementInit => ({ requiresType: { case: "providerName", value: name } }));
  const validOrMissing = valid.map((each, index) =>
    rules[index]?.presence === "REQUIRED" ? each : anyOf([each, { requiresType: { case: "allowMissing", value: {} } }]),
  );
  const [only, ...more] = validOrMissing;
  const requires = more.length === 0 ? only! : anyOf([...valid, allOf(validOrMissing)]);
  const config = create(JwtAuthenticationSchema, {
    providers: Object.fromEntries(named),
    rules: [
      {
        match: { pathSpecifier: { case: "prefix", value: "/" } },
        requirementType: { case: "requires", value: requires },
      },
    ],
    bypassCorsPreflight: true,
  });
  return create(HttpFilterSchema, {
    name: JWT_FILTER,
    configType: { case: "typedConfig", value: packed(JwtAuthenticationSchema, config) },
  });
}

function anyOf(requirements: RequirementInit[]): RequirementInit {
  return { requiresType: { case: "requiresAny", value: { requirements } } };
}

function allOf(requirements: RequirementInit[]): RequirementInit {
  return { requiresType: { case: "requiresAll", value: { requirements } } };
}

function provider(rule: JwtRule, { keysFrom, clearRouteCache }: TokenInput): ProviderInit {
  return {
    issuer: rule.issuer ?? "",
    audiences: [...(rule.audiences ?? [])],
    forward: rule.forwardOriginalToken === true,
    forwardPayloadHeader: rule.outputPayloadToHeader ?? "",
    payloadInMetadata: JWT_PAYLOAD,
    normalizePayloadInMetadata: {
      spaceDelimitedClaims: [...new Set([...SPACE_DELIMITED, ...(rule.spaceDelimitedClaims ?? [])])].sort(),
    },
    clearRouteCache,
    claimToHeaders: (rule.outputClaimToHeaders ?? []).map(({ header, claim }) => ({
      headerName: header,
      claimName: claim,
    })),
    fromHeaders: (rule.fromHeaders ?? []).map(({ name, prefix = "" }) => ({ name, valuePrefix: prefix })),
    fromParams: [...(rule.fromParams ?? [])],
    fromCookies: [...(rule.fromCookies ?? [])],
    jwksSourceSpecifier: keys(rule, keysFrom),
  };
}

/** Proxies fetch keys by themselves: no URL of a user's is called from here, and keys go on changing while nobody is here. */
function keys(
  { jwks, jwksUri, timeout }: JwtRule,
  keysFrom: TokenInput["keysFrom"],
): NonNullable<ProviderInit["jwksSourceSpecifier"]> {
  const cluster = jwksUri === undefined ? undefined : keysFrom(jwksUri);
  if (jwksUri === undefined || cluster === undefined) {
    return { case: "localJwks", value: { specifier: { case: "inlineString", value: jwks ?? NOBODYS_KEYS } } };
  }
  return {
    case: "remoteJwks",
    value: {
      httpUri: {
        uri: jwksUri,
        httpUpstreamType: { case: "cluster", value: cluster },
        timeout: timeout === undefined ? milliseconds(FETCH_TIMEOUT_MS) : fromText(timeout),
      },
      cacheDuration: milliseconds(KEYS_LAST_MS),
      // Before anybody asks; a listener waits for the first attempt.
      asyncFetch: {},
    },
  };
}
