/** What expressions are evaluated to. */

/** Whole numbers are bigints; undefined is an error. */
export type CelValue =
  | bigint
  | number
  | string
  | boolean
  | null
  | CelDuration
  | CelMap
  | readonly CelValue[]
  | undefined;

export class CelDuration {
  readonly ms: number;

  constructor(ms: number) {
    this.ms = ms;
  }
}

/** Headers, by name. */
export interface CelMap {
  find(name: string): string | undefined;
}
