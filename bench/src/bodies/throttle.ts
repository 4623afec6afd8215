import type { IncomingMessage } from "node:http";

/** Lets no more than `rate` bytes a second through, by pausing. */
export function throttle(message: IncomingMessage, rate: number): void {
  const started = performance.now();
  let bytes = 0;
  message.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    const ahead = (bytes / rate) * 1000 - (performance.now() - started);
    if (ahead <= 0) return;
    message.pause();
    setTimeout(() => message.resume(), ahead);
  });
}
