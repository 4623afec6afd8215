/** Conditions of a route on headers and query parameters. Behaviour: Envoy `source/common/http/header_utility.cc`, `source/common/router/config_utility.cc`. */
import type { HeaderMatcher, QueryParameterMatcher } from "@tulle/xds/gen/envoy/config/route/v3/route_components_pb.js";
import type { RequestTest, RequestView, ResponseTest, ResponseView } from "./plan.ts";
import type { Place } from "./problems.ts";
import type { TextTest } from "./regex.ts";
import { compileRegex, compileStringMatcher, textTest } from "./string-matcher.ts";

export function compileHeaderMatcher(matcher: HeaderMatcher, place: Place): RequestTest {
  return compileMatcher(matcher, headerReader(matcher.name), place);
}

/** The same for a response's headers. */
export function compileResponseHeaderMatcher(matcher: HeaderMatcher, place: Place): ResponseTest {
  return compileMatcher(matcher, responseHeaderReader(matcher.name), place);
}

function compileMatcher<Message>(matcher: HeaderMatcher, read: Reader<Message>, place: Place): MessageTest<Message> {
  const specifier = matcher.headerMatchSpecifier;
  const { invertMatch: invert, treatMissingHeaderAsEmpty: missingIsEmpty } = matcher;
  switch (specifier.case) {
    case "presentMatch":
      return new PresenceTest(read, specifier.value !== invert);
    case "rangeMatch":
      return new HeaderTest(read, rangeTest(specifier.value.start, specifier.value.end), invert, missingIsEmpty);
    case "stringMatch":
      return new HeaderTest(
        read,
        compileStringMatcher(specifier.value, place.field("string_match")),
        invert,
        missingIsEmpty,
      );
    case "safeRegexMatch":
      return new HeaderTest(
        read,
        compileRegex(specifier.value.regex, place.field("safe_regex_match")),
        invert,
        missingIsEmpty,
      );
    case "exactMatch":
      return new HeaderTest(read, textTest("exact", specifier.value, false), invert, missingIsEmpty);
    case "prefixMatch":
      return new HeaderTest(read, textTest("prefix", specifier.value, false), invert, missingIsEmpty);
    case "suffixMatch":
      return new HeaderTest(read, textTest("suffix", specifier.value, false), invert, missingIsEmpty);
    case "containsMatch":
      return new HeaderTest(read, textTest("contains", specifier.value, false), invert, missingIsEmpty);
    default:
      return new PresenceTest(read, !invert);
  }
}

type Reader<Message> = (message: Message) => string | undefined;

/** A condition on a request or a response. */
interface MessageTest<Message> {
  matches(message: Message): boolean;
}

/** A request header's value; undefined if absent. Pseudo-headers and Host are the request's own properties. */
export type HeaderReader = Reader<RequestView>;

function responseHeaderReader(name: string): Reader<ResponseView> {
  const lower = name.toLowerCase();
  return lower === ":status" ? (response) => String(response.status) : (response) => response.header(lower);
}

export function headerReader(name: string): HeaderReader {
  const lower = name.toLowerCase();
  switch (lower) {
    case ":method":
      return (request) => request.method;
    case ":path":
      return (request) => request.path;
    case ":authority":
    case "host":
      return (request) => request.authority;
    case ":scheme":
      return (request) => request.scheme;
    default:
      return (request) => request.header(lower);
  }
}

class PresenceTest<Message> implements MessageTest<Message> {
  private readonly read: Reader<Message>;
  private readonly present: boolean;

  constructor(read: Reader<Message>, present: boolean) {
    this.read = read;
    this.present = present;
  }

  matches(message: Message): boolean {
    return (this.read(message) !== undefined) === this.present;
  }
}

/** An absent header matches nothing, inverted or not, unless it counts as empty. */
class HeaderTest<Message> implements MessageTest<Message> {
  private readonly read: Reader<Message>;
  private readonly test: TextTest;
  private readonly invert: boolean;
  private readonly missingIsEmpty: boolean;

  constructor(read: Reader<Message>, test: TextTest, invert: boolean, missingIsEmpty: boolean) {
    this.read = read;
    this.test = test;
    this.invert = invert;
    this.missingIsEmpty = missingIsEmpty;
  }

  matches(message: Message): boolean {
    const value = this.read(message);
    if (value === undefined) return this.missingIsEmpty && this.test("") !== this.invert;
    return this.test(value) !== this.invert;
  }
}

/** The whole value is a decimal integer in [start, end). */
function rangeTest(start: bigint, end: bigint): TextTest {
  return (text) => {
    if (!/^[+-]?\d{1,19}$/.test(text)) return false;
    const value = BigInt(text.startsWith("+") ? text.slice(1) : text);
    return value >= start && value < end;
  };
}

export function compileQueryMatcher(matcher: QueryParameterMatcher, place: Place): RequestTest {
  const specifier = matcher.queryParameterMatchSpecifier;
  switch (specifier.case) {
    case "stringMatch":
      return new QueryTest(matcher.name, compileStringMatcher(specifier.value, place.field("string_match")), true);
    case "presentMatch":
      return new QueryTest(matcher.name, null, specifier.value);
    default:
      return new QueryTest(matcher.name, null, true);
  }
}

class QueryTest implements RequestTest {
  private readonly name: string;
  private readonly test: TextTest | null;
  private readonly present: boolean;

  constructor(name: string, test: TextTest | null, present: boolean) {
    this.name = name;
    this.test = test;
    this.present = present;
  }

  matches(request: RequestView): boolean {
    const value = queryParameter(request.path, this.name);
    if (this.test === null) return (value !== undefined) === this.present;
    return value !== undefined && this.test(value);
  }
}

/** First value of a query parameter, not decoded; "" if it has no "="; undefined if it is not there. */
function queryParameter(path: string, name: string): string | undefined {
  let at = path.indexOf("?");
  if (at < 0) return undefined;
  at++;
  while (at <= path.length) {
    let end = path.indexOf("&", at);
    if (end < 0) end = path.length;
    if (path.startsWith(name, at)) {
      const after = at + name.length;
      if (after === end) return "";
      if (after < end && path.charCodeAt(after) === 0x3d) return path.slice(after + 1, end);
    }
    at = end + 1;
  }
  return undefined;
}
