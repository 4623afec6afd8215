/** Access logs: what is accepted, what is refused, and which streams a filter lets through. */
import assert from "node:assert/strict";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, test } from "node:test";
import type { JsonObject } from "@bufbuild/protobuf";
import type { StreamInfo } from "../../src/plan/format/stream-info.ts";
import type { FileLogPlan } from "../../src/plan/listener-plan.ts";
import { managerOf } from "../support/plans.ts";
import { streamInfo } from "../support/stream-info.ts";
import { HCM, listener, listenerJson, refusals } from "./support.ts";

const FILE = "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog";
const PATH = `filter_chains[0].filters[0].typed_config(${HCM}).access_log[0]`;

function logs(...accessLog: JsonObject[]): readonly FileLogPlan[] {
  return managerOf(listener(listenerJson({ access_log: accessLog }))).accessLogs.filter((log) => log.kind === "file");
}

const file = (config: JsonObject, filter?: JsonObject): JsonObject => ({
  name: "f",
  typed_config: { "@type": FILE, path: "/dev/null", ...config },
  ...(filter === undefined ? {} : { filter }),
});

function line(config: JsonObject, stream: StreamInfo = streamInfo()): string {
  return logs(file(config))[0].format.format(stream);
}

describe("the format of a file", () => {
  const stream = streamInfo({ headers: { "x-envoy-original-path": "/p?q", "user-agent": "ua" } }, { bytesSent: 5 });

  it("is Envoy's default if there is none", () => {
    const expected =
      '[2027-01-15T08:00:01.000Z] "GET /p?q HTTP/1.1" 200 - 0 5 30 - "-" "ua" "-" "a.example" "10.9.9.9:80"\n';
    assert.equal(line({}, stream), expected);
    assert.equal(line({ format: "" }, stream), expected);
  });

  it("is one of its four", () => {
    assert.equal(line({ format: "%RESPONSE_CODE%|" }), "200|");
    assert.equal(line({ json_format: { c: "%RESPONSE_CODE%" } }), '{"c":200}\n');
    assert.equal(line({ typed_json_format: { c: "%RESPONSE_CODE%" } }), '{"c":200}\n');
    assert.equal(line({ log_format: { text_format: "é %REQ(x)%" } }), "\u00c3\u00a9 -");
    assert.equal(
      line({ log_format: { text_format_source: { inline_string: "%REQ(x)%." }, omit_empty_values: true } }),
      ".",
    );
    assert.equal(line({ log_format: { json_format: { a: "%REQ(x)%", b: 1 }, omit_empty_values: true } }), '{"b":1}\n');
  });

  it("has what its formatters bring", () => {
    const formatters = [
      {
        name: "r",
        typed_config: {
          "@type": "type.googleapis.com/envoy.extensions.formatter.req_without_query.v3.ReqWithoutQuery",
        },
      },
      { name: "m", typed_config: { "@type": "type.googleapis.com/envoy.extensions.formatter.metadata.v3.Metadata" } },
    ];
    const format = "%REQ_WITHOUT_QUERY(X-ENVOY-ORIGINAL-PATH?:PATH):5% %METADATA(ROUTE:a)%";
    assert.equal(line({ log_format: { text_format: format, formatters } }, stream), "/p -");
  });

  it("is refused with its path and Envoy's words", () => {
    const refused = (config: JsonObject): string => refusals(() => logs(file(config))).join("; ");
    assert.equal(
      refused({ format: "%X%" }),
      `${PATH}.typed_config(${FILE}).format: Not supported field in StreamInfo: X`,
    );
    assert.equal(
      refused({ log_format: { json_format: { a: ["%REQ%"] } } }),
      `${PATH}.typed_config(${FILE}).log_format: REQ requires parameters`,
    );
    assert.match(
      refused({ path: join(tmpdir(), "no", "such", "directory") }),
      /path: unable to open file '.*': ENOENT/,
    );
  });
});

test("the standard streams are files, too", () => {
  const stream = (kind: string): JsonObject => ({
    name: kind,
    typed_config: { "@type": `type.googleapis.com/envoy.extensions.access_loggers.stream.v3.${kind}` },
  });
  assert.deepEqual(
    logs(stream("StdoutAccessLog"), stream("StderrAccessLog")).map(({ path }) => path),
    ["/dev/stdout", "/dev/stderr"],
  );
});

test("a logger or a filter that we lack is refused", () => {
  const filter = { extension_filter: { name: "cel" } };
  assert.match(
    refusals(() => logs(file({}, filter))).join(),
    /access_log\[0\]\.filter\.extension_filter: cel \(no typed_config\) is not supported/,
  );
  assert.match(
    refusals(() => logs({ name: "als" })).join(),
    /access_log\[0\]: als \(no typed_config\) is not supported/,
  );
});

