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
    if (remaining !== null) remaining.value = max;
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
    const left = this.max - this.count;
    this.open.value = left > 0 ? 0 : 1;
    if (this.remaining !== null) this.remaining.value = left > 0 ? left : 0;
  }
}
