/** Rules for VirtualService.http (istio/istio `pkg/config/validation/virtualservice.go`). */
import type { Path } from "../diagnostic.ts";
import { parseDuration } from "../duration.ts";
import type {
  CorsPolicy,
  HttpFaultInjection,
  HttpRedirect,
  HttpRetry,
  HttpRewrite,
  HttpRouteDestination,
  IstioHttpRoute,
  RouteDestination,
} from "../kinds/istio/virtual-service.ts";
import { GRPC_STATUS_NAMES } from "./grpc-status.ts";
import { isAuthorityHeader, validateHeaders } from "./header-operations.ts";
import type { Reporter } from "./reporter.ts";
import { validateGatewayNames } from "./scope.ts";

/** Conditions of Envoy's x-envoy-retry-on and x-envoy-retry-grpc-on; numbers are status codes. */
const RETRY_ON: ReadonlySet<string> = new Set([
  "5xx",
  "gateway-error",
  "reset",
  "reset-before-request",
  "connect-failure",
  "retriable-4xx",
  "refused-stream",
  "retriable-status-codes",
  "retriable-headers",
  "envoy-ratelimited",
  "http3-post-connect-failure",
  "cancelled",
  "deadline-exceeded",
  "internal",
  "resource-exhausted",
  "unavailable",
]);
const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "CONNECT", "OPTIONS", "TRACE"];
const MAX_BODY = 1024 * 1024;

/** `isDelegate`: the VirtualService has no hosts. */
export function validateHttpRoute(route: IstioHttpRoute, isDelegate: boolean, path: Path, reporter: Reporter): void {
  validateAction(route, isDelegate, path, reporter);
  for (const [index, match] of (route.match ?? []).entries()) {
    validateGatewayNames(match.gateways ?? [], [...path, "match", index, "gateways"], reporter);
  }
  validateHeaders(route.headers, [...path, "headers"], reporter);
  validateAuthority(route, path, reporter);
  if (route.route !== undefined) validateDestinations(route.route, [...path, "route"], reporter);
  if (route.redirect !== undefined) validateRedirect(route.redirect, [...path, "redirect"], reporter);
  if (route.rewrite !== undefined) validateRewrite(route.rewrite, [...path, "rewrite"], reporter);
  if (route.retries !== undefined) validateRetries(route.retries, [...path, "retries"], reporter);
  if (route.fault !== undefined) validateFault(route.fault, [...path, "fault"], reporter);
  if (route.corsPolicy !== undefined) validateCors(route.corsPolicy, [...path, "corsPolicy"], reporter);
  const body = route.directResponse?.body;
  const size = Math.max(body?.string?.length ?? 0, body?.bytes?.length ?? 0);
  if (size > MAX_BODY) {
    reporter.error([...path, "directResponse", "body"], `has ${size} characters`, `at most ${MAX_BODY}`);
  }
}

/** What is done on the way to a destination. */
const FORWARDING = ["timeout", "retries", "mirror", "mirrors", "corsPolicy"] as const;

function validateAction(route: IstioHttpRoute, isDelegate: boolean, path: Path, { error, noEffect }: Reporter): void {
  const actions = (["route", "redirect", "directResponse", "delegate"] as const).filter((action) => {
    const value = route[action];
    return Array.isArray(value) ? value.length > 0 : value !== undefined;
  });
  if (actions.length === 0) error(path, "has no action", "one of route, redirect, directResponse, delegate");
  for (const action of actions.slice(1)) {
    error([...path, action], `is set together with ${actions[0]!}`, "one of route, redirect, directResponse, delegate");
  }
  if (isDelegate && route.delegate !== undefined) {
    error([...path, "delegate"], "a delegate cannot delegate again", "a route, redirect or directResponse");
  }
  for (const action of ["redirect", "directResponse"] as const) {
    if (route[action] === undefined) continue;
    for (const other of ["fault", "rewrite"] as const) {
      if (route[other] !== undefined) error([...path, other], `has no meaning together with ${action}`);
    }
    for (const other of FORWARDING) {
      if (route[other] !== undefined) noEffect([...path, other], `has no effect together with ${action}`);
    }
  }
  const share = (["mirrorPercentage", "mirrorPercent"] as const).find((field) => route[field] !== undefined);
  // A delegate's may be for the mirror of whoever delegates to it, and the other way round.
  if (share !== undefined && route.mirror === undefined && !isDelegate && route.delegate === undefined) {
    noEffect([...path, share], "has no effect without mirror");
  }
  if (route.mirror !== undefined && (route.mirrors ?? []).length > 0) {
    error([...path, "mirrors"], "is set together with mirror", "only one of mirror, mirrors");
  }
}

/** The authority is changed in one place; istiod routes with the first of several, so the others are warned about. */
function validateAuthority({ rewrite, headers }: IstioHttpRoute, path: Path, { noEffect }: Reporter): void {
  let setBy = rewrite?.authority === undefined || rewrite.authority === "" ? undefined : "rewrite.authority";
  for (const operation of ["set", "add"] as const) {
    for (const name of Object.keys(headers?.request?.[operation] ?? {})) {
      if (!isAuthorityHeader(name)) continue;
      if (setBy !== undefined) {
        const at = [...path, "headers", "request", operation, name];
        noEffect(at, `has no effect: the authority is already set by ${setBy}`, "one place that sets it");
      }
      setBy ??= `headers.request.${operation}`;
    }
  }
}

