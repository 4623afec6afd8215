/** `hash_policy` of a route: what of a request decides where consistent hashing sends it. Behaviour: Envoy `source/common/http/hash_policy.cc`. */
import type { RouteAction_HashPolicy as HashPolicyMessage } from "@tulle/xds/gen/envoy/config/route/v3/route_components_pb.js";
import { type Hash64, rotateLeft } from "../hash/hash64.ts";
import { xxHash64 } from "../hash/xx-hash64.ts";
import { addressName } from "../ip-address.ts";
import { compileSubstitution } from "./compile-path-rewrite.ts";
import type { ConnectionView, RequestView } from "./request-views.ts";
import type { Place } from "./problems.ts";
import { type HeaderReader, headerReader, queryParameter } from "./request-matchers.ts";

/** What hashing looks at. */
export interface HashedRequest {
  readonly request: RequestView & {
    /** Adds the value of each line of that (lower-case) name. */
    collect(name: string, values: string[]): void;
  };
  /** The client's address, without a port; "" if it has none. */
  readonly clientAddress: string;
  /** Gives the client a cookie that stands for its connection, and returns its value. */
  issueCookie(cookie: IssuedCookie): string;
}

/** A cookie that is made where the client has none. */
export interface IssuedCookie {
  readonly name: string;
  /** What follows the value: `; Max-Age=60; Path=/; HttpOnly`. */
  readonly attributes: string;
}

/** Takes one thing of a request into a hash; false if the request does not have it. */
interface HashMethod {
  /** Once there is a hash, what follows is not asked. */
  readonly terminal: boolean;
  hash(source: HashedRequest, out: Hash64): boolean;
}

/** The value of a cookie that is made: the same for all requests of a connection. Source: Envoy `router.h`, addDownstreamSetCookie. */
export function connectionCookie({ remoteAddress, remotePort, localAddress, localPort }: ConnectionView): string {
  const hash: Hash64 = { high: 0, low: 0 };
  xxHash64(`${addressName(remoteAddress, remotePort)}${addressName(localAddress, localPort)}`, hash);
  return hash.high.toString(16).padStart(8, "0") + hash.low.toString(16).padStart(8, "0");
}

export class HashPolicy {
  private readonly methods: readonly HashMethod[];

  constructor(methods: readonly HashMethod[]) {
    this.methods = methods;
  }

  /** False, and nothing of value written, if the request has nothing that the policy asks for. */
  hash(source: HashedRequest, out: Hash64): boolean {
    const { methods } = this;
    let found = false;
    out.high = 0;
    out.low = 0;
    for (let i = 0; i < methods.length; i++) {
      const method = methods[i];
      part.high = 0;
      part.low = 0;
      if (method.hash(source, part)) {
        // So that the same value twice does not cancel itself.
        if (found) rotateLeft(out, 1);
        out.high = (out.high ^ part.high) >>> 0;
        out.low = (out.low ^ part.low) >>> 0;
        found = true;
      }
      if (found && method.terminal) break;
    }
    return found;
  }
}

const part: Hash64 = { high: 0, low: 0 };

/** Null if there is none. */
export function compileHashPolicy(messages: readonly HashPolicyMessage[], place: Place): HashPolicy | null {
  const methods = messages.flatMap((message, i) => compileMethod(message, place.item("hash_policy", i)) ?? []);
  return methods.length === 0 ? null : new HashPolicy(methods);
}

