/** Something that the reader of the message can put right; shown without a stack. */
export class BenchError extends Error {
  override name = "BenchError";
}
