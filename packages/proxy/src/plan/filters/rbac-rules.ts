/**
 * What policies of an RBAC filter ask: permissions of the request, principals of its sender. Behaviour: Envoy
 * `source/extensions/filters/common/rbac/matchers.cc`. All policies of a set are compiled to one graph of checks, each of which knows
 * what comes next if it passes and if not: a decision is one walk, without recursion, and asks only what it must.
 */
import type { Certificate } from "../../codec/x509/certificate.ts";
import type { CidrRange } from "@tulle/xds/gen/envoy/config/core/v3/address_pb.js";
import type { Permission, Principal } from "@tulle/xds/gen/envoy/config/rbac/v3/rbac_pb.js";
import type { HeaderMatcher } from "@tulle/xds/gen/envoy/config/route/v3/route_components_pb.js";
import type { UriTemplateMatchConfig } from "@tulle/xds/gen/envoy/extensions/path/match/uri_template/v3/uri_template_match_pb.js";
import type { PathMatcher } from "@tulle/xds/gen/envoy/type/matcher/v3/path_pb.js";
import { compileCidrRanges } from "../cidr.ts";
import { type Condition as MatcherCondition, allOf, anyOf, not, nothing } from "../matcher-tree.ts";
import { type MetadataTest, compileMetadataMatcher, metadataValue } from "../dynamic-metadata.ts";
import type { Metadata } from "../format/stream-info.ts";
import type { ConnectionView, RequestTest, RequestView } from "../request-views.ts";
import type { Place } from "../problems.ts";
import type { TextTest } from "../regex.ts";
import { compileHeaderMatcher } from "../request-matchers.ts";
import { endsAt, withoutQuery } from "../route-table.ts";
import { unpackExtension } from "../schemas.ts";
import { compileStringMatcher, never } from "../string-matcher.ts";
import { uriTemplateTest } from "../uri-template.ts";

/** What rules may look at. */
export interface RbacSubject {
  readonly request: RequestView;
  readonly connection: ConnectionView | null;
  readonly dynamicMetadata: Metadata | null;
}

/** The end of a walk. */
const RESULT = 0;
const METHOD = 1;
const HEADER = 2;
const PATH_EXACT = 3;
const PATH_PREFIX = 4;
const PATH_TEST = 5;
const LOCAL_ADDRESS = 6;
const LOCAL_PORT = 7;
const PEER_ADDRESS = 8;
const CLIENT_ADDRESS = 9;
const METADATA = 10;
const LOCAL_PORT_TEXT = 11;
const PEER_PORT_TEXT = 12;
const SERVER_NAME = 13;
const SERVER_NAME_TEXT = 14;
const ENCRYPTED = 15;
const PEER_NAME = 16;
/** The socket's peer, whoever it speaks for. */
const DIRECT_ADDRESS = 17;

interface Parts {
  readonly text?: string;
  readonly test?: TextTest;
  readonly header?: RequestTest;
  readonly low?: number;
  readonly high?: number;
  readonly metadata?: MetadataTest;
}

/** One question, of whatever kind: all have one shape. */
export class Check {
  readonly kind: number;
  readonly text: string;
  readonly test: TextTest;
  readonly header: RequestTest | null;
  /** A range of ports, [low, high); a prefix's last character; a result. */
  readonly low: number;
  readonly high: number;
  readonly metadata: MetadataTest | null;
  /** Itself at the end of a walk. */
  readonly yes: Check;
  readonly no: Check;

  constructor(kind: number, parts: Parts, yes: Check | null, no: Check | null) {
    this.kind = kind;
    this.text = parts.text ?? "";
    this.test = parts.test ?? never;
    this.header = parts.header ?? null;
    this.low = parts.low ?? 0;
    this.high = parts.high ?? 0;
    this.metadata = parts.metadata ?? null;
    this.yes = yes ?? this;
    this.no = no ?? this;
  }
}

/** Where a walk ends that says this. */
export function result(value: number): Check {
  return new Check(RESULT, { low: value }, null, null);
}

/**
 * Walks to a result.
 * @param path the request's, without what its route ignores; query and fragment may be there. CONNECT has none: nothing said of paths is true of it
 */
