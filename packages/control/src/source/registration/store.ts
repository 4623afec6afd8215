/**
 * Registrations on disk, so that a control plane that starts anew does not take everybody out of service before the first
 * proxies have reconnected.
 */
import { isIP } from "@tulle/api";
import type { Log } from "@tulle/xds";
import { join } from "node:path";
import type { Workload } from "../../model/workload.ts";
import { StateFile } from "../../state-file.ts";

interface Saved {
  readonly workloads: readonly Workload[];
}

export class RegistrationStore {
  readonly #file: StateFile<Saved>;

  constructor(stateDir: string, log: Log) {
    this.#file = new StateFile(join(stateDir, "workloads.json"), isSaved, log);
  }

  async load(): Promise<readonly Workload[]> {
    return (await this.#file.load())?.workloads ?? [];
  }

  save(workloads: readonly Workload[]): void {
    this.#file.save({ workloads });
  }

  /** Resolves when everything saved so far is on disk. */
  flush(): Promise<void> {
    return this.#file.flush();
  }
}

function isSaved(value: unknown): value is Saved {
  const { workloads } = value as { workloads?: unknown };
  return Array.isArray(workloads) && workloads.every(isWorkload);
}

/** Enough to know that this version of the program wrote it. */
function isWorkload(value: unknown): value is Workload {
  if (typeof value !== "object" || value === null) return false;
  const { id, name, namespace, labels, inbound, healthy, locality, registeredAt } = value as Partial<Workload>;
  return (
    typeof id === "string" &&
    typeof name === "string" &&
    typeof namespace === "string" &&
    typeof labels === "object" &&
    typeof healthy === "boolean" &&
    typeof locality === "string" &&
    typeof registeredAt === "number" &&
    Array.isArray(inbound) &&
    inbound.every(({ address, bindPort }) => isIP(address) && Number.isInteger(bindPort))
  );
}
