/** Bounds on what one file may cost (the default ones: some seconds); far above any real configuration. */
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
  maxLength: 4 * 1024 * 1024,
  maxDepth: 100,
  maxAliasedNodes: 50_000,
  maxDiagnostics: 1000,
};
