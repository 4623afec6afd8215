import { gunzipSync } from "node:zlib";
import { IngestError } from "./ingest-error.ts";

/** Of what a message may become: as much as one may be that comes as it is. Parsed, JSON takes up to twenty times that. */
const MAX_INFLATED_BYTES = 4 * 1024 * 1024;

/** A message as it was before its sender compressed it; neither protobuf nor JSON begins as gzip does. Throws IngestError. */
export function inflated(bytes: Uint8Array): Uint8Array {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  try {
    return gunzipSync(bytes, { maxOutputLength: MAX_INFLATED_BYTES });
  } catch (error) {
    throw new IngestError(`the body is no gzip, or becomes more than ${MAX_INFLATED_BYTES} bytes`, { cause: error });
  }
}
