/** Expressions that choose what is logged: are they any, and does our own proxy know all that is in them? */
import { CelSyntaxError, parseCel, unsupportedCel } from "@tulle/telemetry/cel";

export interface ExpressionCheck {
  /** Why it is no expression, with its place; null: it is one. */
  readonly error: string | null;
  /** What of it our own proxy does not have; null: nothing. */
  readonly missing: string | null;
}

/** @param converts whether values may be converted, as for labels of metrics */
export function checkExpression(text: string, converts = false): ExpressionCheck {
  try {
    return { error: null, missing: unsupportedCel(parseCel(text), converts) };
  } catch (error) {
    if (!(error instanceof CelSyntaxError)) throw error;
    return { error: `character ${error.offset + 1}: ${error.message}`, missing: null };
  }
}
