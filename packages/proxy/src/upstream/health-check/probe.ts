/** Who hears what a probe has found out; one verdict a probe. */
export interface ProbeOwner {
  /** @param degraded the host says that it is (`x-envoy-degraded`) */
  onPassed(degraded: boolean): void;
  /** @param immediate the host says that it is not to be used (`x-envoy-immediate-health-check-fail`) */
  onFailed(failure: ProbeFailure, immediate?: boolean): void;
}

/** `answer`: the host answered, but not as it should; `retriable`: in a way that counts as no answer. */
export type ProbeFailure = "answer" | "retriable" | "network" | "timeout";

/** A connection on which a host is probed, once or (`reuse_connection`) again and again. */
export interface ProbeConnection {
  /** It can take no further probe. */
  readonly closed: boolean;
  probe(): void;
  /** The probe has taken too long: no verdict follows. */
  giveUp(): void;
  /** Closes it; no verdict follows. */
  close(): void;
}
