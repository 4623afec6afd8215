/** Requests and successes of one interval after another. Source: Envoy `outlier_detection_impl.h`, SuccessRateAccumulator. */
export class SuccessRate {
  /** In percent over the last interval; -1: too few requests to say. */
  shown = -1;
  private total = 0;
  private succeeded = 0;
  /** Of the interval before. */
  lastTotal = 0;
  private lastSucceeded = 0;

  count(success: boolean): void {
    this.total++;
    if (success) this.succeeded++;
  }

  endInterval(): void {
    this.lastTotal = this.total;
    this.lastSucceeded = this.succeeded;
    this.total = 0;
    this.succeeded = 0;
    this.shown = -1;
  }

  /** In percent, of the interval that has ended; only if there were requests. */
  get last(): number {
    return (this.lastSucceeded * 100) / this.lastTotal;
  }
}