/** Destinations of a route: weights are relative shares, so at least one of several must be above 0. */
export function validateDestinations(
  destinations: readonly (HttpRouteDestination | RouteDestination)[],
  path: Path,
  reporter: Reporter,
): void {
  for (const [index, destination] of destinations.entries()) {
    if ("headers" in destination) validateHeaders(destination.headers, [...path, index, "headers"], reporter);
  }
  const total = destinations.reduce((sum, { weight = 0 }) => sum + weight, 0);
  if (destinations.length > 1 && total === 0) {
    reporter.error(path, "the weights add up to 0", "at least one weight above 0");
  }
  if (total > 4294967295) reporter.error(path, `the weights add up to ${total}`, "at most 4294967295");
}

function validateRedirect(redirect: HttpRedirect, path: Path, { error }: Reporter): void {
  const { uri = "", authority = "", scheme = "", prefixRewrite = "", redirectCode = 0 } = redirect;
  if ([uri, authority, scheme, prefixRewrite].join("") === "" && !redirect.port && !redirect.derivePort) {
    error(path, "changes nothing", "a uri, prefixRewrite, authority, scheme or port");
  }
  if (uri !== "" && prefixRewrite !== "") {
    error([...path, "prefixRewrite"], "is set together with uri", "only one of uri, prefixRewrite");
  }
  if (redirectCode !== 0 && (redirectCode < 300 || redirectCode > 399)) {
    error([...path, "redirectCode"], `is ${redirectCode}`, "a status from 300 to 399");
  }
  if (scheme !== "" && scheme !== "http" && scheme !== "https") {
    error([...path, "scheme"], `is ${JSON.stringify(scheme)}`, "http or https");
  }
}

function validateRewrite(
  { uri = "", authority = "", uriRegexRewrite }: HttpRewrite,
  path: Path,
  reporter: Reporter,
): void {
  const { error } = reporter;
  if (uri !== "" && uriRegexRewrite !== undefined) {
    error([...path, "uriRegexRewrite"], "is set together with uri", "only one of uri, uriRegexRewrite");
  }
  if (uri === "" && authority === "" && uriRegexRewrite === undefined) {
    error(path, "changes nothing", "a uri, uriRegexRewrite or authority");
  }
  if (uriRegexRewrite !== undefined && (!uriRegexRewrite.match || uriRegexRewrite.rewrite === undefined)) {
    error([...path, "uriRegexRewrite"], "is incomplete", "both match and rewrite");
  }
}

function validateRetries(retries: HttpRetry, path: Path, { error }: Reporter): void {
  const { attempts = 0, perTryTimeout, retryOn = "", retryRemoteLocalities } = retries;
  if (attempts === 0 && (perTryTimeout !== undefined || retryOn !== "" || retryRemoteLocalities !== undefined)) {
    error(path, "describes retries, but attempts is 0", "attempts of 1 or more, or nothing else");
  }
  if (retryOn === "") return;
  for (const condition of new Set(retryOn.split(",").map((part) => part.trim()))) {
    if (RETRY_ON.has(condition) || /^[1-5]\d\d$/.test(condition)) continue;
    const expected = `status codes or any of ${[...RETRY_ON].join(", ")}`;
    error([...path, "retryOn"], `${JSON.stringify(condition)} is no retry condition`, expected);
  }
}

function validateFault({ abort, delay }: HttpFaultInjection, path: Path, { error, noEffect }: Reporter): void {
  if (abort === undefined && delay === undefined) error(path, "injects nothing", "an abort or a delay");
  if (delay?.exponentialDelay !== undefined) {
    error([...path, "delay", "exponentialDelay"], "is not supported", "fixedDelay");
  }
  if (delay !== undefined && delay.fixedDelay === undefined && delay.exponentialDelay === undefined) {
    noEffect([...path, "delay"], "has no effect without fixedDelay");
  }
  for (const [name, fault] of [["abort", abort] as const, ["delay", delay] as const]) {
    const value = fault?.percentage?.value ?? 0;
    if (value > 0 && value < 0.0001) {
      error([...path, name, "percentage", "value"], `is ${value}`, "0, or a number from 0.0001 to 100");
    }
  }
  if (abort === undefined) return;
  if (abort.http2Error !== undefined) {
    error([...path, "abort", "http2Error"], "is not supported", "httpStatus or grpcStatus");
  }
  const { grpcStatus } = abort;
  if (grpcStatus !== undefined && !GRPC_STATUS_NAMES.includes(grpcStatus)) {
    const expected = `one of ${GRPC_STATUS_NAMES.join(", ")}`;
    error([...path, "abort", "grpcStatus"], `is ${JSON.stringify(grpcStatus)}`, expected);
  }
  if (abort.httpStatus === undefined && grpcStatus === undefined && abort.http2Error === undefined) {
    noEffect([...path, "abort"], "has no effect without httpStatus or grpcStatus");
  }
}

function validateCors(cors: CorsPolicy, path: Path, { error }: Reporter): void {
  for (const [index, origin] of (cors.allowOrigins ?? []).entries()) {
    if (!origin.exact && !origin.prefix && !origin.regex) {
      error([...path, "allowOrigins", index], "is empty", "an exact, prefix or regex");
    }
  }
  for (const [index, method] of (cors.allowMethods ?? []).entries()) {
    if (METHODS.includes(method) || method === "*") continue;
    error([...path, "allowMethods", index], `is ${JSON.stringify(method)}`, `one of ${METHODS.join(", ")}`);
  }
  if (cors.maxAge !== undefined && (parseDuration(cors.maxAge) ?? 0) % 1000 !== 0) {
    error([...path, "maxAge"], `is ${JSON.stringify(cors.maxAge)}`, "whole seconds");
  }
}
