/** Server-sent events as something that React can subscribe to. */
import { after } from "../clock.ts";

export type StreamState = "connecting" | "open" | "lost";

/** A browser's own reconnecting waits for nothing; ours waits longer each time. */
const RETRY_MS = [1000, 2000, 5000, 10_000];

export interface StreamHandlers {
  /** By event name; `message` for those without. The data are parsed JSON. */
  readonly on: Readonly<Record<string, (data: unknown) => void>>;
  readonly onState?: (state: StreamState) => void;
}

/** Opens the stream and keeps it open. Returns what closes it. */
export function openStream(url: string, { on, onState }: StreamHandlers): () => void {
  let source: EventSource | undefined;
  let cancelRetry: (() => void) | undefined;
  let failures = 0;
  const connect = (): void => {
    onState?.("connecting");
    const current = new EventSource(url);
    source = current;
    current.addEventListener("open", () => {
      failures = 0;
      onState?.("open");
    });
    current.addEventListener("error", () => {
      current.close();
      onState?.("lost");
      cancelRetry = after(RETRY_MS[Math.min(failures++, RETRY_MS.length - 1)]!, connect);
    });
    for (const [name, handle] of Object.entries(on)) {
      current.addEventListener(name, (event: MessageEvent<string>) => handle(JSON.parse(event.data)));
    }
  };
  connect();
  return () => {
    cancelRetry?.();
    source?.close();
  };
}
