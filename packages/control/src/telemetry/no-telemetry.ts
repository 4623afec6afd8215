import { QuestionError } from "./question-error.ts";
import type { Telemetry } from "./telemetry.ts";

/** In place of the telemetry thread where it is switched off: takes nothing, knows nothing, and says so. */
export class NoTelemetry implements Telemetry {
  readonly starts = 0;

  ingest(): boolean {
    return false;
  }

  deliver(): Promise<never> {
    return this.ask();
  }

  ask(): Promise<never> {
    return Promise.reject(isOff());
  }

  subscribe(): never {
    throw isOff();
  }

  renderMetrics(): string {
    return "";
  }

  async close(): Promise<void> {}
}

function isOff(): QuestionError {
  return new QuestionError("unavailable", "telemetry is switched off in this control plane");
}
