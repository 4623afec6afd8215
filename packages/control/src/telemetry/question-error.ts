/** Why a question has no answer. */
export type QuestionErrorKind =
  /** The parameters mean nothing: HTTP 400. */
  | "invalid"
  | "not-found"
  /** The answer would be larger, or take longer, than it may: HTTP 422. */
  | "limit"
  /** The telemetry thread is switched off, starts again, or is behind: HTTP 503. */
  | "unavailable";

/** The message is for whoever asked, and says what to do. */
export class QuestionError extends Error {
  override readonly name = "QuestionError";
  readonly kind: QuestionErrorKind;

  constructor(kind: QuestionErrorKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}
