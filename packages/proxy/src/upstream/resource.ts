import type { Gauge } from "../stats/index.ts";

/**
 * Something of which there may be so many at a time, with its gauge for "no more". The count may pass the limit: who asks
 * `canCreate` decides what follows. Source: Envoy `source/common/upstream/resource_manager_impl.h`, ManagedResourceImpl.
 */
export class Resource {
  count = 0;
  readonly max: number;
  private readonly open: Gauge;
  /** Null unless `track_remaining`. */
  private readonly remaining: Gauge | null;

  constructor(max: number, open: Gauge, remaining: Gauge | null) {
    this.max = max;
    this.open = open;
    this.remaining = remaining;
    if (remaining !== null) remaining.value = this.left();
  }

  canCreate(): boolean {
    return this.count < this.max;
  }

  inc(): void {
    this.count++;
    this.show();
  }

  dec(): void {
    this.count--;
    this.show();
  }

  private show(): void {
    this.open.value = this.count < this.max ? 0 : 1;
    if (this.remaining !== null) this.remaining.value = this.left();
  }

  /** Of what has no limit 2^64 - 1 less those that there are, as Envoy counts; below zero it is written so. */
  private left(): number {
    return this.max === Infinity ? -1 - this.count : Math.max(this.max - this.count, 0);
  }
}
