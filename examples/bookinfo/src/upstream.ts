/** Calls from one Bookinfo service to another: kept-alive connections, `HTTP_PROXY`, one deadline a call. */
import { Agent, get } from "node:http";
import type { IncomingMessage } from "node:http";

/** What came back: `value` is undefined unless the status is 200 and the body is JSON. Status 0: no answer at all. */
export interface Answer {
  status: number;
  value: unknown;
}

export interface Upstream {
  /** GETs `http://<service>/<service name>/<id>`; never rejects. */
  fetch: (id: string, headers: Record<string, string>, timeoutMs: number) => Promise<Answer>;
}

/** `proxyEnv` makes Node honour HTTP_PROXY and NO_PROXY: that is how calls reach the sidecar. */
const agent = new Agent({ keepAlive: true, proxyEnv: process.env });

/**
 * The service `name`, found as in the original: `<NAME>_HOSTNAME` (default the name itself) + `.$SERVICES_DOMAIN` +
 * `:<NAME>_SERVICE_PORT` (default 9080).
 */
export function upstream(name: "details" | "reviews" | "ratings", env: NodeJS.ProcessEnv = process.env): Upstream {
  const key = name.toUpperCase();
  const host = env[`${key}_HOSTNAME`] ?? name;
  const domain = env["SERVICES_DOMAIN"] === undefined ? "" : `.${env["SERVICES_DOMAIN"]}`;
  const base = `http://${host}${domain}:${env[`${key}_SERVICE_PORT`] ?? "9080"}/${name}/`;
  return {
    fetch: async (id, headers, timeoutMs) => {
      const url = base + encodeURIComponent(id);
      try {
        return await exchange(url, headers, AbortSignal.timeout(timeoutMs));
      } catch (error) {
        console.error(`GET ${url}: ${error instanceof Error ? error.message : String(error)}`);
        return { status: 0, value: undefined };
      }
    },
  };
}

async function exchange(url: string, headers: Record<string, string>, signal: AbortSignal): Promise<Answer> {
  const response = await send(url, headers, signal);
  const chunks: Buffer[] = [];
  for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk);
  const status = response.statusCode ?? 0;
  return { status, value: status === 200 ? JSON.parse(Buffer.concat(chunks).toString("utf8")) : undefined };
}

function send(url: string, headers: Record<string, string>, signal: AbortSignal): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const request = get(url, { agent, headers, signal }, resolve);
    request.once("error", (error: NodeJS.ErrnoException) => {
      // The server may close a kept-alive connection just as it is used again (RFC 9112 §9.3.1): a GET goes once more.
      const stale = request.reusedSocket && (error.code === "ECONNRESET" || error.code === "EPIPE");
      if (stale && !signal.aborted) send(url, headers, signal).then(resolve, reject);
      else reject(error);
    });
  });
}
