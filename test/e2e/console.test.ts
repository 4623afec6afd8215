/** The console in a real browser, on a demo with traffic: the journeys of people who want to know something, counted in clicks. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import axe from "axe-core";
import { chromium } from "playwright-core";
import type { Browser, Locator, Page } from "playwright-core";
import { createConfigDir, routing } from "./support/bookinfo.ts";
import { startDemo } from "./support/demo.ts";
import type { RunningDemo } from "./support/demo.ts";

const CHROMIUM = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(existsSync);
/** Pictures for people to look at; git ignores the folder. */
const PICTURES = join(import.meta.dirname, "../../build/screenshots");
const MAX_CLICKS = 3;
/** Proxies report every 5 s, and a busy machine takes its time. */
const PATIENCE = { timeout: 60_000 };

const PAGES = [
  "/",
  "/graph",
  "/services",
  "/services/default/reviews",
  "/workloads",
  "/traces",
  "/requests",
  "/proxies",
  "/traffic",
  "/traffic/shift?service=default/reviews",
  "/traffic/fault?service=default/reviews",
  "/config",
  "/config/networking.istio.io/VirtualService/default/reviews",
  "/config/edit?object=networking.istio.io/VirtualService/default/reviews",
  "/history",
  "/security",
  "/certificates",
];

describe("the console", { skip: CHROMIUM === undefined ? "no Chromium here: apt install chromium" : false }, () => {
  const config = createConfigDir(routing("virtual-service-reviews-90-10.yaml"));
  let demo: RunningDemo;
  let browser: Browser;
  const errors: string[] = [];

  before(async () => {
    mkdirSync(PICTURES, { recursive: true });
    demo = await startDemo(config.path);
    browser = await chromium.launch({ executablePath: CHROMIUM!, args: ["--no-sandbox", "--disable-gpu"] });
  });
  after(async () => {
    await browser?.close();
    demo?.kill("SIGINT");
    await demo?.ended;
    config.remove();
  });

  async function open(path: string, options: { dark?: boolean; width?: number } = {}): Promise<Page> {
    const { dark = false, width = 1280 } = options;
    const context = await browser.newContext({
      viewport: { width, height: 860 },
      colorScheme: dark ? "dark" : "light",
    });
    const page = await context.newPage();
    page.on("pageerror", (error) => errors.push(`${path}: ${error.message}`));
    page.on("console", (message) => {
      if (message.text().includes("Content Security Policy")) errors.push(`${path}: ${message.text()}`);
    });
    await page.goto(`http://${demo.http}${path}`);
    await page.locator("h1").first().waitFor(PATIENCE);
    return page;
  }

  /** Clicks, and fails if they become too many. */
  function counter(): (target: Locator) => Promise<void> {
    let clicks = 0;
    return async (target) => {
      await target.waitFor(PATIENCE);
      await target.click();
      assert.ok(++clicks <= MAX_CLICKS, `more than ${MAX_CLICKS} clicks`);
    };
  }

  for (const dark of [false, true]) {
    test(`every page in ${dark ? "dark" : "light"}: nothing serious for axe, nothing beside the screen at 320 px`, async () => {
      for (const path of PAGES) {
        for (const width of [1280, 320]) {
          const page = await open(path, { dark, width });
          await page.locator(".loading").first().waitFor({ state: "detached", timeout: 60_000 });
          await page.evaluate(axe.source);
          const found = (await page.evaluate(
            "axe.run().then(({ violations }) => violations.map(({ id, impact, nodes }) => ({ id, impact, at: nodes[0].target.join(' ') })))",
          )) as readonly { id: string; impact: string; at: string }[];
          const serious = found.filter(({ impact }) => impact === "serious" || impact === "critical");
          assert.deepEqual(serious, [], `${path} at ${width}`);
          const beside = (await page.evaluate("document.documentElement.scrollWidth - innerWidth")) as number;
          assert.ok(beside <= 0, `${path} at ${width} is ${beside} px too wide`);
          const name = path.replaceAll(/[/?=]+/g, "-").replaceAll(/^-|-$/g, "") || "overview";
          await page.screenshot({ path: join(PICTURES, `console-${name}-${width}${dark ? "-dark" : ""}.png`) });
          await page.context().close();
        }
      }
    });
  }

  test("J1: the first page says where the time goes", async () => {
    const page = await open("/");
    await page.locator(".headline .answer").waitFor(PATIENCE);
    const click = counter();
    await click(page.locator(".slow-list strong").first());
    await page.getByRole("heading", { level: 1 }).waitFor();
    await page.context().close();
  });

  test("J2: traffic is shifted and taken back", async () => {
    const page = await open("/services/default/reviews");
    const click = counter();
    await click(page.getByRole("link", { name: "Shift traffic" }));
    await page.getByLabel("Percent to v2").fill("40");
    await page.locator(".added", { hasText: "weight: 40" }).waitFor(PATIENCE);
    await click(page.getByRole("button", { name: "Apply" }));
    await page.getByText("Applied: VirtualService reviews").waitFor(PATIENCE);
    await click(page.getByRole("button", { name: "Undo" }));
    await page.getByText("Taken back.").waitFor(PATIENCE);
    await page.context().close();
  });

  test("J4: what is not mTLS is one click away", async () => {
    const page = await open("/");
    await counter()(page.getByRole("link", { name: /^mTLS/ }));
    await page.getByRole("heading", { name: "Not encrypted" }).waitFor(PATIENCE);
    await page.context().close();
  });

  test("J5: a fault for a header only, for a time", async () => {
    const page = await open("/services/default/reviews");
    const click = counter();
    await click(page.getByRole("link", { name: "Inject fault" }));
    await click(page.getByRole("button", { name: "Apply" }));
    await page.getByText("Applied: VirtualService reviews").waitFor(PATIENCE);
    await page.getByRole("link", { name: "Traffic", exact: true }).first().click();
    await page.getByText(/Fault for reviews: delay 3000ms.*ends/).waitFor(PATIENCE);
    await page.getByRole("button", { name: "End it now" }).first().click();
    await page.getByText("Taken back.").waitFor(PATIENCE);
    await page.context().close();
  });

  test("J8: when certificates end", async () => {
    const page = await open("/");
    await counter()(page.getByRole("link", { name: /^Certificates/ }).last());
    await page.getByRole("heading", { name: "Authority" }).waitFor(PATIENCE);
    await page.context().close();
  });

  test("keys go everywhere: search, help, pages", async () => {
    const page = await open("/proxies");
    await page.keyboard.press("/");
    await page.keyboard.type("virtualservice reviews");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "reviews", level: 1 }).waitFor(PATIENCE);
    await page.keyboard.press("?");
    await page.getByRole("dialog", { name: "Keys" }).waitFor();
    await page.keyboard.press("Escape");
    await page.keyboard.press("g");
    await page.keyboard.press("g");
    await page.waitForURL(/\/graph/);
    await page.context().close();
  });

  test("names from the network are text, whatever they hold", async () => {
    const name = "<img src=x onerror=document.title='owned'>";
    const page = await open(`/traces?service=${encodeURIComponent(name)}&tag=${encodeURIComponent(name)}`);
    await page.goto(
      `http://${demo.http}/services/default/${encodeURIComponent(name)}?about=service:${encodeURIComponent(name)}`,
    );
    await page.locator("h1").waitFor(PATIENCE);
    assert.equal(await page.innerText("h1"), name);
    assert.doesNotMatch(await page.title(), /owned/);
    await page.context().close();
  });

  test("no page broke, and the page's policy was never in the way", () => {
    assert.deepEqual(errors, []);
  });
});