describe("a filter", () => {
  const passes = (filter: JsonObject, stream: StreamInfo = streamInfo()): boolean => {
    const [{ filter: test }] = logs(file({}, filter));
    assert.ok(test !== null);
    return test(stream);
  };
  const compare = (op: string, value: number): JsonObject => ({
    comparison: { op, value: { default_value: value, runtime_key: "k" } },
  });

  it("compares the status", () => {
    const status = (op: string, value: number): boolean => passes({ status_code_filter: compare(op, value) });
    assert.deepEqual(
      [
        status("EQ", 200),
        status("EQ", 201),
        status("GE", 200),
        status("GE", 201),
        status("LE", 200),
        status("LE", 199),
      ],
      [true, false, true, false, true, false],
    );
    assert.equal(
      passes({ status_code_filter: compare("EQ", 0) }, streamInfo({ status: 0 })),
      true,
      "a client that left",
    );
  });

  it("compares the duration", () => {
    assert.equal(passes({ duration_filter: compare("GE", 30) }), true);
    assert.equal(passes({ duration_filter: compare("GE", 31) }), false);
  });

  it("joins others", () => {
    const yes = { status_code_filter: compare("EQ", 200) };
    const no = { status_code_filter: compare("EQ", 500) };
    assert.equal(passes({ and_filter: { filters: [yes, no] } }), false);
    assert.equal(passes({ and_filter: { filters: [yes, yes] } }), true);
    assert.equal(passes({ or_filter: { filters: [no, yes] } }), true);
    assert.equal(passes({ or_filter: { filters: [no, no] } }), false);
    assert.equal(passes({ not_health_check_filter: {} }), true);
  });

  it("looks at a request header, of which a malformed request has none", () => {
    const filter = { header_filter: { header: { name: "x-log", present_match: true } } };
    const stream = streamInfo({ headers: { "x-log": "1" } });
    assert.equal(passes(filter, stream), true);
    assert.equal(passes(filter, { ...stream, requestHeadDone: false }), false);
    assert.equal(passes(filter), false);
  });

  it("looks for response flags", () => {
    const flagged = (flags: readonly string[], has: string): boolean =>
      passes({ response_flag_filter: { flags: [...flags] } }, streamInfo({}, { responseFlags: has }));
    assert.deepEqual(
      [
        flagged([], "-"),
        flagged([], "UT"),
        flagged(["UF", "URX"], "URX,UF"),
        flagged(["UF"], "URX"),
        flagged(["UR"], "URX"),
      ],
      [false, true, true, false, false],
    );
  });

  it("looks at the gRPC status, of any stream", () => {
    const filter = (statuses: readonly string[], exclude = false): JsonObject => ({
      grpc_status_filter: { statuses: [...statuses], exclude },
    });
    const stream = streamInfo({ responseHeaders: { "grpc-status": "5" } });
    assert.deepEqual(
      [passes(filter(["NOT_FOUND"]), stream), passes(filter(["OK"]), stream), passes(filter(["OK"], true), stream)],
      [true, false, true],
    );
    assert.equal(passes(filter(["UNAVAILABLE"]), streamInfo({ status: 503 })), true);
    assert.equal(passes(filter(["UNKNOWN"]), streamInfo({ status: 0 })), true);
  });

  it("takes a fraction, the same for one request id everywhere", () => {
    const filter = (numerator: number, independent = false): JsonObject => ({
      runtime_filter: {
        runtime_key: "k",
        percent_sampled: { numerator, denominator: "HUNDRED" },
        use_independent_randomness: independent,
      },
    });
    // 0x0000002a = 42.
    const stream = streamInfo(
      { headers: { "x-request-id": "0000002a-0000-4000-8000-000000000000" } },
      { random: () => 7 / 2 ** 32 },
    );
    assert.deepEqual([passes(filter(42), stream), passes(filter(43), stream)], [false, true]);
    assert.deepEqual([passes(filter(7, true), stream), passes(filter(8, true), stream)], [false, true]);
    assert.equal(passes(filter(8), streamInfo({}, { random: () => 7 / 2 ** 32 })), true);
  });

  it("tells kinds of lines apart", () => {
    const filter = (exclude: boolean): JsonObject => ({ log_type_filter: { types: ["DownstreamEnd"], exclude } });
    assert.deepEqual([passes(filter(false)), passes(filter(true))], [true, false]);
    assert.equal(passes(filter(false), streamInfo({}, { accessLogType: "DownstreamStart" })), false);
  });
});
