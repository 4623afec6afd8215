/** Random policies and requests out of few words, so that they often meet. */
import type { AuthorizationPolicySpec } from "@tulle/api";
import type { Claim, Request } from "./request.ts";
import type { Policy } from "./specification.ts";

type Rule = NonNullable<AuthorizationPolicySpec["rules"]>[number];

export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** From 0 to below `n`. (mulberry32) */
  below(n: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 4294967296) * n);
  }

  one<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }

  chance(percent: number): boolean {
    return this.below(100) < percent;
  }

  /** One or more of a list. */
  some<T>(list: readonly T[], most = 3): T[] {
    return Array.from({ length: 1 + this.below(most) }, () => this.one(list));
  }
}

export const TRUST_DOMAINS: readonly (readonly string[])[] = [["cluster.local"], ["new.td", "old.td"], ["td"]];

const NAMESPACES = ["default", "shop", "shop-eu"];
const ACCOUNTS = ["a", "b", "cart"];
const DOMAINS = ["cluster.local", "new.td", "old.td", "td", "far.test"];
const METHODS = ["GET", "POST", "PUT"];
const HOSTS = ["a.test", "b.test", "api.b.test", "A.Test", "a.test:80", "echo"];
const PATHS = [
  "/",
  "/a",
  "/a/b",
  "/a/b/c",
  "/a/",
  "/admin",
  "/admin/x",
  "/static/x.css",
  "/a/x/c",
  "/v1/users/7/posts",
];
const IPS = ["127.0.0.1", "127.0.0.2", "127.0.1.1"];
const CLIENTS = ["", "10.0.0.1", "10.0.1.1", "192.168.1.9"];
const PORTS = [8080, 9090];
const SNIS = ["", "a.test", "api.b.test"];
const VALUES = ["one", "two", "twofold", "three"];
const ISSUERS = ["iss", "https://issuer.test/x"];
const SUBJECTS = ["sub", "bob"];

function pattern(random: Random, words: readonly string[]): string {
  const word = random.one(words);
  if (word === "") return "*";
  switch (random.below(6)) {
    case 0:
      return `${word.slice(0, 1 + random.below(word.length))}*`;
    case 1:
      return `*${word.slice(random.below(word.length))}`;
    case 2:
      return "*";
    default:
      return word;
  }
}

function principal(random: Random): string {
  const [domain, namespace, account] = [random.one([...DOMAINS, "*"]), random.one(NAMESPACES), random.one(ACCOUNTS)];
  switch (random.below(6)) {
    case 0:
      return "*";
    case 1:
      return `*/sa/${account}`;
    case 2:
      return domain === "*" ? "*" : `${domain}/ns/${namespace}/*`;
    default:
      return `${domain}/ns/${namespace}/sa/${account}`;
  }
}

function namespacePattern(random: Random): string {
  return random.one([...NAMESPACES, "*", "shop*", "*-eu", "s*p"]);
}

function account(random: Random): string {
  const name = random.one(ACCOUNTS);
  return random.chance(50) ? name : `${random.one(NAMESPACES)}/${name}`;
}

function trustDomain(random: Random): string {
  return random.one([...DOMAINS, "*", "*.td", "old*", "*.local"]);
}

function requestPrincipal(random: Random): string {
  const [issuer, subject] = [random.one(ISSUERS), random.one(SUBJECTS)];
  return random.one([
    `${issuer}/${subject}`,
    "*",
    `${issuer}/*`,
    `*/${subject}`,
    `${issuer}/${subject.slice(0, 1)}*`,
    "is*",
    "*b",
  ]);
}

function block(random: Random, addresses: readonly string[]): string {
  const address = random.one(addresses.filter((one) => one !== ""));
  const bits = random.one([8, 16, 24, 31, 32, undefined]);
  return bits === undefined ? address : `${address}/${bits}`;
}

function path(random: Random): string {
  return random.chance(25)
    ? random.one(["/a/{*}", "/a/{*}/c", "/a/{**}", "/{*}/b/{**}", "/v1/users/{*}/posts", "/{**}/c", "/{*}"])
    : pattern(random, PATHS);
}

/** Attributes with how their values are made. */
type Fields = Readonly<Record<string, (random: Random) => string>>;

const SOURCE: Fields = {
  principals: principal,
  requestPrincipals: requestPrincipal,
  namespaces: namespacePattern,
  serviceAccounts: account,
  trustDomains: trustDomain,
  ipBlocks: (random) => block(random, IPS),
  remoteIpBlocks: (random) => block(random, [...CLIENTS, ...IPS]),
};

const OPERATION: Fields = {
  hosts: (random) => pattern(random, HOSTS),
  ports: (random) => String(random.one(PORTS)),
  methods: (random) => pattern(random, METHODS),
  paths: path,
};

