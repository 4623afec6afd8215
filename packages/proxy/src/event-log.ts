import { createWriteStream } from "node:fs";
import type { Log } from "./log.ts";

/** A file that events are added to, a line each. */
export interface EventLog {
  write(line: string): void;
  close(): Promise<void>;
}

/** What cannot be written is logged, and traffic goes on. */
export function openEventLog(path: string, log: Log): EventLog {
  const stream = createWriteStream(path, { flags: "a" });
  stream.on("error", (error) => log.error("cannot write an event log", { path, error: error.message }));
  return {
    write: (line) => void stream.write(line),
    close: () => new Promise((resolve) => stream.end(() => resolve())),
  };
}