export function walk(start: Check, subject: RbacSubject, path: string): number {
  let check = start;
  for (;;) {
    let passed: boolean;
    switch (check.kind) {
      case RESULT:
        return check.low;
      case METHOD:
        passed = subject.request.method === check.text;
        break;
      case HEADER:
        passed = check.header !== null && check.header.matches(subject.request);
        break;
      case PATH_EXACT:
        passed = path.startsWith(check.text) && endsAt(path, check.text.length);
        break;
      case PATH_PREFIX:
        // Nearly all that differ do so in the last character.
        passed = path.charCodeAt(check.text.length - 1) === check.low && path.startsWith(check.text);
        break;
      case PATH_TEST:
        passed = path !== "" && check.test(withoutQuery(path));
        break;
      case METADATA:
        passed = metadataPasses(check.metadata, subject.dynamicMetadata);
        break;
      default:
        passed = connectionPasses(check, subject.connection, subject.request);
    }
    check = passed ? check.yes : check.no;
  }
}

function metadataPasses(asked: MetadataTest | null, there: Metadata | null): boolean {
  return asked !== null && asked.test(metadataValue(there, asked.namespace, asked.path));
}

function connectionPasses(check: Check, connection: ConnectionView | null, request: RequestView): boolean {
  if (connection === null) return false;
  switch (check.kind) {
    case LOCAL_ADDRESS:
      return check.test(connection.localAddress);
    case LOCAL_PORT:
      return check.low <= connection.localPort && connection.localPort < check.high;
    case PEER_ADDRESS:
      return check.test(connection.remoteAddress);
    case LOCAL_PORT_TEXT:
      return check.test(String(connection.localPort));
    case PEER_PORT_TEXT:
      return check.test(String(connection.remotePort));
    case DIRECT_ADDRESS:
      return check.test(connection.directRemoteAddress);
    case SERVER_NAME:
      return check.test(connection.serverName);
    case SERVER_NAME_TEXT:
      return connection.serverName !== "" && check.test(connection.serverName);
    case ENCRYPTED:
      return connection.tls !== null;
    case PEER_NAME:
      return connection.tls !== null && peerPasses(check.test, connection.tls.peer);
    default:
      return check.test(request.forwardedFor === "" ? connection.remoteAddress : request.forwardedFor);
  }
}

/** Any of a certificate's URIs, then of its DNS names, then its subject. Who has shown none has the empty subject. (AuthenticatedMatcher) */
function peerPasses(test: TextTest, peer: Certificate | null): boolean {
  if (peer === null) return test("");
  for (const { kind, value } of peer.names) if (kind === "uri" && test(value)) return true;
  for (const { kind, value } of peer.names) if (kind === "dns" && test(value)) return true;
  return test(peer.subject);
}

/** A condition that has yet to learn what follows from it. */
export type Condition = MatcherCondition<Check>;

/** What texts can be taken of a request beside its headers. */
const TEXTS = {
  localAddress: LOCAL_ADDRESS,
  localPort: LOCAL_PORT_TEXT,
  peerAddress: DIRECT_ADDRESS,
  peerPort: PEER_PORT_TEXT,
  clientAddress: CLIENT_ADDRESS,
  serverName: SERVER_NAME_TEXT,
} as const;

export type ConnectionText = keyof typeof TEXTS;

export function askText(of: ConnectionText, test: TextTest): Condition {
  return ask(TEXTS[of], { test });
}

export function askRequest(header: RequestTest): Condition {
  return ask(HEADER, { header });
}

const anything: Condition = (yes) => yes;

function ask(kind: number, parts: Parts): Condition {
  return (yes, no) => new Check(kind, parts, yes, no);
}

export function compilePermissions(permissions: readonly Permission[], place: Place): Condition {
  return anyOf(permissions.map((each, i) => compilePermission(each, place.item("permissions", i))));
}

export function compilePrincipals(principals: readonly Principal[], place: Place): Condition {
  return anyOf(principals.map((each, i) => compilePrincipal(each, place.item("principals", i))));
}

