export interface MessageSupport {
  /** Implemented. */
  readonly has: readonly string[];
  /** Accepted for these values only: enum value names, numbers, booleans (also wrapped), strings, or "empty" for a message or list. */
  readonly only?: Readonly<Record<string, readonly (string | number | boolean)[]>>;
  /** Accepted without effect, and why. */
  readonly ignored?: Readonly<Record<string, string>>;
  /** For Any fields (also lists and maps of them): the message types that may be packed. */
  readonly extensions?: Readonly<Record<string, readonly string[]>>;
  /** For message fields: what of that message is refused in this place. */
  readonly without?: Readonly<Record<string, readonly string[]>>;
  /** Any fields that may be left out. */
  readonly optional?: readonly string[];
}

/** Groups of the table, by message type name. */
export type SupportGroup = Readonly<Record<string, MessageSupport>>;
