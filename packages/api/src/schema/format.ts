/** A check on a string value. */
export interface Format {
  /** Completes "expected …". */
  readonly expected: string;
  readonly accepts: (value: string) => boolean;
}
