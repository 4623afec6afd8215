/** So many places are kept to look back on: frames are counted exactly, and let go in groups. */
const GROUPS = 64;

/**
 * Frames that have been written and have not left, by what the connection says still waits: Envoy counts them in its write buffer
 * (`protocol_constraints.cc`). A peer that makes us write and does not read is stopped by their limit.
 */
export class OutboundFrames {
  private readonly limit: number;
  private readonly groupSize: number;
  /** Where in all that was written the frames of each group end. */
  private readonly ends = new Float64Array(GROUPS);
  private first = 0;
  private groups = 0;
  private inGroup = 0;

  constructor(limit: number) {
    this.limit = limit;
    this.groupSize = Math.ceil(limit / (GROUPS - 1));
  }

  /**
   * A frame has been written.
   * @param written bytes that have been written to the connection, this frame included
   * @param sink who knows how many of them still wait
   * @returns false: too many
   */
  count(written: number, sink: { readonly waitingBytes: number }): boolean {
    if (++this.inGroup < this.groupSize) return true;
    this.inGroup = 0;
    this.ends[(this.first + this.groups++) % GROUPS] = written;
    if (this.groups * this.groupSize <= this.limit) return true;
    const left = written - sink.waitingBytes;
    while (this.groups > 0 && this.ends[this.first] <= left) {
      this.first = (this.first + 1) % GROUPS;
      this.groups--;
    }
    return this.groups * this.groupSize <= this.limit;
  }
}
