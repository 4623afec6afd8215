/** Serves merged metrics, and whether the proxy is ready, as Istio's agent does at 15020. */
import { CONTENT_TYPE, preferredFormat } from "@tulle/telemetry/exposition";
import type { IncomingMessage, ServerResponse } from "node:http";
import { CliError } from "../errors.ts";
import { formatAddress } from "../options.ts";
import type { Address } from "../options.ts";
import { style } from "../terminal/style.ts";
import { MergedMetrics } from "./merged-metrics.ts";
import type { MetricsPlace } from "./merged-metrics.ts";

// See scrape.ts.
const { createServer } = process.getBuiltinModule("node:http");

export interface MergedServerOptions {
  readonly bind: Address;
  /** The option that it was given by. */
  readonly option: string;
  /** The admin endpoint. */
  readonly proxy: Address;
  /** Undefined: the application has none. */
  readonly application: MetricsPlace | undefined;
  /** Of this process, Prometheus text. */
  readonly own?: () => string;
  /** Why it is not ready; "": it is. */
  readonly unready?: () => string;
}

export interface MergedServer {
  /** From now on the proxy takes requests. */
  ready(): void;
  close(): void;
}

/** Scrapes at a time: each may hold a page of an application. */
const MAX_SCRAPES = 4;
const PROXY_PATH = "/stats/prometheus";
const PATHS: ReadonlySet<string> = new Set([PROXY_PATH, "/metrics"]);

/** Rejects with a CliError if the address cannot be bound. */
export async function serveMerged(options: MergedServerOptions): Promise<MergedServer> {
  const { bind, option, proxy, own } = options;
  const metrics = new MergedMetrics({
    proxy: { ...proxy, path: PROXY_PATH },
    application: options.application,
    ...(own === undefined ? {} : { own }),
    onFailure: (source, reason) => {
      const whose = source === "envoy" ? "the proxy" : "the program";
      process.stderr.write(`${style.dim("tulle:", process.stderr)} no metrics of ${whose}: ${reason}\n`);
    },
  });
  let isReady = false;
  let scrapes = 0;
  const unready = options.unready ?? ((): string => (isReady ? "" : "the proxy has no configuration yet"));
  const server = createServer((request, response) => {
    request.resume();
    const path = request.url?.split("?")[0] ?? "";
    if (path === "/healthz/ready") {
      const why = unready();
      end(response, why === "" ? 200 : 503, why === "" ? "ready\n" : `${why}\n`);
    } else if (!PATHS.has(path)) end(response, 404, `${[...PATHS, "/healthz/ready"].join(", ")}\n`);
    else if (scrapes >= MAX_SCRAPES) end(response, 503, `${MAX_SCRAPES} scrapes are under way\n`);
    else {
      scrapes++;
      void answer(request, response, metrics).finally(() => scrapes--);
    }
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) => reject(new CliError(`${option} ${formatAddress(bind)}: ${error.message}`)));
    server.listen(bind.port, bind.host, resolve);
  });
  return {
    ready: () => {
      isReady = true;
    },
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

async function answer({ headers }: IncomingMessage, response: ServerResponse, metrics: MergedMetrics): Promise<void> {
  const seconds = Number(headers["x-prometheus-scrape-timeout-seconds"]);
  const timeoutMs = seconds > 0 ? seconds * 1000 : undefined;
  const { format, text } = await metrics.page(preferredFormat(headers.accept ?? ""), timeoutMs);
  end(response, 200, text, CONTENT_TYPE[format]);
}

function end(response: ServerResponse, status: number, text: string, type = "text/plain; charset=utf-8"): void {
  response.writeHead(status, { "content-type": type, "x-content-type-options": "nosniff", connection: "close" });
  response.end(text);
}
