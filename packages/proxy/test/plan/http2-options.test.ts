import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type JsonObject, fromJson } from "@bufbuild/protobuf";
import { Http2ProtocolOptionsSchema } from "@tulle/xds/gen/envoy/config/core/v3/protocol_pb.js";
import { type Http2Context, compileHttp2Options } from "../../src/plan/http2-options.ts";
import { Place, type Problem } from "../../src/plan/problems.ts";
import { http2Plan } from "../support/plans.ts";

const CONTEXT: Http2Context = {
  maxHeadersBytes: 61_440,
  maxHeadersCount: 100,
  headersWithUnderscores: "allow",
  bufferLimitBytes: 1_048_576,
  streamErrorOnInvalidMessage: false,
};

function compile(json: JsonObject | null, context: Partial<Http2Context> = {}) {
  const problems: Problem[] = [];
  const message = json === null ? undefined : fromJson(Http2ProtocolOptionsSchema, json);
  const plan = compileHttp2Options(message, { ...CONTEXT, ...context }, new Place("", problems));
  return { plan, problems: problems.map(({ message: text }) => text) };
}

describe("http2_protocol_options", () => {
  it("has Envoy's defaults", () => {
    assert.deepEqual(compile(null).plan, http2Plan());
  });

  it("says what a malformed message costs: its own word before the connection manager's", () => {
    const costs = (json: JsonObject, streamError: boolean): boolean =>
      compile(json, { streamErrorOnInvalidMessage: streamError }).plan.streamErrorOnInvalidMessage;
    assert.equal(costs({}, true), true);
    assert.equal(costs({ override_stream_error_on_invalid_http_message: false }, true), false);
    assert.equal(costs({ override_stream_error_on_invalid_http_message: true }, false), true);
    assert.equal(costs({ stream_error_on_invalid_http_messaging: true }, false), true);
  });

  it("asks for signs of life, with 15 percent of jitter", () => {
    assert.deepEqual(compile({ connection_keepalive: { interval: "30s", timeout: "5s" } }).plan.keepalive, {
      intervalMs: 30_000,
      jitterPercent: 15,
      timeoutMs: 5_000,
      idleIntervalMs: 0,
    });
  });

  it("sends settings of any kind, but none twice", () => {
    const custom = (...pairs: [number, number][]): JsonObject => ({
      custom_settings_parameters: pairs.map(([identifier, value]) => ({ identifier, value })),
    });
    const { plan, problems } = compile(custom([0x10, 7], [3, 5]));
    assert.deepEqual([plan.customSettings, plan.maxConcurrentStreams, problems], [[0x10, 7], 5, []]);
    assert.deepEqual(compile(custom([0x10, 7], [0x10, 8])).problems, [
      "inconsistent HTTP/2 custom SETTINGS parameter(s) detected; identifiers = {0x10}",
    ]);
    assert.deepEqual(compile({ ...custom([1, 7]), hpack_table_size: 8 }).problems, [
      "the {0x1} HTTP/2 SETTINGS parameter(s) can not be configured through both named and custom parameters",
    ]);
    assert.equal(compile(custom([2, 1])).problems.length, 1);
    assert.equal(compile(custom([8, 1])).problems.length, 1);
  });
});
