/** The product page in a real browser, through the ingress: what a person sees of a hidden release. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { chromium } from "playwright-core";
import type { Browser, Page } from "playwright-core";
import { createConfigDir, routing } from "./support/bookinfo.ts";
import { startDemo } from "./support/demo.ts";
import type { RunningDemo } from "./support/demo.ts";

const CHROMIUM = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(existsSync);
/** Pictures for people to look at; git ignores the folder. */
const PICTURES = join(import.meta.dirname, "../../build/screenshots");

describe(
  "the product page in a browser",
  { skip: CHROMIUM === undefined ? "no Chromium here: apt install chromium" : false },
  () => {
    const config = createConfigDir(routing("virtual-service-reviews-test-v2.yaml"));
    let demo: RunningDemo;
    let browser: Browser;
    let page: Page;
    const errors: string[] = [];
    before(async () => {
      mkdirSync(PICTURES, { recursive: true });
      demo = await startDemo(config.path);
      browser = await chromium.launch({
        executablePath: CHROMIUM!,
        args: [
          "--no-sandbox",
          "--disable-gpu",
          "--disable-quic",
          "--no-first-run",
          "--disable-background-networking",
          "--disable-component-update",
          "--disable-sync",
        ],
      });
      page = await browser.newPage({ viewport: { width: 1100, height: 900 } });
      page.setDefaultTimeout(60_000);
      page.on("pageerror", (error) => errors.push(error.message));
      page.on("response", (response) => {
        if (response.status() >= 400) errors.push(`${response.status()} ${response.url()}`);
      });
    });
    after(async () => {
      await browser?.close();
      demo?.kill("SIGINT");
      await demo?.ended;
      config.remove();
    });

    test("shows the book and its reviews, without stars for a stranger", async () => {
      await page.goto(`${demo.ingress}/productpage`);
      await page.getByText("The Comedy of Errors").first().waitFor();
      assert.match(await page.innerText("body"), /Reviewer1/);
      assert.doesNotMatch(await page.innerText("body"), /★|Reviews served by:.*reviews-v[23]/s);
      await page.screenshot({ path: join(PICTURES, "product-page.png"), fullPage: true });
    });

    test("shows jason the hidden release: black stars", async () => {
      await page.goto(`${demo.ingress}/productpage`);
      const name = page.locator("input[name=username]");
      if (!(await name.isVisible())) await page.getByText("Sign in").first().click();
      await name.fill("jason");
      await name.press("Enter");
      await page.getByText("jason").first().waitFor();
      for (let visit = 0; visit < 5; visit++) {
        await page.goto(`${demo.ingress}/productpage`);
        assert.match(await page.innerText("body"), /★/, "v2 has stars");
      }
      await page.screenshot({ path: join(PICTURES, "product-page-jason.png"), fullPage: true });
    });

    test("nothing on the page failed", () => {
      assert.deepEqual(errors, []);
    });
  },
);
