/** The proxies under test, behind one interface. */
import type { JsonObject } from "./case.ts";

export interface Subject {
  start(bootstrap: JsonObject): Promise<Running | Refusal>;
  /** A control plane of ours, its files in this folder. @param identities it has a socket for its user */
  controlPlane(folder: string, identities: boolean): Promise<RunningControlPlane>;
}

export interface Running {
  /** Ports by listener name. */
  readonly ports: ReadonlyMap<string, number>;
  readonly adminPort: number;
  stop(): Promise<void>;
}

export interface RunningControlPlane {
  readonly xdsPort: number;
  readonly xdsSocket: string | undefined;
  /** `HOST:PORT` of its API. */
  readonly http: string;
  stop(): Promise<void>;
}

/** The configuration was not accepted. */
export interface Refusal {
  readonly refusal: string;
}
