/** Conditions of a route on headers, query parameters and cookies. Behaviour: Envoy `source/common/http/header_utility.cc`, `source/common/router/config_utility.cc`. */
import type {
  CookieMatcher,
  HeaderMatcher,
  QueryParameterMatcher,
} from "@tulle/xds/gen/envoy/config/route/v3/route_components_pb.js";
import { bytesOf } from "./format/byte-text.ts";
import type { RequestTest, RequestView, ResponseTest, ResponseView } from "./request-views.ts";
import type { Place } from "./problems.ts";
import type { TextTest } from "./regex.ts";
import { compileRegex, compileStringMatcher, never, textTest } from "./string-matcher.ts";

export function compileHeaderMatcher(matcher: HeaderMatcher, place: Place): RequestTest {
  return compileMatcher(matcher, requestHeader(matcher.name), place);
}

/** The same for a response's headers. */
export function compileResponseHeaderMatcher(matcher: HeaderMatcher, place: Place): ResponseTest {
  return compileMatcher(matcher, responseHeader(matcher.name), place);
}

function compileMatcher<Message>(matcher: HeaderMatcher, header: Header<Message>, place: Place): MessageTest<Message> {
  const specifier = matcher.headerMatchSpecifier;
  const { invertMatch: invert, treatMissingHeaderAsEmpty: missingIsEmpty } = matcher;
  const test = compileValueTest(specifier, place);
  if (test !== null) return new HeaderTest(header, test, invert, missingIsEmpty);
  const present = (specifier.case !== "presentMatch" || specifier.value) !== invert;
  return new PresenceTest(header, missingIsEmpty, present);
}

/** Null where only the header's presence counts. */
function compileValueTest(specifier: HeaderMatcher["headerMatchSpecifier"], place: Place): TextTest | null {
  switch (specifier.case) {
    case "rangeMatch":
      return rangeTest(specifier.value.start, specifier.value.end);
    case "stringMatch":
      return compileStringMatcher(specifier.value, place.field("string_match"));
    case "safeRegexMatch":
      return compileRegex(specifier.value.regex, place.field("safe_regex_match"));
    case "exactMatch":
      return textTest("exact", specifier.value, false);
    case "prefixMatch":
      return textTest("prefix", specifier.value, false);
    case "suffixMatch":
      return textTest("suffix", specifier.value, false);
    case "containsMatch":
      return textTest("contains", specifier.value, false);
    default:
      return null;
  }
}

type Reader<Message> = (message: Message) => string | undefined;

/** Whether one of a header's lines passes; undefined if there is none. Envoy 1.40 tests each line by itself, not their join. */
type Header<Message> = (message: Message, test: TextTest) => boolean | undefined;

/** A condition on a request or a response. */
interface MessageTest<Message> {
  matches(message: Message): boolean;
}

/** A request header's value; undefined if absent. Pseudo-headers and Host are the request's own properties. */
export type HeaderReader = Reader<RequestView>;

function requestHeader(name: string): Header<RequestView> {
  const lower = name.toLowerCase();
  const isProperty = lower.startsWith(":") || lower === "host";
  if (!isProperty) return (request, test) => request.someHeader(lower, test);
  const read = headerReader(lower);
  return (request, test) => {
    const value = read(request);
    return value === undefined ? undefined : test(value);
  };
}

function responseHeader(name: string): Header<ResponseView> {
  const lower = name.toLowerCase();
  if (lower === ":status") return (response, test) => test(String(response.status));
  return (response, test) => response.someHeader(lower, test);
}

export function headerReader(name: string): HeaderReader {
  const lower = name.toLowerCase();
  switch (lower) {
    case ":method":
      return (request) => request.method;
    case ":path":
      // CONNECT has none.
      return (request) => (request.path === "" ? undefined : request.path);
    case ":authority":
    case "host":
      return (request) => request.authority;
    case ":scheme":
      return (request) => request.scheme;
    default:
      return (request) => request.header(lower);
  }
}

let captured = "";
const capture = (value: string): boolean => {
  captured = value;
  return true;
};

/** The first line of a header: what Envoy reads where it wants one value. "" if absent. */
export function firstHeader(request: RequestView, name: string): string {
  if (name.startsWith(":") || name === "host") return headerReader(name)(request) ?? "";
  captured = "";
  request.someHeader(name, capture);
  return captured;
}

class PresenceTest<Message> implements MessageTest<Message> {
  private readonly header: Header<Message>;
  private readonly alwaysThere: boolean;
  private readonly present: boolean;

  constructor(header: Header<Message>, alwaysThere: boolean, present: boolean) {
    this.header = header;
    this.alwaysThere = alwaysThere;
    this.present = present;
  }

  matches(message: Message): boolean {
    return (this.alwaysThere || this.header(message, always) !== undefined) === this.present;
  }
}

function always(): boolean {
  return true;
}

/** An absent header matches nothing, inverted or not, unless it counts as empty. */
class HeaderTest<Message> implements MessageTest<Message> {
  private readonly header: Header<Message>;
  private readonly test: TextTest;
  private readonly invert: boolean;
  private readonly missingIsEmpty: boolean;

  constructor(header: Header<Message>, test: TextTest, invert: boolean, missingIsEmpty: boolean) {
    this.header = header;
    this.test = test;
    this.invert = invert;
    this.missingIsEmpty = missingIsEmpty;
  }

  matches(message: Message): boolean {
    const passed = this.header(message, this.test);
    if (passed === undefined) return this.missingIsEmpty && this.test("") !== this.invert;
    return passed !== this.invert;
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
export function queryParameter(path: string, name: string): string | undefined {
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

export function compileCookieMatcher(matcher: CookieMatcher, place: Place): RequestTest {
  const { stringMatch } = matcher;
  const test = stringMatch === undefined ? never : compileStringMatcher(stringMatch, place.field("string_match"));
  return new CookieTest(bytesOf(matcher.name), test, matcher.invertMatch);
}

class CookieTest implements RequestTest {
  private readonly name: string;
  private readonly test: TextTest;
  private readonly invert: boolean;
  private value: string | undefined;
  private readonly isFound: TextTest;

  constructor(name: string, test: TextTest, invert: boolean) {
    this.name = name;
    this.test = test;
    this.invert = invert;
    this.isFound = (line) => (this.value = cookieIn(line, this.name)) !== undefined;
  }

  matches(request: RequestView): boolean {
    const found = request.someHeader("cookie", this.isFound) === true;
    return (found && this.test(this.value ?? "")) !== this.invert;
  }
}

/** A cookie's first value in all of a request's cookie lines; undefined if it is not there. @param name bytes */
export function cookieValue(request: RequestView, name: string): string | undefined {
  let value: string | undefined;
  request.someHeader("cookie", (line) => (value = cookieIn(line, name)) !== undefined);
  return value;
}

/** The first value of a cookie in one line, without the quotes around it; undefined if it is not there. */
function cookieIn(line: string, name: string): string | undefined {
  for (const pair of line.split(";")) {
    const equals = pair.indexOf("=");
    if (equals < 0 || pair.slice(0, equals).trimStart() !== name) continue;
    const value = pair.slice(equals + 1).trim();
    return value.length >= 2 && value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value;
  }
  return undefined;
}
