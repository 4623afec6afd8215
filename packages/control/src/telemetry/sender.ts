/** Who sent what is taken in. The main thread has checked it; everything in it is text from the network all the same. */
import type { Labels } from "@tulle/telemetry/records";

export interface Sender {
  /** Whoever shares a budget: the node id of a proxy, the address of an application's host. */
  readonly id: string;
  /** Undefined: not a proxy. */
  readonly proxy: SendingProxy | undefined;
  /** Labels of a target, for what is scraped. */
  readonly target?: Labels;
}

export interface SendingProxy {
  readonly node: string;
  readonly workload: string;
  readonly namespace: string;
  /** Of the workload. */
  readonly labels: Labels;
  /** Its host; "" if it does not say. */
  readonly address: string;
  readonly clusterId: string;
  /** Its service, if it names one. */
  readonly service: string | undefined;
  /** `envoy`, `tulle`. */
  readonly userAgent: string;
}
