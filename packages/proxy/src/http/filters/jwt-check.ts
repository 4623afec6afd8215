/** What is asked of the tokens of one request. Envoy `source/extensions/filters/http/jwt_authn/{verifier,authenticator}.cc`. */
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { X_ENVOY_ORIGINAL_PATH } from "../../codec/header-names.ts";
import { type KeySet, verifySignature } from "../../jwt/key-set.ts";
import { JWT_STATUS, type JwtStatus } from "../../jwt/status.ts";
import { type Jwt, comparableAudience, parseJwt, timeFault } from "../../jwt/token.ts";
import type { JwtRequirementPlan } from "../../plan/filters/jwt-authn.ts";
import type { TokenPlaces } from "../../plan/filters/jwt-token-places.ts";
import { bytesOf } from "../../plan/format/byte-text.ts";
import type { Exchange } from "../exchange.ts";
import { payloadForMetadata, writeClaims } from "./jwt-claims.ts";
import type { Issuer, Issuers } from "./jwt-issuers.ts";
import type { KeysWaiter } from "./jwt-remote-keys.ts";
import { type FoundToken, findTokens, removeToken } from "./jwt-tokens.ts";

/** Of the path in a realm. Source: Envoy `jwt_authn/filter.cc`, MaximumUriLength. */
const MAX_REALM_PATH = 256;

/** One requirement in a tree of them. */
interface Node {
  readonly plan: JwtRequirementPlan;
  readonly parent: Node | null;
  readonly children: Node[];
  /** Null: not known yet. */
  status: JwtStatus | null;
  childrenDone: number;
}

/** The check of one request against a tree of requirements; keys that have to be fetched may make it wait. */
export class JwtCheck {
  readonly exchange: Exchange;
  readonly issuers: Issuers;
  /** Null: it waits. */
  result: JwtStatus | null = null;
  /** Called with the result where there is none when `start` returns. */
  onResult: ((result: JwtStatus) => void) | null = null;
  /** For dynamic metadata. */
  findings: Record<string, JsonValue> | null = null;
  /** A claim went where the routes may look. */
  reroutes = false;
  /** A header that a claim cannot be written to; "" for none. */
  invalidHeader = "";
  /** The path as it was before a token was taken out of it. */
  private readonly path: string;
  private readonly root: Node;
  private readonly waiting = new Set<Authentication>();

  constructor(exchange: Exchange, issuers: Issuers, requirement: JwtRequirementPlan) {
    this.exchange = exchange;
    this.issuers = issuers;
    this.path = exchange.request.path;
    this.root = node(requirement, null);
  }

  /** What a refusal names. Envoy `Http::Utility::buildOriginalUri`. */
  get originalUri(): string {
    const { scheme, authority, headers } = this.exchange.request;
    // CONNECT has no path.
    if (this.path === "") return "";
    const path = headers.has(X_ENVOY_ORIGINAL_PATH) ? headers.get(X_ENVOY_ORIGINAL_PATH) : this.path;
    return `${scheme}://${authority}${path.slice(0, MAX_REALM_PATH)}`;
  }

  start(): void {
    this.verify(this.root);
  }

  /** The exchange is over. */
  cancel(): void {
    this.onResult = null;
    for (const authentication of this.waiting) authentication.cancel();
    this.waiting.clear();
  }

  private verify(at: Node): void {
    const { plan } = at;
    switch (plan.kind) {
      case "nothing":
        this.complete(at, JWT_STATUS.ok);
        break;
      case "provider":
        new Authentication(this, at, plan.places, this.issuers.of(plan.provider), plan.audiences, "none").run();
        break;
      case "optional":
        new Authentication(this, at, plan.places, null, null, plan.allowsFailed ? "failed" : "missing").run();
        break;
      default:
        // Children are asked in turn; those whose keys have to be fetched are waited for together.
        for (let i = 0; i < plan.children.length && at.status === null; i++) {
          const child = node(plan.children[i], at);
          at.children.push(child);
          this.verify(child);
        }
    }
  }

