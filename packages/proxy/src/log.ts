/** Operational log of the proxy: one line an event on stderr, text or JSON. Not the access log. */

/** Envoy's levels, in order (`--log-level`, admin `/logging?level=`). */
export const LOG_LEVELS = ["trace", "debug", "info", "warning", "error", "critical", "off"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Values that explain an event: listener, cluster, peer address, cause. */
export type LogFields = Readonly<Record<string, string | number | boolean>>;

export interface Log {
  /** May be changed at any time (admin `/logging`). */
  level: LogLevel;
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

export interface LogOptions {
  readonly level: LogLevel;
  readonly format?: "text" | "json";
  /** Receives whole lines, newline included. */
  readonly write: (line: string) => void;
  /** Wall clock, for the time stamp. */
  readonly now: () => Date;
}

export function isLogLevel(text: string): text is LogLevel {
  return (LOG_LEVELS as readonly string[]).includes(text);
}

export function createLog(options: LogOptions): Log {
  const format = options.format ?? "text";
  const emit = (log: Log, level: LogLevel, message: string, fields: LogFields | undefined): void => {
    if (LOG_LEVELS.indexOf(level) < LOG_LEVELS.indexOf(log.level)) return;
    const time = options.now().toISOString();
    options.write(
      format === "json"
        ? `${JSON.stringify({ time, level, message, ...fields })}\n`
        : `${time} ${level.padEnd(7)} ${message}${textFields(fields)}\n`,
    );
  };
  const log: Log = {
    level: options.level,
    debug: (message, fields) => emit(log, "debug", message, fields),
    info: (message, fields) => emit(log, "info", message, fields),
    warn: (message, fields) => emit(log, "warning", message, fields),
    error: (message, fields) => emit(log, "error", message, fields),
  };
  return log;
}

function textFields(fields: LogFields | undefined): string {
  if (fields === undefined) return "";
  let text = "";
  for (const [key, value] of Object.entries(fields)) {
    text += ` ${key}=${typeof value === "string" && !/^[\w.:/|@-]+$/.test(value) ? JSON.stringify(value) : value}`;
  }
  return text;
}
