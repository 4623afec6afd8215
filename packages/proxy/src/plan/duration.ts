import type { Duration } from "@bufbuild/protobuf/wkt";

/** Milliseconds of a protobuf duration, or `whenAbsent`. Anything above zero is at least 1 ms: 0 means "disabled" in the plan. */
export function milliseconds(duration: Duration | undefined, whenAbsent: number): number {
  if (duration === undefined) return whenAbsent;
  const ms = Number(duration.seconds) * 1000 + duration.nanos / 1e6;
  return ms > 0 ? Math.max(1, Math.round(ms)) : 0;
}
