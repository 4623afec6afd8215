/** Waiting for conditions: every socket of a case tells one place that something happened. */

export class Activity {
  private waiting: (() => void)[] = [];
  /** `performance.now()` of the last event. */
  last = performance.now();

  happened = (): void => {
    this.last = performance.now();
    for (const wake of this.waiting.splice(0)) wake();
  };

  /** Resolves at the next event, or after `ms`. */
  next(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.waiting.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  /** Resolves when the condition holds; throws Stuck when it does not in time. */
  async until(what: string, limitMs: number, holds: () => boolean | Promise<boolean>): Promise<void> {
    const deadline = performance.now() + limitMs;
    while (!(await holds())) {
      const left = deadline - performance.now();
      if (left <= 0) throw new Stuck(what);
      await this.next(Math.min(left, 20));
    }
  }
}

/** A script waited in vain. */
export class Stuck extends Error {
  override name = "Stuck";
}