function compilePermission({ rule }: Permission, place: Place): Condition {
  switch (rule.case) {
    case "andRules":
      return allOf(
        rule.value.rules.map((each, i) => compilePermission(each, place.field("and_rules").item("rules", i))),
      );
    case "orRules":
      return anyOf(
        rule.value.rules.map((each, i) => compilePermission(each, place.field("or_rules").item("rules", i))),
      );
    case "notRule":
      return not(compilePermission(rule.value, place.field("not_rule")));
    case "any":
      return anything;
    case "header":
      return compileHeader(rule.value, place.field("header"));
    case "urlPath":
      return compilePath(rule.value, place.field("url_path"));
    case "uriTemplate":
      return rule.value.typedConfig === undefined
        ? nothing
        : compileTemplate(
            unpackExtension(rule.value.typedConfig).message as UriTemplateMatchConfig,
            place.field("uri_template"),
          );
    case "destinationIp":
      return addressIn(LOCAL_ADDRESS, rule.value, place.field("destination_ip"));
    case "destinationPort":
      return ask(LOCAL_PORT, { low: rule.value, high: rule.value + 1 });
    case "destinationPortRange":
      return ask(LOCAL_PORT, { low: rule.value.start, high: rule.value.end });
    case "metadata":
      return ask(METADATA, { metadata: compileMetadataMatcher(rule.value, place.field("metadata")) });
    case "requestedServerName":
      return ask(SERVER_NAME, { test: compileStringMatcher(rule.value, place.field("requested_server_name")) });
    default:
      return nothing;
  }
}

function compilePrincipal({ identifier }: Principal, place: Place): Condition {
  switch (identifier.case) {
    case "andIds":
      return allOf(
        identifier.value.ids.map((each, i) => compilePrincipal(each, place.field("and_ids").item("ids", i))),
      );
    case "orIds":
      return anyOf(identifier.value.ids.map((each, i) => compilePrincipal(each, place.field("or_ids").item("ids", i))));
    case "notId":
      return not(compilePrincipal(identifier.value, place.field("not_id")));
    case "any":
      return anything;
    case "header":
      return compileHeader(identifier.value, place.field("header"));
    case "urlPath":
      return compilePath(identifier.value, place.field("url_path"));
    case "sourceIp":
      return addressIn(PEER_ADDRESS, identifier.value, place.field("source_ip"));
    case "directRemoteIp":
      return addressIn(DIRECT_ADDRESS, identifier.value, place.field("direct_remote_ip"));
    case "remoteIp":
      return addressIn(CLIENT_ADDRESS, identifier.value, place.field("remote_ip"));
    case "metadata":
      return ask(METADATA, { metadata: compileMetadataMatcher(identifier.value, place.field("metadata")) });
    case "authenticated": {
      const { principalName } = identifier.value;
      if (principalName === undefined) return ask(ENCRYPTED, {});
      const test = compileStringMatcher(principalName, place.field("authenticated").field("principal_name"));
      return ask(PEER_NAME, { test });
    }
    default:
      return nothing;
  }
}

function compileHeader(matcher: HeaderMatcher, place: Place): Condition {
  const { name, headerMatchSpecifier: specifier, invertMatch } = matcher;
  const header = compileHeaderMatcher(matcher, place);
  if (name.toLowerCase() !== ":method" || invertMatch) return ask(HEADER, { header });
  if (specifier.case === "exactMatch") return ask(METHOD, { text: specifier.value });
  if (specifier.case !== "stringMatch" || specifier.value.ignoreCase) return ask(HEADER, { header });
  const { matchPattern } = specifier.value;
  return matchPattern.case === "exact" ? ask(METHOD, { text: matchPattern.value }) : ask(HEADER, { header });
}

/** A path without its query and fragment. A prefix that has neither is a prefix of the whole as well. */
function compilePath({ rule }: PathMatcher, place: Place): Condition {
  if (rule.case !== "path") return nothing;
  const test = compileStringMatcher(rule.value, place.field("path"));
  const { matchPattern, ignoreCase } = rule.value;
  const isText = matchPattern.case === "exact" || matchPattern.case === "prefix";
  if (!isText || ignoreCase || matchPattern.value === "" || /[?#]/.test(matchPattern.value))
    return ask(PATH_TEST, { test });
  const text = matchPattern.value;
  if (matchPattern.case === "exact") return ask(PATH_EXACT, { text });
  return ask(PATH_PREFIX, { text, low: text.charCodeAt(text.length - 1) });
}

function compileTemplate({ pathTemplate }: UriTemplateMatchConfig, place: Place): Condition {
  try {
    return ask(PATH_TEST, { test: uriTemplateTest(pathTemplate) });
  } catch (error) {
    place.refuse(error instanceof Error ? error.message : String(error));
    return nothing;
  }
}

function addressIn(kind: number, range: CidrRange, place: Place): Condition {
  return ask(kind, { test: compileCidrRanges([range], () => place) });
}
