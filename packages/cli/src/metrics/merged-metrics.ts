/**
 * The metrics of an application and of its proxy as one page, as Istio's agent serves them at its port 15020: what is down is left out and
 * counted. (istio/istio `pilot/cmd/pilot-agent/status/server.go`, handleStats)
 */
import type { ExpositionFormat } from "@tulle/telemetry/exposition";
import type { Address } from "../options.ts";
import { merge, problemOf } from "./exposition.ts";
import { type Page, scrape } from "./scrape.ts";

export interface MetricsPlace extends Address {
  readonly path: string;
}

export interface MergedMetricsOptions {
  /** Where the proxy shows its own. */
  readonly proxy: MetricsPlace;
  /** Undefined: the application has none. */
  readonly application: MetricsPlace | undefined;
  /** Of this process, Prometheus text. */
  readonly own?: () => string;
  /** Told once when a source begins to fail, with the reason. */
  readonly onFailure: (source: Source, reason: string) => void;
}

/** As Istio names them. */
export type Source = "envoy" | "application";

/** Of one application: about 100,000 series. */
const MAX_BYTES = 16 * 1024 * 1024;
/** Prometheus' own, where a scraper does not say. */
const TIMEOUT_MS = 10_000;
/** Of a scraper's time: what is left is for the proxy, and the way back. */
const SHARE = 0.75;

export class MergedMetrics {
  readonly #options: MergedMetricsOptions;
  readonly #failures: Record<Source, number> = { envoy: 0, application: 0 };
  readonly #failing = new Set<Source>();
  #scrapes = 0;

  constructor(options: MergedMetricsOptions) {
    this.#options = options;
  }

  /** @param wanted what the scraper likes best @param timeoutMs how long it waits; undefined: it does not say */
  async page(wanted: ExpositionFormat, timeoutMs = TIMEOUT_MS): Promise<Page> {
    const { proxy, application } = this.#options;
    this.#scrapes++;
    const limits = { timeoutMs: Math.max(Math.min(timeoutMs, TIMEOUT_MS) * SHARE, 1), maxBytes: MAX_BYTES };
    // All has to be of one format, and an application may have only the older one.
    let theirs = application && (await this.#ask("application", application, wanted, limits));
    const own = await this.#ask("envoy", proxy, theirs?.format ?? wanted, limits);
    if (application !== undefined && theirs?.format === "openmetrics" && own?.format === "text") {
      theirs = await this.#ask("application", application, "text", limits);
      if (theirs?.format === "openmetrics") theirs = undefined;
    }
    const pages = [own, theirs].flatMap((page) => (page === undefined ? [] : [page]));
    const format = pages[0]?.format ?? wanted;
    const texts = pages.filter((page) => page.format === format).map(({ text }) => text);
    return { format, text: merge([...texts, this.#ownText(format)], format) };
  }

  async #ask(
    source: Source,
    { path, ...address }: MetricsPlace,
    wanted: ExpositionFormat,
    limits: { timeoutMs: number; maxBytes: number },
  ): Promise<Page | undefined> {
    try {
      const page = await scrape(address, path, wanted, limits);
      const problem = problemOf(page.text, page.format);
      if (problem !== undefined) throw new Error(problem);
      this.#failing.delete(source);
      return page;
    } catch (error) {
      this.#failures[source]++;
      if (!this.#failing.has(source)) {
        this.#failing.add(source);
        this.#options.onFailure(source, error instanceof Error ? error.message : String(error));
      }
      return undefined;
    }
  }

  /** (istio/istio `pilot/cmd/pilot-agent/metrics/metrics.go`) */
  #ownText(format: ExpositionFormat): string {
    const type = (family: string): string =>
      `# TYPE ${format === "openmetrics" ? family : `${family}_total`} counter\n`;
    const failures = Object.entries(this.#failures).map(
      ([source, count]) => `istio_agent_scrape_failures_total{type="${source}"} ${count}\n`,
    );
    const { own } = this.#options;
    return [
      type("istio_agent_scrapes"),
      `istio_agent_scrapes_total ${this.#scrapes}\n`,
      type("istio_agent_scrape_failures"),
      ...failures,
      // Their types are said in words of the text format.
      own === undefined ? "" : format === "text" ? own() : own().replaceAll(/^#.*\n/gm, ""),
    ].join("");
  }
}