const KEYS: Fields = {
  "request.headers[x-a]": (random) => pattern(random, VALUES),
  "request.headers[X-B]": (random) => pattern(random, VALUES),
  "source.ip": (random) => block(random, IPS),
  "remote.ip": (random) => block(random, [...CLIENTS, ...IPS]),
  "source.namespace": namespacePattern,
  "source.serviceAccount": account,
  "source.trustDomain": trustDomain,
  "source.principal": principal,
  "request.auth.principal": requestPrincipal,
  "request.auth.audiences": (random) => pattern(random, VALUES),
  "request.auth.presenter": (random) => pattern(random, VALUES),
  "request.auth.claims[groups]": (random) => pattern(random, VALUES),
  "request.auth.claims[nested][name]": (random) => pattern(random, VALUES),
  "destination.ip": (random) => block(random, IPS),
  "destination.port": (random) => String(random.one(PORTS)),
  "connection.sni": (random) => pattern(random, SNIS),
};

/** A few of the fields, each with values that it may have, or may not, or both. */
function attributes(random: Random, fields: Fields): Record<string, string[]> {
  const result: Record<string, string[]> = {};
  for (const name of random.some(Object.keys(fields), 2)) {
    // Accounts stand beside no principals and no namespaces.
    if (name !== "serviceAccounts" && "serviceAccounts" in result) continue;
    if (name === "serviceAccounts" && Object.keys(result).length > 0) continue;
    const values = (): string[] =>
      random.some(
        Array.from({ length: 3 }, () => fields[name]!(random)),
        2,
      );
    const which = random.below(4);
    if (which !== 3) result[name] = values();
    if (which >= 2) result[`not${name[0]!.toUpperCase()}${name.slice(1)}`] = values();
  }
  return result;
}

function rule(random: Random): Rule {
  const condition = () => {
    const key = random.one(Object.keys(KEYS));
    const values = (): string[] =>
      random.some(
        Array.from({ length: 3 }, () => KEYS[key]!(random)),
        2,
      );
    return random.chance(70) ? { key, values: values() } : { key, notValues: values() };
  };
  const list = <T>(percent: number, make: () => T): T[] | undefined =>
    random.chance(percent) ? Array.from({ length: 1 + random.below(2) }, make) : undefined;
  const from = list(45, () => ({ source: attributes(random, SOURCE) }));
  const to = list(50, () => ({ operation: attributes(random, OPERATION) }));
  const when = list(35, condition);
  return {
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
    ...(when === undefined ? {} : { when }),
  };
}

export function randomPolicies(random: Random): Policy[] {
  return Array.from({ length: 1 + random.below(3) }, (): Policy => {
    const action = random.one(["ALLOW", "ALLOW", "DENY", "DENY", "AUDIT"] as const);
    // Rules may only be left out where that says something.
    const empty = action === "ALLOW" && random.chance(4);
    const rules = empty ? [] : Array.from({ length: 1 + random.below(3) }, () => rule(random));
    return { namespace: random.one(NAMESPACES), spec: { action, rules } };
  });
}

function token(random: Random): Request["token"] {
  const claims: Record<string, Claim> = { iss: random.one(ISSUERS), sub: random.one(SUBJECTS) };
  if (random.chance(60)) claims["aud"] = random.chance(50) ? random.one(VALUES) : random.some(VALUES);
  if (random.chance(40)) claims["azp"] = random.one(VALUES);
  if (random.chance(60)) claims["groups"] = random.chance(30) ? random.one(VALUES) : random.some(VALUES);
  if (random.chance(40)) claims["nested"] = { name: random.chance(50) ? random.one(VALUES) : random.some(VALUES) };
  return claims;
}

/** Who connects with TLS; "" shows no certificate. */
const IDENTITIES: readonly string[] = DOMAINS.flatMap((domain) =>
  NAMESPACES.flatMap((namespace) => ACCOUNTS.map((name) => `spiffe://${domain}/ns/${namespace}/sa/${name}`)),
);

export function randomRequest(random: Random, identities: readonly string[] = IDENTITIES): Request {
  const headers: Record<string, string[]> = {};
  for (const name of ["x-a", "x-b"])
    if (random.chance(55)) headers[name] = random.chance(90) ? [random.one(VALUES)] : random.some(VALUES);
  const query = random.chance(15) ? random.one(["?q=1", "?/admin"]) : "";
  return {
    method: random.one(METHODS),
    path: random.one(PATHS) + query,
    host: random.one(HOSTS),
    headers,
    sourceIp: random.one(IPS),
    forwardedFor: random.one(CLIENTS),
    destinationIp: random.one(IPS),
    destinationPort: random.one(PORTS),
    tls: random.chance(75)
      ? { sni: random.one(SNIS), identity: random.chance(92) ? random.one(identities) : "" }
      : undefined,
    token: random.chance(50) ? token(random) : undefined,
  };
}
