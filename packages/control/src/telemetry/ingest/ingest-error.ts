/** Bytes that are not what they should be; the message is for whoever sent them. */
export class IngestError extends Error {
  override readonly name = "IngestError";
}
