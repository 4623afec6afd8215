/** Asks for a page of metrics, within a time and a size. */
import type { IncomingMessage } from "node:http";
import { CONTENT_TYPE, type ExpositionFormat } from "@tulle/telemetry/exposition";
import type { Address } from "../options.ts";
import { formatOf } from "./exposition.ts";

// Not by `import`: that evaluates every export of node:http, among them the whole of `fetch`, and a proxy is in this process.
const { request } = process.getBuiltinModule("node:http");

export interface Page {
  readonly format: ExpositionFormat;
  readonly text: string;
}

export interface ScrapeLimits {
  readonly timeoutMs: number;
  readonly maxBytes: number;
}

/** @param format what is liked best. Rejects with the reason why there is no page. */
export function scrape(
  { host, port }: Address,
  path: string,
  format: ExpositionFormat,
  limits: ScrapeLimits,
): Promise<Page> {
  const accept = format === "text" ? CONTENT_TYPE.text : `${CONTENT_TYPE.openmetrics}, text/plain;version=0.0.4;q=0.5`;
  const headers = { accept, "user-agent": "tulle", connection: "close" };
  const signal = AbortSignal.timeout(limits.timeoutMs);
  return new Promise((resolve, reject) => {
    const fail = (error: unknown): void => {
      if (signal.aborted) reject(new Error(`no whole answer within ${Math.round(limits.timeoutMs)} ms`));
      else reject(error instanceof Error ? error : new Error(String(error)));
    };
    const sent = request({ host, port, path, headers, signal }, (response) => {
      readPage(response, limits.maxBytes).then(resolve, (error: unknown) => {
        sent.destroy();
        fail(error);
      });
    });
    sent.once("error", fail);
    sent.end();
  });
}

async function readPage(response: IncomingMessage, maxBytes: number): Promise<Page> {
  if (response.statusCode !== 200) throw new Error(`it answered ${response.statusCode}`);
  const format = formatOf(response.headers["content-type"] ?? "");
  if (format === undefined) throw new Error(`it answered with ${response.headers["content-type"]}`);
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxBytes) throw new Error(`it answered with more than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return { format, text: Buffer.concat(chunks).toString() };
}
