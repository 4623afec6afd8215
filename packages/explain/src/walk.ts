/** A request's way, step by step, with what a share of such requests gets where it ends. */
import type { Fact, Lost, OriginLink, Outcome, Reason, Remedy, Step, StepKind } from "./answer.ts";

export interface StepParts {
  readonly origin?: OriginLink | undefined;
  readonly reasons?: readonly Reason[];
  readonly lost?: readonly Lost[];
  readonly facts?: readonly Fact[];
  readonly ends?: boolean;
}

export class Walk {
  readonly side: Step["side"];
  readonly steps: Step[] = [];
  readonly outcomes: Outcome[] = [];
  readonly remedies: Remedy[] = [];
  readonly caveats: string[] = [];
  /** Of all requests, those that have come so far. */
  left: number;

  constructor(side: Step["side"], left = 1) {
    this.side = side;
    this.left = left;
  }

  step(kind: StepKind, title: string, { origin, reasons = [], lost = [], facts = [], ends = false }: StepParts): void {
    this.steps.push({ side: this.side, kind, title, ends, ...(origin && { origin }), reasons, lost, facts });
  }

  /** The proxy answers so many of those that are left by itself. @param part in [0, 1] */
  answer(part: number, status: number, flags: string, details: string, text: string): void {
    const by = this.side === "source" ? "source proxy" : "destination proxy";
    this.outcomes.push({ share: this.left * part, by, status, flags, details, text });
    this.left *= 1 - part;
  }

  remedy(cause: string, fix: string, origin?: OriginLink): void {
    this.remedies.push({ cause, fix, ...(origin && { origin }) });
  }

  caveat(text: string): void {
    if (!this.caveats.includes(text)) this.caveats.push(text);
  }
}

export function percent(share: number): string {
  const value = share * 100;
  return `${Number.isInteger(value) ? value : Number(value.toFixed(2))} %`;
}
