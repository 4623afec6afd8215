import { parseDuration } from "@tulle/api";
import { create } from "@bufbuild/protobuf";
import { DurationSchema } from "@bufbuild/protobuf/wkt";
import type { Duration } from "@bufbuild/protobuf/wkt";

export function milliseconds(ms: number): Duration {
  const seconds = Math.floor(ms / 1000);
  return create(DurationSchema, { seconds: BigInt(seconds), nanos: Math.round((ms - seconds * 1000) * 1e6) });
}

/** A duration of an object that has been validated: text that is none counts as 0. */
export function fromText(text: string): Duration {
  return milliseconds(parseDuration(text) ?? 0);
}
