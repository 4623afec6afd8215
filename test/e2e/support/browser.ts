/** A real browser that looks at the console: every script error and every breach of the page's policy is kept. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import axe from "axe-core";
import { chromium } from "playwright-core";
import type { Browser, Locator, Page } from "playwright-core";
import { eventually } from "./tulle.ts";

const CHROMIUM = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(existsSync);
export const SKIPPED: string | false = CHROMIUM === undefined ? "no Chromium here: apt install chromium" : false;

/** Proxies report every 5 s, and a busy machine takes its time. */
export const PATIENCE = { timeout: 60_000 };

export interface Look {
  readonly dark?: boolean;
  readonly width?: number;
  readonly reducedMotion?: boolean;
}

export class Visitor {
  readonly errors: string[] = [];
  readonly #browser: Browser;

  private constructor(browser: Browser) {
    this.#browser = browser;
  }

  static async arrive(): Promise<Visitor> {
    const args = ["--no-sandbox", "--disable-gpu"];
    return new Visitor(await chromium.launch({ executablePath: CHROMIUM!, args }));
  }

  async page({ dark = false, width = 1280, reducedMotion = false }: Look = {}): Promise<Page> {
    const context = await this.#browser.newContext({
      viewport: { width, height: 860 },
      colorScheme: dark ? "dark" : "light",
      reducedMotion: reducedMotion ? "reduce" : "no-preference",
    });
    context.setDefaultTimeout(PATIENCE.timeout);
    const page = await context.newPage();
    page.on("pageerror", (error) => this.errors.push(`${page.url()}: ${error.message}`));
    page.on("console", (message) => {
      if (message.text().includes("Content Security Policy")) this.errors.push(`${page.url()}: ${message.text()}`);
    });
    return page;
  }

  /** At an address, when it has its heading. */
  async open(url: string, look: Look = {}): Promise<Page> {
    const page = await this.page(look);
    await page.goto(url);
    await page.locator("h1").first().waitFor(PATIENCE);
    // What is seen first does not hear keys yet.
    await page.evaluate("new Promise((done) => requestIdleCallback(done))");
    return page;
  }

  async leave(): Promise<void> {
    await this.#browser.close();
  }
}

const MAX_CLICKS = 3;

/** Clicks, and fails if they become too many. */
export function clickCounter(): (target: Locator) => Promise<void> {
  let clicks = 0;
  return async (target) => {
    await target.waitFor(PATIENCE);
    await target.click();
    assert.ok(++clicks <= MAX_CLICKS, `more than ${MAX_CLICKS} clicks`);
  };
}

/** What goes round and round for as long as something loads is not waited for. */
const STILL =
  "document.getAnimations().every(({ playState, effect }) => playState !== 'running' || effect.getComputedTiming().iterations === Infinity)";

/** Nothing that axe calls serious, and nothing beside the screen. */
export async function assertFitForAll(page: Page, what: string): Promise<void> {
  // What is half transparent for a moment has no contrast.
  await eventually("nothing moves", PATIENCE.timeout, async () => (await page.evaluate(STILL)) === true);
  await page.evaluate(axe.source);
  const found = (await page.evaluate(
    "axe.run().then(({ violations }) => violations.map(({ id, impact, nodes }) => ({ id, impact, at: nodes[0].target.join(' ') })))",
  )) as readonly { id: string; impact: string; at: string }[];
  assert.deepEqual(
    found.filter(({ impact }) => impact === "serious" || impact === "critical"),
    [],
    what,
  );
  const beside = (await page.evaluate("document.documentElement.scrollWidth - innerWidth")) as number;
  assert.ok(beside <= 0, `${what} is ${beside} px too wide`);
}
