import type { Clock, Scheduled } from "./clock.ts";

/** Milliseconds per slot: how late a timer may fire. Never early. */
const TICK_MS = 10;
const SLOTS = 4096;
const MASK = SLOTS - 1;

/** Who is told when a timer falls due; `kind` tells its timers apart. */
export interface TimerOwner {
  onTimer(kind: number): void;
}

/** A timer that lives inside its owner and is armed any number of times; arming allocates nothing. */
export class Timer {
  readonly owner: TimerOwner;
  readonly kind: number;
  /** Absolute, in the clock's milliseconds. */
  deadline = 0;
  next: Timer | null = null;
  previous: Timer | null = null;
  slot = -1;

  constructor(owner: TimerOwner, kind: number) {
    this.owner = owner;
    this.kind = kind;
  }

  get armed(): boolean {
    return this.slot >= 0;
  }
}

/**
 * All deadlines of a data plane in one hashed wheel: slots of intrusive lists, 10 ns to arm and disarm where a timer of the
 * runtime costs 350. One timer of the clock drives it, set to the next slot that is not empty; an idle proxy has none.
 */
export class TimerWheel {
  private readonly clock: Clock;
  private readonly onFire: (timer: Timer) => void;
  private readonly slots: (Timer | null)[] = Array.from({ length: SLOTS }, () => null);
  private armedCount = 0;
  /** The last tick that has been run. */
  private tick: number;
  /** The tick for which the clock's timer is set; Infinity if it is not. */
  private wakeTick = Infinity;
  private wake: Scheduled | null = null;
  private readonly run = (): void => this.advance();

  /** @param onFire calls the owner; the place for a guard around it */
  constructor(clock: Clock, onFire: (timer: Timer) => void) {
    this.clock = clock;
    this.onFire = onFire;
    this.tick = Math.floor(clock.now() / TICK_MS);
  }

  /** Armed timers. */
  get size(): number {
    return this.armedCount;
  }

  /** Arms, or arms anew. @param now the clock's time, which the caller has at hand */
  arm(timer: Timer, now: number, delayMs: number): void {
    if (timer.slot >= 0) this.disarm(timer);
    timer.deadline = now + delayMs;
    const tick = Math.max(Math.ceil(timer.deadline / TICK_MS), this.tick + 1);
    const slot = tick & MASK;
    const head = this.slots[slot];
    timer.slot = slot;
    timer.next = head;
    timer.previous = null;
    if (head !== null) head.previous = timer;
    this.slots[slot] = timer;
    this.armedCount++;
    if (tick < this.wakeTick) this.wakeAt(tick);
  }

  disarm(timer: Timer): void {
    const { slot, next, previous } = timer;
    if (slot < 0) return;
    if (previous === null) this.slots[slot] = next;
    else previous.next = next;
    if (next !== null) next.previous = previous;
    timer.slot = -1;
    timer.next = null;
    timer.previous = null;
    this.armedCount--;
  }

  private advance(): void {
    this.wake = null;
    this.wakeTick = Infinity;
    const now = this.clock.now();
    const target = Math.floor(now / TICK_MS);
    const first = Math.max(this.tick + 1, target - SLOTS + 1);
    this.tick = target;
    for (let tick = first; tick <= target; tick++) this.runSlot(tick & MASK, now);
    if (this.armedCount > 0) this.wakeAtNextSlot();
  }

  private runSlot(slot: number, now: number): void {
    let timer = this.slots[slot];
    while (timer !== null) {
      // The owner may arm and disarm whatever it likes: start over after each one that fired.
      if (timer.deadline <= now) {
        this.disarm(timer);
        this.onFire(timer);
        timer = this.slots[slot];
      } else timer = timer.next;
    }
  }

  private wakeAtNextSlot(): void {
    for (let ahead = 1; ahead <= SLOTS; ahead++) {
      if (this.slots[(this.tick + ahead) & MASK] === null) continue;
      if (this.tick + ahead < this.wakeTick) this.wakeAt(this.tick + ahead);
      return;
    }
  }

  private wakeAt(tick: number): void {
    this.wake?.cancel();
    this.wakeTick = tick;
    this.wake = this.clock.schedule(Math.max(1, Math.ceil(tick * TICK_MS - this.clock.now())), this.run);
  }
}