  complete(at: Node, status: JwtStatus): void {
    if (at.status !== null) return;
    at.status = status;
    if (at.parent !== null) this.onChild(at.parent, status);
    else this.finish(status);
  }

  private onChild(group: Node, status: JwtStatus): void {
    const { plan } = group;
    if (group.status !== null || (plan.kind !== "any" && plan.kind !== "all")) return;
    const all = ++group.childrenDone === plan.children.length;
    if (plan.kind === "all") {
      if (all || status !== JWT_STATUS.ok) this.complete(group, status);
    } else if (status === JWT_STATUS.ok) this.complete(group, status);
    else if (all) {
      const failure = failureOf(group);
      const forgiven = plan.allowsFailed || (plan.allowsMissing && failure === JWT_STATUS.missed);
      this.complete(group, forgiven ? JWT_STATUS.ok : failure);
    }
  }

  private finish(status: JwtStatus): void {
    const { onResult } = this;
    this.result = status;
    this.cancel();
    onResult?.(status);
  }

  find(key: string, value: JsonObject): void {
    (this.findings ??= {})[key] = value;
  }

  await(authentication: Authentication): void {
    this.waiting.add(authentication);
  }

  awaited(authentication: Authentication): void {
    this.waiting.delete(authentication);
  }
}

function node(plan: JwtRequirementPlan, parent: Node | null): Node {
  return { plan, parent, children: [], status: null, childrenDone: 0 };
}

/** What most deserves to be told: that a token is bad, before that it is a stranger's, before that there is none. */
function failureOf({ children }: Node): JwtStatus {
  let failure: JwtStatus = JWT_STATUS.missed;
  for (const { status } of children) {
    if (status === null) continue;
    const tells = status !== JWT_STATUS.missed && status !== JWT_STATUS.unknownIssuer;
    if (tells || failure === JWT_STATUS.missed) failure = status;
  }
  return failure;
}

/** All tokens that one requirement can find. */
class Authentication implements KeysWaiter {
  private readonly check: JwtCheck;
  private readonly at: Node;
  private readonly places: TokenPlaces;
  /** Null: the one that the token names. */
  private readonly provider: Issuer | null;
  private readonly audiences: ReadonlySet<string> | null;
  private readonly allows: "none" | "missing" | "failed";
  private tokens: FoundToken[] = [];
  // The token that is being looked at.
  private token: FoundToken | null = null;
  private jwt: Jwt | null = null;
  private issuer: Issuer | null = null;

  constructor(
    check: JwtCheck,
    at: Node,
    places: TokenPlaces,
    provider: Issuer | null,
    audiences: ReadonlySet<string> | null,
    allows: "none" | "missing" | "failed",
  ) {
    this.check = check;
    this.at = at;
    this.places = places;
    this.provider = provider;
    this.audiences = audiences;
    this.allows = allows;
  }

  run(): void {
    const { request } = this.check.exchange;
    const { ownHeaders } = this.places;
    // What other providers of this request have written there, too.
    for (let i = 0; i < ownHeaders.length; i++) request.headers.removeNamed(ownHeaders[i]);
    this.tokens = findTokens(request, this.places);
    if (this.tokens.length === 0) this.settle(JWT_STATUS.missed);
    else this.next();
  }

  /** The last one first. A token that is good does not make up for one that is not: upstreams might take the other one. */
  private next(): void {
    for (;;) {
      this.token = this.tokens.pop() ?? null;
      if (this.token === null) return;
      const status = this.verify(this.token);
      if (status === null || this.settle(status)) return;
    }
  }

  /** True if no more tokens are to be looked at. */
  private settle(status: JwtStatus): boolean {
    const { check, allows } = this;
    if (status !== JWT_STATUS.ok) this.tellFailure(status);
    const goesOn = this.tokens.length > 0 && (status === JWT_STATUS.ok || allows !== "none");
    if (goesOn) return false;
    const forgiven = allows === "failed" || (allows === "missing" && status === JWT_STATUS.missed);
    check.complete(this.at, forgiven ? JWT_STATUS.ok : status);
    return true;
  }

