import assert from "node:assert/strict";
import { test } from "node:test";
import { compileTimeFormat } from "../../../src/plan/format/time-format.ts";

/** 2026-11-28T13:56:18.871296Z, a Saturday. */
const TIME = Date.UTC(2026, 10, 28, 13, 56, 18, 871) + 0.2965;

/** Seen with Envoy 1.40 at that moment. */
const EXPECTED: Readonly<Record<string, string>> = {
  "": "2026-11-28T13:56:18.871Z", "%%": "%", "%1f": "8", "%3f": "871", "%6f": "871296", "%9f": "871296000", "%f": "871296000", "%::z": "+00:00:00",
  "%:z": "+00:00", "%A": "Saturday", "%B": "November", "%C": "20", "%D": "11/28/26", "%E*S": "18.871296", "%E*f": "871296", "%E*z": "+00:00:00",
  "%E1f": "8", "%E3S": "18.871", "%E3f": "871", "%E4Y": "2026", "%EC": "20", "%ET": "T", "%Ec": "Sat Nov 28 13:56:18 2026", "%Ez": "+00:00",
  "%F": "2026-11-28", "%G": "2026", "%G-W%V-%u": "2026-W48-6", "%H": "13", "%I": "01", "%M": "56", "%OS": "18", "%Oy": "26", "%P": "pm",
  "%R": "13:56", "%S": "18", "%T": "13:56:18", "%U": "47", "%V": "48", "%W": "47", "%X": "13:56:18", "%Y": "2026",
  "%Y-%m-%dT%H:%M:%S%z": "2026-11-28T13:56:18+0000", "%Z": "UTC", "%a": "Sat", "%b": "Nov", "%c": "Sat Nov 28 13:56:18 2026", "%d": "28",
  "%e": "28", "%g": "26", "%h": "Nov", "%j": "332", "%k": "13", "%l": " 1", "%m": "11", "%p": "PM", "%r": "01:56:18 PM", "%s": "1795874178",
  "%s.%3f": "1795874178.871", "%t": "\t", "%u": "6", "%w": "6", "%x": "11/28/26", "%y": "26", "%z": "+0000",
  "a%fb%fc%3f": "a871296000b871296000c871", plain: "plain",
}; // prettier-ignore

for (const [format, expected] of Object.entries(EXPECTED)) {
  test(`time format ${format === "" ? "by default" : format}`, () => {
    assert.equal(compileTimeFormat(format, false).format(TIME), expected);
  });
}

test("weeks are counted as the calendar counts them", () => {
  const format = compileTimeFormat("%U %V %W %G %j %u %w", false);
  assert.equal(format.format(Date.UTC(2027, 0, 1)), "00 53 00 2026 001 5 5");
  assert.equal(format.format(Date.UTC(2024, 11, 30)), "52 01 53 2025 365 1 1");
  assert.equal(format.format(Date.UTC(2023, 0, 1)), "01 52 00 2022 001 7 0");
});

test("the next second is another text", () => {
  const format = compileTimeFormat("%S.%3f", false);
  assert.deepEqual(
    [TIME, TIME + 100, TIME + 129, TIME + 60_000].map((time) => format.format(time)),
    ["18.871", "18.971", "19.000", "18.871"],
  );
});

test("local time is the zone's", () => {
  const before = process.env["TZ"];
  process.env["TZ"] = "Asia/Kathmandu";
  try {
    assert.equal(compileTimeFormat("", true).format(TIME), "2026-11-28T19:41:18.871+0545");
    assert.equal(compileTimeFormat("%s %Ez", true).format(TIME), "1795874178 +05:45");
    assert.throws(() => compileTimeFormat("%Z", true), /%Z is not supported/);
  } finally {
    if (before === undefined) delete process.env["TZ"];
    else process.env["TZ"] = before;
  }
});
