/** Each row was tried on Envoy 1.40. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { HeaderBlock } from "../../src/codec/header-block.ts";
import { X_REQUEST_ID } from "../../src/codec/header-names.ts";
import {
  CLIENT_FORCED,
  NOT_TRACEABLE,
  SAMPLING,
  SERVICE_FORCED,
  type TraceReason,
  decideTrace,
} from "../../src/http/trace-decision.ts";
import type { RequestIdPlan, SamplingPlan } from "../../src/plan/tracing-plan.ts";

const PACKING: RequestIdPlan = { packTraceReason: true, useForTraceSampling: true };
const share = (numerator: number, denominator = 100) => ({ numerator, denominator });
const sampling = (changes: Partial<SamplingPlan> = {}): SamplingPlan => ({
  client: share(100),
  random: share(0),
  overall: share(100),
  ...changes,
});
const uuid = (digit: string, first = "00000000") => `${first}-1111-${digit}222-8333-444444444444`;

interface Options {
  readonly sampling?: SamplingPlan;
  readonly ids?: RequestIdPlan;
  readonly headers?: Readonly<Record<string, string>>;
  readonly random?: number;
}

/** The reason, and the id afterwards. */
function decide(id: string | null, options: Options = {}): [TraceReason, string] {
  const headers = new HeaderBlock();
  if (id !== null) headers.appendNamed("x-request-id", id);
  for (const [name, value] of Object.entries(options.headers ?? {})) headers.appendNamed(name, value);
  const { ids = PACKING, random = 0 } = options;
  const reason = decideTrace(headers, ids, options.sampling ?? sampling(), () => random);
  return [reason, headers.get(X_REQUEST_ID)];
}

test("the id says what another proxy has decided", () => {
  assert.deepEqual(decide(uuid("4")), [NOT_TRACEABLE, uuid("4")]);
  assert.deepEqual(decide(uuid("9")), [SAMPLING, uuid("9")]);
  assert.deepEqual(decide(uuid("a")), [SERVICE_FORCED, uuid("a")]);
  assert.deepEqual(decide(uuid("b")), [CLIENT_FORCED, uuid("b")]);
  assert.deepEqual(decide(uuid("1")), [NOT_TRACEABLE, uuid("1")]);
});

test("a decision taken here is written into the id", () => {
  assert.deepEqual(decide(uuid("4"), { sampling: sampling({ random: share(100) }) }), [SAMPLING, uuid("9")]);
  assert.deepEqual(decide(uuid("4"), { headers: { "x-client-trace-id": "c" } }), [CLIENT_FORCED, uuid("b")]);
  assert.deepEqual(decide(uuid("4"), { headers: { "x-envoy-force-trace": "1" } }), [SERVICE_FORCED, uuid("a")]);
  assert.deepEqual(decide(uuid("9"), { headers: { "x-client-trace-id": "c" } }), [SAMPLING, uuid("9")]);
});

test("overall sampling overrules everything, and the id says so", () => {
  const none = sampling({ random: share(100), overall: share(0) });
  for (const digit of ["4", "9", "a", "b", "1"]) {
    assert.deepEqual(decide(uuid(digit), { sampling: none }), [NOT_TRACEABLE, uuid("4")]);
  }
});

test("chance is the id's first eight digits, out of ten thousand", () => {
  const reason = (first: string, random: SamplingPlan["random"]) =>
    decide(uuid("4", first), { sampling: sampling({ random }) })[0];
  assert.equal(reason("00000000", share(1, 10_000)), SAMPLING);
  assert.equal(reason("00000001", share(1, 10_000)), NOT_TRACEABLE);
  assert.equal(reason("00002710", share(1, 10_000)), SAMPLING);
  assert.equal(reason("00000031", share(50)), SAMPLING);
  assert.equal(reason("00000032", share(50)), NOT_TRACEABLE);
  assert.equal(reason("00000064", share(50)), SAMPLING);
  assert.equal(reason("00001387", share(5_000, 1e6)), SAMPLING);
  assert.equal(reason("00001388", share(5_000, 1e6)), NOT_TRACEABLE);
});

test("an id that begins with no number is not traceable, whoever asks", () => {
  const options = { sampling: sampling({ random: share(100) }), headers: { "x-client-trace-id": "c" } };
  for (const id of [null, "short", "not-a-uuid-but-long-enough", uuid("4", "1234567g"), uuid("4", "+0000001")]) {
    assert.equal(decide(id, options)[0], NOT_TRACEABLE, String(id));
  }
  assert.deepEqual(decide(uuid("4", "0x000001"), options), [CLIENT_FORCED, uuid("b", "0x000001")]);
});

test("an id that is no UUID is decided upon, and left as it is", () => {
  const all = { sampling: sampling({ random: share(100) }) };
  assert.deepEqual(decide("12345678", all), [SAMPLING, "12345678"]);
  assert.deepEqual(decide(`${uuid("9")}5`, all), [SAMPLING, `${uuid("9")}5`]);
  assert.equal(decide(`${uuid("9")}5`)[0], NOT_TRACEABLE);
});

test("without packing the id is neither read nor written", () => {
  const ids = { ...PACKING, packTraceReason: false };
  assert.deepEqual(decide(uuid("9"), { ids }), [NOT_TRACEABLE, uuid("9")]);
  assert.deepEqual(decide(uuid("4"), { ids, headers: { "x-client-trace-id": "c" } }), [CLIENT_FORCED, uuid("4")]);
});

test("without ids for sampling everything is sampled", () => {
  const ids = { ...PACKING, useForTraceSampling: false };
  assert.deepEqual(decide(null, { ids, sampling: sampling({ overall: share(0) }) }), [SAMPLING, ""]);
});

test("client sampling is drawn for each request", () => {
  const options = { sampling: sampling({ client: share(50) }), headers: { "x-client-trace-id": "c" } };
  assert.equal(decide(uuid("4"), { ...options, random: 0.49 })[0], CLIENT_FORCED);
  assert.equal(decide(uuid("4"), { ...options, random: 0.5 })[0], NOT_TRACEABLE);
});