function compileMethod({ policySpecifier, terminal }: HashPolicyMessage, place: Place): HashMethod | null {
  switch (policySpecifier.case) {
    case "header": {
      const { headerName, regexRewrite } = policySpecifier.value;
      const rewrite =
        regexRewrite === undefined ? null : compileSubstitution(regexRewrite, place.field("header.regex_rewrite"));
      return new HeaderHash(headerName.toLowerCase(), rewrite, terminal);
    }
    case "cookie": {
      const { name, path, ttl, attributes } = policySpecifier.value;
      const parts = [
        ...(ttl === undefined || ttl.seconds === 0n ? [] : [`Max-Age=${ttl.seconds}`]),
        ...(path === "" ? [] : [`Path=${path}`]),
        ...attributes.map((each) => (each.value === "" ? each.name : `${each.name}=${each.value}`)),
        "HttpOnly",
      ];
      const issued = ttl === undefined ? null : { name, attributes: parts.map((each) => `; ${each}`).join("") };
      return new CookieHash(name, issued, terminal);
    }
    case "connectionProperties":
      return policySpecifier.value.sourceIp ? new AddressHash(terminal) : null;
    case "queryParameter":
      return new QueryHash(policySpecifier.value.name, terminal);
    default:
      // Reported by the reflection check.
      return null;
  }
}

/** Several lines count in order of their values, so that their own order does not matter. */
class HeaderHash implements HashMethod {
  readonly terminal: boolean;
  private readonly name: string;
  /** Of pseudo-headers, which have one value. */
  private readonly read: HeaderReader | null;
  private readonly rewrite: ((value: string) => string) | null;
  private readonly values: string[] = [];

  constructor(name: string, rewrite: ((value: string) => string) | null, terminal: boolean) {
    this.name = name;
    this.read = name.startsWith(":") || name === "host" ? headerReader(name) : null;
    this.rewrite = rewrite;
    this.terminal = terminal;
  }

  hash({ request }: HashedRequest, out: Hash64): boolean {
    const { read, rewrite, values } = this;
    if (read === null) request.collect(this.name, values);
    else values.push(read(request) ?? "");
    const { length } = values;
    if (rewrite !== null) for (let i = 0; i < length; i++) values[i] = rewrite(values[i]);
    if (length > 1) values.sort(byCodeUnits);
    for (let i = 0; i < length; i++) xxHash64(values[i], out);
    values.length = 0;
    return length > 0;
  }
}

function byCodeUnits(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

class CookieHash implements HashMethod {
  readonly terminal: boolean;
  private readonly name: string;
  private readonly issued: IssuedCookie | null;
  private readonly lines: string[] = [];

  constructor(name: string, issued: IssuedCookie | null, terminal: boolean) {
    this.name = name;
    this.issued = issued;
    this.terminal = terminal;
  }

  hash(source: HashedRequest, out: Hash64): boolean {
    const { issued, lines } = this;
    source.request.collect("cookie", lines);
    let value = "";
    for (let i = 0; i < lines.length && value === ""; i++) value = cookieValue(lines[i], this.name);
    lines.length = 0;
    if (value === "") {
      if (issued === null) return false;
      value = source.issueCookie(issued);
    }
    xxHash64(value, out);
    return true;
  }
}

/** The first cookie of that name, without quotes; "" if there is none. Source: Envoy `source/common/http/utility.cc`, forEachCookie. */
function cookieValue(line: string, name: string): string {
  let at = 0;
  while (at < line.length) {
    let end = line.indexOf(";", at);
    if (end < 0) end = line.length;
    while (at < end && line.charCodeAt(at) === 0x20) at++;
    if (line.startsWith(name, at) && line.charCodeAt(at + name.length) === 0x3d) {
      const value = line.slice(at + name.length + 1, end);
      return value.length >= 2 && value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value;
    }
    at = end + 1;
  }
  return "";
}

class AddressHash implements HashMethod {
  readonly terminal: boolean;

  constructor(terminal: boolean) {
    this.terminal = terminal;
  }

  hash({ clientAddress }: HashedRequest, out: Hash64): boolean {
    if (clientAddress === "") return false;
    xxHash64(clientAddress, out);
    return true;
  }
}

class QueryHash implements HashMethod {
  readonly terminal: boolean;
  private readonly name: string;

  constructor(name: string, terminal: boolean) {
    this.name = name;
    this.terminal = terminal;
  }

  hash({ request }: HashedRequest, out: Hash64): boolean {
    const value = queryParameter(request.path, this.name);
    if (value === undefined) return false;
    xxHash64(value, out);
    return true;
  }
}
