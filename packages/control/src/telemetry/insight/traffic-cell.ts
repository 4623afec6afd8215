/** What one workload has sent to another in a window, as each of the two has counted it. */
import { UNKNOWN } from "@tulle/telemetry";
import type { Labels } from "@tulle/telemetry/records";
import { Histogram } from "./histogram.ts";

/** One end of the traffic, in the words of the metric labels; "" for what is unknown. */
export interface EndPoint {
  readonly namespace: string;
  readonly workload: string;
  readonly app: string;
  readonly version: string;
}

export interface Destination extends EndPoint {
  /** Short name of the service, and its host; hosts that no object describes have only that. */
  readonly service: string;
  readonly serviceNamespace: string;
  readonly host: string;
}

/** Requests of one protocol as one side has counted them. */
export class RequestCounts {
  requests = 0;
  failed = 0;
  clientErrors = 0;
  requestBytes = 0;
  responseBytes = 0;
  readonly byCode = new Map<string, number>();
  readonly byFlags = new Map<string, number>();
  readonly duration = new Histogram();

  add(other: RequestCounts): void {
    this.requests += other.requests;
    this.failed += other.failed;
    this.clientErrors += other.clientErrors;
    this.requestBytes += other.requestBytes;
    this.responseBytes += other.responseBytes;
    for (const [code, count] of other.byCode) increment(this.byCode, code, count);
    for (const [flags, count] of other.byFlags) increment(this.byFlags, flags, count);
    this.duration.add(other.duration);
  }
}

export class SideCounts {
  readonly http = new RequestCounts();
  readonly grpc = new RequestCounts();
  /** Of requests and of TCP connections. */
  mutualTls = 0;
  plain = 0;
  /** Of requests with a delay that a fault injected: how many, and how long they took in all. */
  readonly delayed = new Histogram();
  requestMessages = 0;
  responseMessages = 0;
  sentBytes = 0;
  receivedBytes = 0;
  opened = 0;
  closed = 0;

  get requests(): number {
    return this.http.requests + this.grpc.requests;
  }

  get isEmpty(): boolean {
    return this.requests === 0 && !this.hasTcp;
  }

  get hasTcp(): boolean {
    return this.sentBytes + this.receivedBytes + this.opened + this.closed > 0;
  }

  /** HTTP and gRPC together. */
  get duration(): Histogram {
    if (this.grpc.duration.count === 0) return this.http.duration;
    const all = new Histogram();
    all.add(this.http.duration);
    all.add(this.grpc.duration);
    return all;
  }

  add(other: SideCounts): void {
    this.http.add(other.http);
    this.grpc.add(other.grpc);
    this.delayed.add(other.delayed);
    this.mutualTls += other.mutualTls;
    this.plain += other.plain;
    this.requestMessages += other.requestMessages;
    this.responseMessages += other.responseMessages;
    this.sentBytes += other.sentBytes;
    this.receivedBytes += other.receivedBytes;
    this.opened += other.opened;
    this.closed += other.closed;
  }
}

export class TrafficCell {
  readonly from: EndPoint;
  readonly to: Destination;
  readonly source = new SideCounts();
  readonly destination = new SideCounts();
  sourcePrincipal = "";
  destinationPrincipal = "";

  constructor(from: EndPoint, to: Destination) {
    this.from = from;
    this.to = to;
  }

  /**
   * The side whose counts are the truth about how much there was, as Kiali has it: the source's, which knows of requests that never
   * arrived, or the destination's where the source has no proxy.
   */
  get counted(): SideCounts {
    return this.source.isEmpty ? this.destination : this.source;
  }

  add(other: TrafficCell): void {
    this.source.add(other.source);
    this.destination.add(other.destination);
    this.sourcePrincipal ||= other.sourcePrincipal;
    this.destinationPrincipal ||= other.destinationPrincipal;
  }
}

export function increment(counts: Map<string, number>, key: string, by: number): void {
  counts.set(key, (counts.get(key) ?? 0) + by);
}

/** "" for unknown. */
export function known(labels: Labels, name: string): string {
  const value = labels[name];
  return value === undefined || value === UNKNOWN ? "" : value;
}
