/** HTTP/2 frame by frame: what a client may send, what it may not, and what becomes of the connection; flow control both ways. */
import type { ContractCase, Step, Upstream } from "../harness/case.ts";
import { DOWNSTREAM_STATS, LOG, codecStats, http2Cluster } from "../harness/http2/config.ts";
import {
  answer2,
  block,
  continuation,
  data,
  FLAG,
  frame,
  get2,
  head2,
  headers,
  lastData,
  open2,
  ping,
  preface,
  PREFACE,
  priority,
  resetStream,
  SETTINGS_ACK,
  settings,
  settingsFrame,
  THIS_STREAM,
  trailers,
  windowUpdate,
} from "../harness/http2/frames.ts";
import { answer, byHand, elapse, ended, gate, get, got, open, post, seen } from "../harness/steps.ts";
import { type Differences, type Row, casesOf } from "../harness/rows.ts";

function cases(
  feature: string,
  rows: Readonly<Record<string, Row>>,
  parts: Partial<ContractCase> = {},
): ContractCase[] {
  return Object.entries(rows).flatMap(([name, row]) => {
    const common = { ...(name === LOGLESS ? {} : { accessLog: LOG }), ...parts };
    return casesOf("HTTP/2 frames", feature, { [name]: row }, common, DIFFERENT);
  });
}

/** It would be many lines. */
const LOGLESS = "streams that are reset";

/** Frames that the connection survives: a request after them is answered. */
function survives(...frames: readonly Step[]): Row {
  return { client: [preface(), ...frames, get2(101, "/after"), got(/\{stream 101\}[^]*\{end\}/)] };
}

/** Frames that end it. */
function breaks(...frames: readonly Step[]): Row {
  return { client: [preface(), ...frames, ended()] };
}

const HEAD = [":method: GET", ":scheme: http", ":path: /", ":authority: a.test"];
const CUT = block(HEAD);
const never = { a: { answers: [[gate("never")]] } };

/** A head of so many headers of 14 kB, each in a frame of its own. */
function manyHeaders(count: number): Upstream {
  const frames = Array.from({ length: count }, (_, i) =>
    i === 0
      ? frame(1, 1, THIS_STREAM, block([":status: 200", `x: ${"y".repeat(14_000)}`]))
      : continuation(THIS_STREAM, block([`x: ${"y".repeat(14_000)}`]), i === count - 1 ? 4 : 0),
  );
  return { answers: [frames.join("")] };
}

/** Cases that Tulle is not the same in. */
const DIFFERENT: Differences = {
  "from clients: a preface that is none": { waived: "the client is told why" },
  "from clients: a preface in two segments": { waived: "a preface is recognised however it is cut" },
  "from clients: SETTINGS' answer that nobody waits for": { waived: "it does no harm" },
  "from clients: HEADERS after END_STREAM, while the answer is waited for": {
    waived: "the details are those of other frames after the end",
  },
  "from clients: WINDOW_UPDATE of 0 on a stream": {
    waived: "the details are those of other frames that break the rules",
  },
  "from clients: WINDOW_UPDATE beyond its bound on a stream": {
    waived: "the details are those of other frames that break the rules",
  },
};

