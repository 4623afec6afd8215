/** Bounds on what one file may cost; far above any real configuration. */
export interface ParseLimits {
  /** Characters in a file. */
  readonly maxLength: number;
  /** Levels of nesting. */
  readonly maxDepth: number;
  /** Values that aliases may add to one document. */
  readonly maxAliasedNodes: number;
  /** Diagnostics for one file; one more says that there are others. */
  readonly maxDiagnostics: number;
}

export const DEFAULT_LIMITS: ParseLimits = {
  maxLength: 8 * 1024 * 1024,
  maxDepth: 100,
  maxAliasedNodes: 50_000,
  maxDiagnostics: 1000,
};
