/** Where entries of access logs are sent, and in what. */
export interface LogCollectorPlan {
  /** Logs of which this is the same share a buffer and a stream. */
  readonly fingerprint: string;
  readonly protocol: "http" | "tcp" | "opentelemetry";
  readonly cluster: string;
  readonly authority: string;
  /** Of the call, by lower-case name. */
  readonly headers: Readonly<Record<string, string>>;
  readonly logName: string;
  /** Entries are gathered for so long. */
  readonly flushMs: number;
  /** Or until they have so many bytes; 0: each leaves by itself. */
  readonly bufferBytes: number;
  /** Of the counters of what was written and dropped. */
  readonly statPrefix: string;
  /** OpenTelemetry's: what is said of whoever logs, encoded; the names that it has before are added (zone, cluster, node). */
  readonly resource: Uint8Array;
  readonly namesNode: boolean;
}