  private tellFailure({ code, text: message }: JwtStatus): void {
    const issuer = this.provider ?? this.issuer ?? this.check.issuers.single;
    const key = issuer === null ? "" : issuer.plan.failedStatusKey;
    if (key !== "") this.check.find(key, { code, message });
  }

  /** Null: keys have to be fetched first. */
  private verify({ text, place }: FoundToken): JwtStatus | null {
    const { check, provider } = this;
    const { exchange, issuers } = check;
    const nowS = Math.floor(exchange.wallMs(exchange.now) / 1000);
    let known: Jwt | null = null;
    if (provider !== null) {
      known = provider.cache === null ? null : provider.cache.find(text, nowS);
      if (known === null) issuers.stats.cacheMiss.value++;
      else issuers.stats.cacheHit.value++;
    }
    let jwt = known;
    if (jwt === null) {
      const parsed = parseJwt(text);
      if (parsed.status !== null) return parsed.status;
      ({ jwt } = parsed);
    }
    if (place.issuers !== null && !place.issuers.has(jwt.issuer)) return JWT_STATUS.unknownIssuer;
    const issuer = provider ?? issuers.find(jwt.issuer);
    if (issuer === null) return JWT_STATUS.unknownIssuer;
    this.jwt = jwt;
    this.issuer = issuer;
    const fault = this.claimFault(jwt, issuer, nowS);
    if (fault !== null) return fault;
    if (known !== null) return this.accept(true);
    const keys = issuer.keys(exchange.now);
    if (keys !== null) return this.verifyKey(keys);
    if (issuer.remote === null) return JWT_STATUS.jwksNoValidKeys;
    check.await(this);
    issuer.remote.wait(this);
    return null;
  }

  private claimFault(jwt: Jwt, { plan }: Issuer, nowS: number): JwtStatus | null {
    const fault = timeFault(jwt, nowS, plan.clockSkewS);
    if (fault !== null) return fault;
    const allowed = this.audiences ?? plan.audiences;
    if (allowed.size > 0 && !jwt.audiences.some((each) => allowed.has(comparableAudience(each)))) {
      return JWT_STATUS.audienceNotAllowed;
    }
    if (plan.subjects !== null && !plan.subjects(bytesOf(jwt.subject))) return JWT_STATUS.verificationFail;
    const { maxLifetimeS } = plan;
    if (maxLifetimeS < 0) return null;
    const short = jwt.expires > 0 && jwt.expires - nowS < maxLifetimeS;
    return short ? null : JWT_STATUS.verificationFail;
  }

  onKeys(keys: KeySet | null): void {
    const { check, at } = this;
    check.awaited(this);
    if (check.result !== null || at.status !== null) return;
    if (!this.settle(keys === null ? JWT_STATUS.jwksFetchFail : this.verifyKey(keys))) this.next();
  }

  cancel(): void {
    this.issuer?.remote?.stopWaiting(this);
  }

  private verifyKey(keys: KeySet): JwtStatus {
    if (this.jwt === null) return JWT_STATUS.verificationFail;
    const status = verifySignature(this.jwt, keys);
    return status === JWT_STATUS.ok ? this.accept(false) : status;
  }

  /** What the provider wants to be made of a good token. */
  private accept(fromCache: boolean): JwtStatus {
    const { check, jwt, issuer, token, provider } = this;
    if (jwt === null || issuer === null || token === null) return JWT_STATUS.verificationFail;
    const { plan } = issuer;
    const { exchange } = check;
    const written = writeClaims(exchange.request.headers, jwt, plan);
    if (written.invalidHeader !== "") check.invalidHeader = written.invalidHeader;
    if (!plan.forward) removeToken(exchange, token.place);
    if (plan.headerKey !== "") check.find(plan.headerKey, jwt.header);
    if (plan.payloadKey !== "") check.find(plan.payloadKey, payloadForMetadata(jwt.payload, plan.spaceDelimitedClaims));
    if (plan.clearRouteCache && (written.claims || plan.payloadKey !== "")) check.reroutes = true;
    if (provider !== null && !fromCache) provider.cache?.add(token.text, jwt);
    return JWT_STATUS.ok;
  }
}
