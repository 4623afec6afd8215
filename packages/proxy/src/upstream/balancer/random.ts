import type { Picker } from "./balanced-host.ts";

/** RANDOM: every host alike, weights ignored, as Envoy does. */
export class Random<H> implements Picker<H> {
  private hosts: readonly H[] = [];

  setHosts(hosts: readonly H[]): void {
    this.hosts = hosts;
  }

  pick(random: () => number): H | null {
    const n = this.hosts.length;
    return n === 0 ? null : this.hosts[Math.floor(random() * n)];
  }

  /** The same as the pick that gets the same number. */
  peek(random: () => number): H | null {
    return this.pick(random);
  }
}
