/** `tulle tap`: what both ends tell of a request is one line, and nothing in it does anything to a terminal. */
import assert from "node:assert/strict";
import { stripVTControlCharacters } from "node:util";
import { test } from "node:test";
import type { KeptRequest } from "@tulle/telemetry/records";
import { lineOf } from "../src/tap/line.ts";
import { PAIR_MS, Pairs } from "../src/tap/pairs.ts";

const END = { workload: "", service: "", namespace: "default", version: "" };

function request(parts: Partial<KeptRequest>): KeptRequest {
  return {
    id: 1, proxy: "p", workload: "", namespace: "default", reporter: "source", startMs: Date.UTC(2026, 0, 1), durationMs: 12.4,
    protocol: "HTTP/1.1", method: "GET", authority: "reviews:9080", path: "/reviews/0", status: 200, grpcStatus: "", flags: "",
    details: "via_upstream", requestId: "r", traceId: "", routeName: "", upstreamCluster: "", upstreamHost: "10.0.0.2:9080", attempts: 1,
    bytesReceived: 0, bytesSent: 0, downstreamRemote: "10.0.0.1:4", downstreamLocal: "", userAgent: "", transportFailure: "", tlsVersion: "",
    peerPrincipal: "", localPrincipal: "", policy: "", shadowPolicy: "", leftOut: 0, notable: false,
    source: { ...END, service: "productpage", version: "v1" }, destination: { ...END, service: "reviews" },
    ...parts,
  }; // prettier-ignore
}

const shown = (...args: Parameters<typeof lineOf>): string => stripVTControlCharacters(lineOf(...args));

test("both ends of a hop are one line: the server's says the version", () => {
  const pairs = new Pairs();
  const server = request({
    reporter: "destination",
    source: END,
    destination: { ...END, service: "reviews", version: "v3" },
  });
  assert.equal(pairs.add(request({}), 0), undefined);
  const whole = pairs.add(server, 100);
  assert.equal(shown(whole!), "00:00:00.000  productpage v1 → reviews v3  GET /reviews/0  200  12 ms");
  assert.deepEqual(pairs.due(Infinity), []);
});

test("hops of one trace share a request id, and are lines of their own", () => {
  const pairs = new Pairs();
  pairs.add(request({}), 0);
  const other = request({ reporter: "destination", path: "/ratings/0", destination: { ...END, service: "ratings" } });
  assert.equal(pairs.add(other, 0), undefined);
  assert.equal(pairs.due(PAIR_MS - 1).length, 0);
  assert.equal(pairs.due(PAIR_MS).length, 2);
});

test("what went wrong is said in words, once", () => {
  const source = request({ status: 503, flags: "UF,URX", attempts: 3, transportFailure: "Connection refused" });
  assert.match(
    shown({ source }),
    /503 {2}12 ms {2}UF,URX: no connection to the server could be made; every attempt failed; Connection refused; 3 attempts$/,
  );
});

test("a denial names the policy", () => {
  const destination = request({ reporter: "destination", status: 403, policy: "ns[default]-policy[p]-rule[0]" });
  assert.match(shown({ destination }), /denied by ns\[default\]-policy\[p\]-rule\[0\]$/);
});

test("control characters of others do not reach the terminal", () => {
  const line = lineOf({ source: request({ path: "/\u001b[2J\u0007\u202e\r\nx" }) });
  // eslint-disable-next-line no-control-regex
  assert.doesNotMatch(line.replaceAll(/\u001b\[\d+m/g, ""), /[\u0000-\u001f\u202e]/);
});
