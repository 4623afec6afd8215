import type { Http2Options, Http2Stats } from "./options.ts";

/** Frames that cost the peer little and us something, and what we let pass of them: Envoy `source/common/http/http2/protocol_constraints.cc`. */
export class InboundLimits {
  /** Streams that there have been, and DATA frames that we have sent. */
  streams = 0;
  dataFrames = 0;
  /** Which limit has been passed. */
  violation = "";
  private readonly options: Http2Options;
  private readonly stats: Http2Stats;
  private emptyFrames = 0;
  private priorities = 0;
  private windowUpdates = 0;

  constructor(options: Http2Options, stats: Http2Stats) {
    this.options = options;
    this.stats = stats;
  }

  /** Of HEADERS, CONTINUATION and DATA. False: too many without payload. */
  countPayload(bytes: number, endStream: boolean): boolean {
    if (bytes > 0 || endStream) {
      this.emptyFrames = 0;
      return true;
    }
    if (++this.emptyFrames <= this.options.maxEmptyFrames) return true;
    this.stats.emptyFramesFlood.value++;
    this.violation = "Too many consecutive frames with an empty payload";
    return false;
  }

  countPriority(): boolean {
    if (++this.priorities <= this.options.maxPriorityFramesPerStream * (1 + this.streams)) return true;
    this.stats.priorityFlood.value++;
    this.violation = "Too many PRIORITY frames";
    return false;
  }

  countWindowUpdate(): boolean {
    const { maxWindowUpdatesPerData } = this.options;
    if (++this.windowUpdates <= 5 + 2 * (this.streams + maxWindowUpdatesPerData * this.dataFrames)) return true;
    this.stats.windowUpdateFlood.value++;
    this.violation = "Too many WINDOW_UPDATE frames";
    return false;
  }
}
