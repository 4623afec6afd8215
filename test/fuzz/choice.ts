/** Random choices by a seed, and the few words that everything random here is made of: few, so that what is asked meets what is configured. */
import { Random } from "../../packages/proxy/test/fuzz/fuzzer.ts";
import type { JsonObject } from "../contract/harness/case.ts";

export class Choice extends Random {
  /** True in so many of 100. */
  chance(percent: number): boolean {
    return this.below(100) < percent;
  }

  /** Up to so many, made one by one. */
  list<T>(max: number, make: () => T): T[] {
    return Array.from({ length: this.below(max + 1) }, make);
  }

  /** The fields, in so many of 100; else none. */
  perhaps(percent: number, fields: () => JsonObject): JsonObject {
    return this.chance(percent) ? fields() : {};
  }

  /** One of these, made only if it is chosen. */
  made<T>(...of: readonly (() => T)[]): T {
    return this.one(of)();
  }
}

export const HOSTS = ["a.test", "b.test", "x.a.test", "x.b.a.test", "a.example", "other.test", "a.test:80", "a.test:8080", "A.Test", "a.test.", "[::1]", "10.0.0.1"]; // prettier-ignore

export const SEGMENTS = ["a", "b", "ab", "A", "a.b", "a;x=1", "b;y", "a-b", "1", "12", "%61", "%2f", "%2F", "%5c", "..", ".", "%2e%2E", "..;x", "", "c d", "\xe9", "%c3%a9", "~", "%7e", "a=b", "*", "{a}", "@", ":", "a+b", "%", "%zz", "%00", "%25"]; // prettier-ignore
/** Those that mean nothing beyond themselves. */
export const PLAIN_SEGMENTS = ["a", "b", "ab", "A", "1", "12"];

/** Names that configurations look at and change. */
export const NAMES = ["x-a", "x-b", "x-c", "x-a", "x-b", "user-agent", "cookie", "content-type", "referer", "accept"];
/** What a proxy has a meaning for. */
export const SPECIAL_NAMES = ["x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-forwarded-port", "x-request-id", "x-envoy-original-path", "x-envoy-external-address", "x-envoy-internal", "x-envoy-max-retries", "x-envoy-retry-on", "x-envoy-upstream-rq-timeout-ms", "x-envoy-expected-rq-timeout-ms", "x-envoy-decorator-operation", "x-envoy-attempt-count", "x-envoy-force-trace", "x-client-trace-id", "via", "te", "keep-alive", "proxy-connection", "date", "server", "x-forwarded-client-cert", "x-envoy-downstream-service-cluster", "x-envoy-ip-tags", "x-envoy-hedge-on-per-try-timeout", "expect", "grpc-timeout", "early-data", "x-envoy-fault-abort-request", "x_under", "x-envoy-retriable-status-codes", "x-envoy-upstream-alt-stat-name", "x-forwarded-scheme", "trailer"]; // prettier-ignore

export const VALUES = ["", "a", "b", "ab", "abc", "A", "1", "12", "-1", "a,b", "a, b", "b,a", "text/html", "\xe9", "\xc3\xa9", "x\xc3\x89", "a=b; c=d", "100", "application/grpc", "http://a.test/x", "https", "http", "10.0.0.1", "10.0.0.1, 10.0.0.2", "true", "5xx", "trailers", "a\tb", '"q"', "%61"]; // prettier-ignore

export const METHODS = ["GET", "GET", "GET", "POST", "PUT", "HEAD", "OPTIONS", "DELETE", "PATCH", "QUERY", "TRACE", "PURGE", "PROPFIND"]; // prettier-ignore