export const CASES: readonly ContractCase[] = [
  ...cases(
    "from clients",
    {
      "a preface that is none": { client: [`${PREFACE.slice(0, -4)}XX\r\n${settings()}`, ended()] },
      "a preface without SETTINGS": { client: [PREFACE, get2(1), ended()] },
      // The second segment is all that is sent: Envoy closes at it, and what comes later would lose its answer to a reset.
      "a preface in two segments": { client: [PREFACE.slice(0, 10), PREFACE.slice(10) + settings() + get2(1), got(1)] },
      ping: { client: [preface(), ping("12345678"), got("PING ack 12345678"), get2(1), got(1)] },
      "a ping's answer that nobody waits for": survives(ping("12345678", FLAG.ack)),
      "a ping that is too short": breaks(ping("1234")),
      "a ping on a stream": breaks(frame(6, 0, 1, "12345678")),
      "SETTINGS again": survives(settings({ initialWindowSize: 10 })),
      "SETTINGS of a length that is none": breaks(frame(4, 0, 0, "12345")),
      "SETTINGS on a stream": breaks(frame(4, 0, 1)),
      "SETTINGS' answer with a payload": breaks(frame(4, FLAG.ack, 0, "123456")),
      "SETTINGS' answer that nobody waits for": breaks(SETTINGS_ACK, SETTINGS_ACK),
      "an unknown setting": survives(settingsFrame([[0x99, 1]])),
      "ENABLE_PUSH 2": breaks(settingsFrame([[2, 2]])),
      "INITIAL_WINDOW_SIZE beyond its bound": breaks(settingsFrame([[4, 0x8000_0000]])),
      "MAX_FRAME_SIZE below its bound": breaks(settingsFrame([[5, 16_383]])),
      "MAX_FRAME_SIZE beyond its bound": breaks(settingsFrame([[5, 16_777_216]])),
      "an unknown type of frame": survives(frame(0x77, 0xff, 0, "payload"), frame(0x77, 0, 1, "")),
      "an unknown type of frame within a block": breaks(headers(1, HEAD, 0) + frame(0x77, 0, 0, "x")),
      PRIORITY: survives(priority(1), priority(3, 1)),
      "PRIORITY that is too short": breaks(frame(2, 0, 1, "1234")),
      "PRIORITY on stream 0": survives(priority(0)),
      "PRIORITY on itself": { client: [preface(), priority(1, 1), get2(3), got(1)] },
      "HEADERS with a priority": survives(frame(1, 0x25, 1, `\0\0\0\0\x0f${CUT}`), got(1)),
      "HEADERS with padding": survives(frame(1, 0x0d, 1, `\x03${CUT}\0\0\0`), got(1)),
      "HEADERS with more padding than there is": breaks(frame(1, 0x0d, 1, `\xf0${CUT}`)),
      "DATA with padding": survives(open2(1, "POST", "/"), data(1, "\x02hi\0\0", FLAG.padded | FLAG.endStream), got(1)),
      "DATA with more padding than there is": breaks(
        open2(1, "POST", "/"),
        seen("a", "POST"),
        data(1, "\x09hi", FLAG.padded),
      ),
      CONTINUATION: survives(frame(1, 1, 1, CUT.slice(0, 9)) + continuation(1, CUT.slice(9)), got(1)),
      "CONTINUATION of three": survives(
        frame(1, 1, 1, CUT.slice(0, 9)) + continuation(1, CUT.slice(9, 20), 0) + continuation(1, CUT.slice(20)),
        got(1),
      ),
      "an empty CONTINUATION": survives(frame(1, 1, 1, CUT) + continuation(1, ""), got(1)),
      "CONTINUATION of nothing": breaks(continuation(1, CUT)),
      "CONTINUATION of another stream": breaks(frame(1, 1, 1, CUT.slice(0, 9)) + continuation(3, CUT.slice(9))),
      "DATA within a block": breaks(frame(1, 0, 1, CUT.slice(0, 9)) + data(1, "x")),
      "another HEADERS within a block": breaks(frame(1, 1, 1, CUT.slice(0, 9)) + get2(3)),
      "HEADERS on stream 0": breaks(get2(0)),
      "HEADERS on an even stream": breaks(get2(2)),
      "HEADERS on an older stream": survives(get2(5), got(1), get2(3), elapse(50)),
      "HEADERS on a stream that is over": survives(get2(1), got(1), get2(1), elapse(50)),
      "HEADERS after END_STREAM, while the answer is waited for": {
        client: [preface(), get2(1), seen("a", 1), get2(1), ended()],
        upstreams: never,
      },
      "a second HEADERS without END_STREAM": breaks(open2(1, "POST", "/"), seen("a", "POST"), headers(1, ["x: y"])),
      "DATA on stream 0": breaks(data(0, "x")),
      "DATA on an idle stream": breaks(data(1, "x")),
      "DATA after END_STREAM": { client: [preface(), get2(1), seen("a", 1), data(1, "x"), ended()], upstreams: never },
      "DATA on a stream that was reset": survives(
        open2(1, "POST", "/"),
        seen("a", "POST"),
        resetStream(1),
        data(1, "x"),
      ),
      "RST_STREAM on stream 0": breaks(resetStream(0)),
      "RST_STREAM on an idle stream": breaks(resetStream(1)),
      "RST_STREAM that is too short": breaks(open2(1, "POST", "/"), seen("a", "POST"), frame(3, 0, 1, "12")),
      "RST_STREAM twice": survives(open2(1, "POST", "/"), seen("a", "POST"), resetStream(1), resetStream(1)),
      "RST_STREAM of a stream that is over": survives(get2(1), got(1), resetStream(1)),
      "WINDOW_UPDATE of 0 on the connection": breaks(windowUpdate(0, 0)),
      "WINDOW_UPDATE of 0 on a stream": {
        client: [preface(), open2(1, "POST", "/"), seen("a", "POST"), windowUpdate(1, 0), got(1)],
      },
      "WINDOW_UPDATE beyond its bound on the connection": breaks(windowUpdate(0, 0x7fff_ffff)),
      "WINDOW_UPDATE beyond its bound on a stream": {
        client: [preface(), open2(1, "POST", "/"), seen("a", "POST"), windowUpdate(1, 0x7fff_ffff), got(1)],
      },
      "WINDOW_UPDATE on an idle stream": breaks(windowUpdate(1, 10)),
      "WINDOW_UPDATE that is too short": breaks(frame(8, 0, 0, "12")),
      "WINDOW_UPDATE on a stream that is over": survives(get2(1), got(1), windowUpdate(1, 10)),
      PUSH_PROMISE: breaks(frame(5, 4, 1, `\0\0\0\x02${CUT}`)),
      "GOAWAY on a stream": breaks(frame(7, 0, 1, "\0\0\0\0\0\0\0\0")),
      "GOAWAY that is too short": breaks(frame(7, 0, 0, "\0\0\0\0")),
      "a frame that is too long": breaks(frame(0, 0, 1, "", 20_000)),
      "a block that is no HPACK": breaks(frame(1, 5, 1, "\xff\xff\xff\xff\xff\xff")),
      "an index that is not there": breaks(frame(1, 5, 1, "\xc6")),
      "an index of 0": breaks(frame(1, 5, 1, "\x80")),
      "a table of a size that nobody allowed": breaks(frame(1, 5, 1, `\x3f\xff\xff\x03${CUT}`)),
      "a table's size in the middle of a block": breaks(frame(1, 5, 1, `${CUT}\x20`)),
      "a Huffman code that ends in the middle": breaks(frame(1, 5, 1, `${CUT}\0\x81\xff\x01y`)),
      "an indexed request": {
        client: [
          preface(),
          frame(1, 5, 1, "\x82\x86\x84\x41\x06a.test"),
          got(1),
          frame(1, 5, 3, "\x82\x86\x84\xbe"),
          got(2),
        ],
      },
      "a name by index, with Huffman": {
        client: [
          preface(),
          frame(1, 5, 1, "\x82\x86\x84\x41\x8c\xf1\xe3\xc2\xe5\xf2\x3a\x6b\xa0\xab\x90\xf4\xff"),
          got(1),
        ],
      },
      "trailers without END_STREAM": breaks(
        open2(1, "POST", "/"),
        seen("a", "POST"),
        data(1, "x"),
        headers(1, ["x: y"]),
      ),
      "two trailers": survives(open2(1, "POST", "/"), trailers(1, "x: 1"), got(1), trailers(1, "x: 2")),
      "a stream error is enough, where that is wanted": {
        client: [preface(), get2(1, "/", "X-A: 1"), got(1), get2(3), got(2)],
        manager: { http2_protocol_options: { override_stream_error_on_invalid_http_message: true } },
        stats: [...DOWNSTREAM_STATS, ...codecStats("listener", "rx_messaging_error", "tx_reset")],
      },
    },
    { stats: codecStats("listener", "rx_messaging_error", "tx_reset", "rx_reset", "header_overflow", "trailers") },
  ),
  ...cases("flow control", {
    "the client's window of a stream": {
      client: [
        preface({ initialWindowSize: 10 }),
        byHand(["windows"]),
        get2(1),
        got("x".repeat(10)),
        elapse(50),
        windowUpdate(1, 100),
        got(1),
      ],
      upstreams: { a: answer(200, "x".repeat(50)) },
    },
    "the client's window of a stream is 0": {
      client: [
        preface({ initialWindowSize: 0 }),
        byHand(["windows"]),
        get2(1),
        got(":status: 200"),
        elapse(50),
        windowUpdate(1, 100),
        got(1),
      ],
      upstreams: { a: answer(200, "x".repeat(50)) },
    },
    "the client's window of a stream grows by SETTINGS": {
      client: [
        preface({ initialWindowSize: 10 }),
        byHand(["windows"]),
        get2(1),
        got("x".repeat(10)),
        settings({ initialWindowSize: 100 }),
        got(1),
      ],
      upstreams: { a: answer(200, "x".repeat(50)) },
    },
    "the client's window of the connection": {
      client: [
        preface({ initialWindowSize: 1_000_000 }),
        byHand(["windows"]),
        get2(1),
        got("x".repeat(65_535)),
        elapse(50),
        windowUpdate(0, 100_000),
        got(1),
      ],
      upstreams: { a: answer(200, "x".repeat(70_000)) },
    },
    "trailers need no window": {
      client: [preface({ initialWindowSize: 2 }), byHand(["windows"]), get2(1), got(1)],
      clusters: { a: http2Cluster() },
      upstreams: { a: head2(200) + data(THIS_STREAM, "hi") + trailers(THIS_STREAM, "x: y") },
    },
    "the client's MAX_FRAME_SIZE": {
      client: [preface({ maxFrameSize: 20_000 }), get2(1), got(1)],
      upstreams: { a: answer(200, "x".repeat(30_000)) },
    },
    "the upstream's window of a stream": {
      client: [post("y".repeat(50)), seen("a", "y".repeat(10)), elapse(50), open("go"), got(1)],
      clusters: { a: http2Cluster() },
      upstreams: {
        a: {
          answers: [
            [gate("go"), windowUpdate(THIS_STREAM, 100), { do: "sees", text: "y".repeat(50) }, answer2(200, "x")],
          ],
          early: true,
          http2: { settings: { initialWindowSize: 10 }, byHand: ["windows"] },
        },
      },
    },
    "windows that are opened as data is passed on": {
      client: [
        preface(),
        open2(1, "POST", "/"),
        ...Array.from({ length: 5 }, () => data(1, "y".repeat(16_384))),
        lastData(1),
        got(1),
      ],
      manager: {
        http2_protocol_options: { initial_stream_window_size: 65_535, initial_connection_window_size: 65_535 },
      },
      upstreams: { a: answer(200, "x") },
    },
  }),
  ...cases(
    "limits",
    {
      max_concurrent_streams: {
        client: [preface(), get2(1), seen("a", 1), get2(3), got(1)],
        manager: { http2_protocol_options: { max_concurrent_streams: 1 } },
        upstreams: never,
      },
      "max_concurrent_streams, one after another": {
        client: [preface(), get2(1), got(1), get2(3), got(2)],
        manager: { http2_protocol_options: { max_concurrent_streams: 1 } },
      },
      "100 headers": {
        client: [preface(), get2(1, "/", ...Array.from({ length: 95 }, (_, i) => `x-${i}: y`)), got(1)],
      },
      "101 headers": {
        client: [preface(), get2(1, "/", ...Array.from({ length: 101 }, (_, i) => `x-${i}: y`)), got(1)],
      },
      max_headers_count: {
        client: [preface(), get2(1, "/", "a: 1", "b: 2"), got(1)],
        manager: { common_http_protocol_options: { max_headers_count: 5 } },
      },
      "headers beyond 60 KiB": { client: [preface(), ...longHead(62), got(1)] },
      max_request_headers_kb: { client: [preface(), ...longHead(9), got(1)], manager: { max_request_headers_kb: 8 } },
      "headers below max_request_headers_kb": {
        client: [preface(), ...longHead(7), got(1)],
        manager: { max_request_headers_kb: 8 },
      },
      "trailers beyond max_request_headers_kb": {
        client: [preface(), open2(1, "POST", "/"), data(1, "x"), headers(1, [`x: ${"y".repeat(9000)}`], 5), got(1)],
        manager: { max_request_headers_kb: 8 },
      },
      "headers of the response beyond 60 KiB": {
        stats: [],
        client: [get(), got(1)],
        clusters: { a: http2Cluster() },
        upstreams: { a: manyHeaders(5) },
      },
      max_response_headers_kb: {
        stats: [],
        client: [get(), got(1)],
        clusters: { a: http2Cluster({}, { common_http_protocol_options: { max_response_headers_kb: 4 } }) },
        upstreams: { a: { answers: [answer2(200, "x", `x: ${"y".repeat(5000)}`)] } },
      },
      "max_response_headers_kb, within": {
        stats: [],
        client: [get(), got(1)],
        clusters: { a: http2Cluster({}, { common_http_protocol_options: { max_response_headers_kb: 4 } }) },
        upstreams: { a: { answers: [answer2(200, "x", `x: ${"y".repeat(3900)}`)] } },
      },
      "max_response_headers_kb above the default": {
        stats: [],
        client: [get(), got(1)],
        clusters: { a: http2Cluster({}, { common_http_protocol_options: { max_response_headers_kb: 90 } }) },
        upstreams: { a: manyHeaders(5) },
      },
      "max_response_headers_kb and trailers": {
        stats: [],
        client: [get(), ended()],
        clusters: { a: http2Cluster({}, { common_http_protocol_options: { max_response_headers_kb: 4 } }) },
        upstreams: {
          a: {
            answers: [head2(200) + data(THIS_STREAM, "x") + trailers(THIS_STREAM, `x: ${"y".repeat(5000)}`)],
          },
        },
      },
    },
    { stats: [...DOWNSTREAM_STATS, ...codecStats("listener", "header_overflow", "tx_reset", "rx_messaging_error")] },
  ),
  ...cases(
    "floods",
    {
      "empty DATA": {
        client: [preface(), open2(1, "POST", "/"), seen("a", "POST"), data(1, "").repeat(5), ended()],
      },
      "one empty DATA": { client: [preface(), open2(1, "POST", "/"), data(1, ""), lastData(1, "x"), got(1)] },
      PRIORITY: { client: [preface(), priority(1).repeat(500), ended()] },
      WINDOW_UPDATE: { client: [preface(), windowUpdate(0, 1).repeat(500), ended()] },
      "empty CONTINUATION": { client: [preface(), headers(1, HEAD, 1) + continuation(1, "", 0).repeat(2000), ended()] },
      [LOGLESS]: {
        client: [
          preface(),
          Array.from({ length: 600 }, (_, i) => get2(2 * i + 1) + resetStream(2 * i + 1)).join(""),
          ended(),
        ],
        upstreams: never,
        stats: ["http.in.downstream_rq_too_many_premature_resets", "http.in.downstream_cx_total"],
      },
    },
    {
      stats: codecStats(
        "listener",
        "outbound_flood",
        "outbound_control_flood",
        "inbound_empty_frames_flood",
        "inbound_priority_frames_flood",
        "inbound_window_update_frames_flood",
      ),
    },
  ),
];

/** A request whose headers are so long in all, in as many frames as that takes. */
function longHead(kilobytes: number): string[] {
  const text = block([...HEAD, ...Array.from({ length: kilobytes }, (_, i) => `x-${i}: ${"y".repeat(1019)}`)]);
  const frames: string[] = [];
  for (let at = 0; at < text.length; at += 16_000) {
    const piece = text.slice(at, at + 16_000);
    const last = at + 16_000 >= text.length ? FLAG.endHeaders : 0;
    frames.push(at === 0 ? frame(1, FLAG.endStream | last, 1, piece) : continuation(1, piece, last));
  }
  return [frames.join("")];
}
