/** PeerAuthentication, RequestAuthentication, AuthorizationPolicy (istio/api `security/v1beta1/*.proto`). */
import { headerName, httpUrl, nonEmpty, oneLine, portKey } from "../../schema/formats.ts";
import { boolean, deprecated, duration, enumOf, list, map, object, required, string } from "../../schema/schema.ts";
import type { Infer } from "../../schema/schema.ts";
import { policyTargetReference, targetRefs, workloadSelector } from "./selector.ts";

const text = string(nonEmpty);
const targetRef = deprecated(policyTargetReference, "use targetRefs");

const mutualTls = object({ mode: enumOf(["UNSET", "DISABLE", "PERMISSIVE", "STRICT"]) });
export type MutualTls = Infer<typeof mutualTls>;

export const peerAuthenticationSpec = object({
  selector: workloadSelector,
  mtls: mutualTls,
  portLevelMtls: map(mutualTls, portKey),
});
export type PeerAuthenticationSpec = Infer<typeof peerAuthenticationSpec>;

const jwtRule = object(
  {
    issuer: string(),
    audiences: list(text),
    jwksUri: string(httpUrl),
    jwks: string(),
    fromHeaders: list(object({ name: required(string(headerName)), prefix: string(oneLine) })),
    fromParams: list(text),
    outputPayloadToHeader: string(headerName),
    fromCookies: list(text),
    forwardOriginalToken: boolean(),
    outputClaimToHeaders: list(object({ header: required(string(headerName)), claim: required(text) })),
    timeout: duration({ minMs: 1 }),
    spaceDelimitedClaims: list(text, { max: 64 }),
    presence: enumOf(["OPTIONAL", "REQUIRED"]),
  },
  { oneOf: [["jwksUri", "jwks"]] },
);
export type JwtRule = Infer<typeof jwtRule>;

export const requestAuthenticationSpec = object(
  { selector: workloadSelector, targetRef, targetRefs, jwtRules: list(jwtRule, { max: 4096 }) },
  { oneOf: [["selector", "targetRef", "targetRefs"]] },
);
export type RequestAuthenticationSpec = Infer<typeof requestAuthenticationSpec>;

const source = object({
  principals: list(text),
  notPrincipals: list(text),
  requestPrincipals: list(text),
  notRequestPrincipals: list(text),
  namespaces: list(text),
  notNamespaces: list(text),
  serviceAccounts: list(text, { max: 16 }),
  notServiceAccounts: list(text, { max: 16 }),
  ipBlocks: list(text),
  notIpBlocks: list(text),
  remoteIpBlocks: list(text),
  notRemoteIpBlocks: list(text),
  trustDomains: list(text),
  notTrustDomains: list(text),
});
export type AuthorizationSource = Infer<typeof source>;

const operation = object({
  hosts: list(text),
  notHosts: list(text),
  ports: list(text),
  notPorts: list(text),
  methods: list(text),
  notMethods: list(text),
  paths: list(text),
  notPaths: list(text),
});
export type AuthorizationOperation = Infer<typeof operation>;

const condition = object({ key: required(text), values: list(text), notValues: list(text) });
export type AuthorizationCondition = Infer<typeof condition>;

const rule = object({
  from: list(object({ source }), { max: 512 }),
  to: list(object({ operation })),
  when: list(condition),
});
export type AuthorizationRule = Infer<typeof rule>;

export const authorizationPolicySpec = object(
  {
    selector: workloadSelector,
    targetRef,
    targetRefs,
    rules: list(rule, { max: 512 }),
    action: enumOf(["ALLOW", "DENY", "AUDIT", "CUSTOM"]),
    provider: object({ name: string() }),
  },
  { oneOf: [["selector", "targetRef", "targetRefs"]] },
);
export type AuthorizationPolicySpec = Infer<typeof authorizationPolicySpec>;
