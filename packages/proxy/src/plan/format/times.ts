/** Operators on when things happened. Envoy `source/common/stream_info/utility.cc`, TimingUtility; `stream_info_formatter.cc`. */
import { FormatError } from "./command.ts";
import { NumberOperator, type Operator, TextOperator } from "./operator.ts";
import type { StreamInfo, UpstreamInfoView } from "./stream-info.ts";
import { compileTimeFormat } from "./time-format.ts";

/** 0: it has not happened. */
type Moment = (stream: StreamInfo) => number;

const upstream =
  (field: keyof { [K in keyof UpstreamInfoView as UpstreamInfoView[K] extends number ? K : never]: K }): Moment =>
  ({ upstreamInfo }) =>
    upstreamInfo === null ? 0 : upstreamInfo[field];

const STARTED: Moment = (stream) => stream.startedAt;
const REQUEST_ENDED: Moment = (stream) => stream.requestEndedAt;
const RESPONSE_BEGUN = upstream("firstReceivedAt");
const RESPONSE_SENT: Moment = (stream) => stream.responseEndedAt;

/** What ends the request goes on at once, unless the attempt was begun later. */
export const REQUEST_SENT: Moment = ({ upstreamInfo, requestEndedAt }) =>
  upstreamInfo === null || upstreamInfo.firstSentAt === 0 || requestEndedAt === 0
    ? 0
    : Math.max(upstreamInfo.firstSentAt, requestEndedAt);

/** What ends the response, likewise. */
export const RESPONSE_RECEIVED: Moment = ({ upstreamInfo, responseEndedAt }) =>
  upstreamInfo === null || upstreamInfo.firstReceivedAt === 0 ? 0 : responseEndedAt;

/** The points that `COMMON_DURATION` knows by name. Others are never reached: no filter sets any. */
const MOMENTS: ReadonlyMap<string, Moment> = new Map([
  ["DS_RX_BEG", STARTED],
  ["DS_RX_END", REQUEST_ENDED],
  ["US_CX_BEG", upstream("connectStartedAt")],
  ["US_CX_END", upstream("connectedAt")],
  ["US_TX_BEG", upstream("firstSentAt")],
  ["US_TX_END", REQUEST_SENT],
  ["US_RX_BEG", RESPONSE_BEGUN],
  ["US_RX_BODY_BEG", upstream("firstBodyReceivedAt")],
  ["US_RX_END", RESPONSE_RECEIVED],
  ["DS_TX_BEG", (stream) => stream.responseStartedAt],
  ["DS_TX_END", RESPONSE_SENT],
]);

const NEVER: Moment = () => 0;

function between(from: Moment, to: Moment, unitsPerMs: number): Operator {
  return new NumberOperator((stream) => {
    const start = from(stream);
    const end = to(stream);
    return start === 0 || end < start ? undefined : Math.floor((end - start) * unitsPerMs);
  });
}

export const requestDuration = between(STARTED, REQUEST_ENDED, 1);
export const requestTxDuration = between(STARTED, REQUEST_SENT, 1);
export const responseDuration = between(STARTED, RESPONSE_BEGUN, 1);
export const responseTxDuration = between(RESPONSE_BEGUN, RESPONSE_SENT, 1);
export const poolReadyDuration = between(upstream("poolStartedAt"), upstream("poolReadyAt"), 1);
export const duration = new NumberOperator((stream) => Math.floor(stream.now - stream.startedAt));

/** `BEGIN:END` or `BEGIN:END:UNIT`. */
export function commonDuration(argument: string): Operator {
  const [from, to, unit = "ms", ...more] = argument.split(":");
  if (to === undefined || more.length > 0) throw new FormatError(`Invalid common duration configuration: ${argument}.`);
  const unitsPerMs = { ms: 1, us: 1_000, ns: 1_000_000 }[unit];
  if (unitsPerMs === undefined) throw new FormatError(`Invalid common duration precision: ${unit}.`);
  return between(MOMENTS.get(from) ?? NEVER, MOMENTS.get(to) ?? NEVER, unitsPerMs);
}

/** @param moment 0 is possible only where nothing has happened yet, and then no format is asked */
function timeOf(moment: Moment, format: string, local: boolean): Operator {
  const time = compileTimeFormat(format, local);
  return new TextOperator((stream) => time.format(stream.wallMs(moment(stream))));
}

export function startTime(format: string, local: boolean): Operator {
  return timeOf(STARTED, format, local);
}

/** When the format is asked. */
export function emitTime(format: string, local: boolean): Operator {
  return timeOf((stream) => stream.now, format, local);
}
