/** Where servers and clients say what happened to them. Fields are for machines, the message for people. */
export type Log = (
  level: "debug" | "info" | "warn" | "error",
  message: string,
  fields?: Readonly<Record<string, unknown>>,
) => void;

export const silent: Log = () => {};
