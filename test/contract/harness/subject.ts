/** The proxies under test, behind one interface. */
import type { JsonObject } from "./case.ts";

export interface Subject {
  readonly name: "envoy" | "tulle";
  start(bootstrap: JsonObject): Promise<Running | Refusal>;
  stop(): Promise<void>;
}

export interface Running {
  /** Ports by listener name. */
  readonly ports: ReadonlyMap<string, number>;
  readonly adminPort: number;
  stop(): Promise<void>;
}

/** The configuration was not accepted. */
interface Refusal {
  readonly refusal: string;
}
