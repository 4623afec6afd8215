/** The console in a real browser, on a demo with traffic: the journeys of people who want to know something, counted in clicks, in light and dark. */
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { Locator, Page } from "playwright-core";
import { createConfigDir } from "./support/bookinfo.ts";
import { assertFitForAll, clickCounter, PATIENCE, SKIPPED, Visitor } from "./support/browser.ts";
import type { Look } from "./support/browser.ts";
import { startDemo } from "./support/demo.ts";
import type { RunningDemo } from "./support/demo.ts";
import { eventually } from "./support/tulle.ts";

/** Pictures for people to look at; git ignores the folder. */
const PICTURES = join(import.meta.dirname, "../../build/screenshots");

/** Two versions share the requests, the third gets copies of half of them. */
const ROUTING = `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: reviews
spec:
  hosts:
  - reviews
  http:
  - route:
    - destination: {host: reviews, subset: v1}
      weight: 60
    - destination: {host: reviews, subset: v2}
      weight: 40
    mirror: {host: reviews, subset: v3}
    mirrorPercentage: {value: 50}
`;

/** Something that fails, so that somebody can ask why. */
const FAULT = `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: ratings
spec:
  hosts:
  - ratings
  http:
  - fault:
      abort: {percentage: {value: 40}, httpStatus: 503}
    route:
    - destination: {host: ratings, subset: v1}
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata:
  name: details-readers
spec:
  selector:
    matchLabels: {app: details}
  rules:
  - from:
    - source: {principals: ["cluster.local/ns/default/sa/bookinfo-productpage"]}
`;

const PAGES = [
  "/",
  "/graph",
  "/graph?layer=mtls&type=service",
  "/services",
  "/services/default/reviews",
  "/services/default/reviews?tab=traffic",
  "/services/default/reviews?tab=routes",
  "/workloads",
  "/workloads/default/reviews-v2",
  "/traces",
  "/requests",
  "/requests?mode=recorded&status=error",
  "/explain?from=productpage-v1.default&method=GET&url=http://reviews:9080/reviews/0",
  "/proxies",
  "/traffic",
  "/traffic?about=mirror:default/reviews",
  "/traffic/shift?service=default/reviews",
  "/traffic/fault?service=default/reviews",
  "/traffic/mirror?service=default/reviews",
  "/traffic/timeout?service=default/reviews",
  "/traffic/breaker?service=default/reviews",
  "/config",
  "/config/networking.istio.io/VirtualService/default/reviews",
  "/config/edit?object=networking.istio.io/VirtualService/default/reviews",
  "/history",
  "/security",
  "/certificates",
];

async function isSo(page: Page, expression: string): Promise<boolean> {
  return (await page.evaluate(expression)) === true;
}

/** By Tab, as often as it takes; what has the focus can be seen. */
async function tabTo(page: Page, target: Locator): Promise<void> {
  for (let pressed = 0; pressed < 150; pressed++) {
    if ((await target.and(page.locator(":focus")).count()) > 0) {
      assert.notEqual(await page.evaluate("getComputedStyle(document.activeElement).outlineStyle"), "none");
      return;
    }
    await page.keyboard.press("Tab");
  }
  assert.fail("Tab does not come there");
}

describe("the console", { skip: SKIPPED }, () => {
  const config = createConfigDir(ROUTING);
  writeFileSync(join(config.path, "fault.yaml"), FAULT);
  let demo: RunningDemo;
  let visitor: Visitor;

  before(async () => {
    mkdirSync(PICTURES, { recursive: true });
    demo = await startDemo(config.path);
    visitor = await Visitor.arrive();
    // At one request a second it might take more than a minute until some have failed.
    await eventually("failed requests are kept", 60_000, async () => {
      await (await fetch(`${demo.ingress}/productpage`)).text();
      return (await ask<{ items: readonly object[] }>("v1/requests?status=error&limit=3")).items.length === 3;
    });
  });
  after(async () => {
    await visitor?.leave();
    demo?.kill("SIGINT");
    await demo?.ended;
    config.remove();
  });

  const open = (path: string, look: Look = {}): Promise<Page> => visitor.open(`http://${demo.http}${path}`, look);

  async function ask<T>(path: string): Promise<T> {
    return (await (await fetch(`http://${demo.http}/api/${path}`)).json()) as T;
  }

  /** Pages of single things, whose names nobody knows before. */
  async function pagesOfThings(): Promise<readonly string[]> {
    const traces = await eventually("two traces are kept", 60_000, async () => {
      const { data } = await ask<{ data: readonly { traceID: string }[] }>(
        "traces?service=productpage.default&limit=2",
      );
      return data.length === 2 && data.map(({ traceID }) => traceID);
    });
    const failed = await eventually("a failed request is kept", 60_000, async () => {
      const { items } = await ask<{ items: readonly { id: number }[] }>("v1/requests?status=error&limit=1");
      return items[0];
    });
    const proxies = await ask<readonly { id: string }[]>("v1/proxies");
    return [
      `/traces/${traces[0]!}`,
      `/traces/${traces[0]!}?tab=critical`,
      `/traces/${traces[0]!}?tab=statistics`,
      `/traces/compare?a=${traces[0]!}&b=${traces[1]!}`,
      `/requests?mode=recorded&about=request:${failed.id}`,
      `/proxies/${encodeURIComponent(proxies[0]!.id)}`,
      `/proxies/${encodeURIComponent(proxies[0]!.id)}?tab=clusters`,
    ];
  }

  for (const dark of [false, true]) {
    const theme = dark ? "dark" : "light";
    test(`every page in ${theme}: nothing serious for axe, nothing beside the screen at 320 px`, async () => {
      const page = await visitor.page({ dark });
      for (const path of [...PAGES, ...(await pagesOfThings())]) {
        await page.setViewportSize({ width: 1280, height: 860 });
        await page.goto(`http://${demo.http}${path}`);
        await page.locator("h1").first().waitFor(PATIENCE);
        await page.locator(".loading").first().waitFor({ state: "detached", timeout: 60_000 });
        for (const width of [1280, 320]) {
          await page.setViewportSize({ width, height: 860 });
          await assertFitForAll(page, `${path} at ${width}`);
          const name = path
            .replaceAll(/[^\w]+/g, "-")
            .replaceAll(/^-|-$/g, "")
            .slice(0, 60);
          const suffix = dark ? "-dark" : "";
          await page.screenshot({ path: join(PICTURES, `console-${name || "overview"}-${width}${suffix}.png`) });
        }
      }
      await page.context().close();
    });

    test(`J1 in ${theme}: the first page says where the time goes, and a trace shows it`, async () => {
      const page = await open("/", { dark });
      await page.locator(".headline .answer").waitFor(PATIENCE);
      const click = clickCounter();
      await click(page.locator(".slow-list").getByRole("link", { name: "Trace" }).first());
      await click(page.getByRole("link", { name: "Critical path" }));
      await page.getByRole("region", { name: "Critical path" }).getByRole("row").nth(1).waitFor(PATIENCE);
      await page.context().close();
    });

    test(`J2 in ${theme}: traffic is shifted, watched and taken back`, async () => {
      const page = await open("/", { dark });
      const click = clickCounter();
      await click(page.getByRole("link", { name: "Traffic", exact: true }));
      await click(page.getByRole("link", { name: /^Shift traffic/ }));
      await page.getByRole("combobox", { name: "Service", exact: true }).selectOption("default/reviews");
      await page.getByLabel("Percent to v2").fill("25");
      await page.locator(".added", { hasText: "weight: 25" }).waitFor(PATIENCE);
      await click(page.getByRole("button", { name: "Apply" }));
      await page.getByText("Applied: VirtualService reviews").waitFor(PATIENCE);
      await page.getByRole("region", { name: "Versions" }).getByText("v2", { exact: true }).waitFor(PATIENCE);
      await page.getByRole("button", { name: "Undo" }).click();
      await page.getByText("Taken back.").waitFor(PATIENCE);
      await page.context().close();
    });

    test(`J3 in ${theme}: why a request got 503, with the line that made it so`, async () => {
      const page = await open("/", { dark });
      const click = clickCounter();
      await click(page.getByRole("link", { name: "Requests", exact: true }));
      await page.getByLabel("Answer").selectOption("error");
      await click(page.getByRole("button", { name: "Recorded" }));
      await click(page.getByRole("link", { name: "Explain", exact: true }).nth(1));
      const drawer = page.getByRole("complementary", { name: /Request/ });
      await drawer.getByText("a fault was injected on purpose").first().waitFor(PATIENCE);
      await drawer.getByText("fault.yaml:9").first().waitFor(PATIENCE);
      await page.context().close();
    });

    test(`J3 in ${theme}, from a log: its id leads there, too`, async () => {
      const { items } = await eventually("a failed request is kept", 60_000, async () => {
        const found = await ask<{ items: readonly { requestId: string }[] }>("v1/requests?status=503&limit=1");
        return found.items.length > 0 && found;
      });
      const page = await open("/", { dark });
      await page.keyboard.press("/");
      await page.keyboard.type(items[0]!.requestId);
      await page.keyboard.press("Enter");
      await page.getByText("a fault was injected on purpose").first().waitFor(PATIENCE);
      await page.context().close();
    });

    test(`J4 in ${theme}: what is not mTLS is one click away`, async () => {
      const page = await open("/", { dark });
      await clickCounter()(page.getByRole("link", { name: /^mTLS/ }));
      await page.getByRole("heading", { name: "Not encrypted" }).waitFor(PATIENCE);
      await page.context().close();
    });

    test(`J5 in ${theme}: a fault for a header only, for a time`, async () => {
      const page = await open("/", { dark });
      const click = clickCounter();
      await click(page.getByRole("link", { name: "Traffic", exact: true }));
      await click(page.getByRole("link", { name: /^Inject a fault/ }));
      await page.getByRole("combobox", { name: "Service", exact: true }).selectOption("default/reviews");
      await page.locator(".added", { hasText: "fixedDelay: 3s" }).waitFor(PATIENCE);
      await click(page.getByRole("button", { name: "Apply" }));
      await page.getByText("Applied: VirtualService reviews").waitFor(PATIENCE);
      await page.getByRole("link", { name: "Traffic", exact: true }).first().click();
      await page.getByText(/Fault for reviews: delay 3s.*ends/).waitFor(PATIENCE);
      await page.getByRole("button", { name: "End it now" }).first().click();
      await page.getByText("Taken back.").waitFor(PATIENCE);
      await page.context().close();
    });

    test(`J6 in ${theme}: what is mirrored, and how the copies fare`, async () => {
      const page = await open("/", { dark });
      const click = clickCounter();
      await click(page.getByRole("link", { name: "Traffic", exact: true }));
      await click(page.getByRole("button", { name: "Mirror" }));
      await click(page.getByRole("link", { name: "Copies", exact: true }));
      const copies = page.getByRole("region", { name: "Copies by version" });
      const row = copies.getByRole("row", { name: /^v3/ });
      await row.waitFor(PATIENCE);
      await eventually("copies are counted", 60_000, async () =>
        /[1-9]/.test((await row.locator("td").nth(2).innerText()) ?? ""),
      );
      await page.context().close();
    });

    test(`J7 in ${theme}: from a spike in a chart to a slow trace`, async () => {
      // A chart ends up to ten seconds ago: what is chosen in it has to have traces by then.
      await eventually("a trace is some time ago", 60_000, async () => {
        const before = (Date.now() - 15_000) * 1000;
        const { data } = await ask<{ data: readonly unknown[] }>(
          `traces?service=reviews.default&limit=1&start=0&end=${before}`,
        );
        return data.length > 0;
      });
      const page = await open("/", { dark });
      const click = clickCounter();
      await click(page.locator(".slow-list strong").first());
      const chart = page.locator(".u-over").last();
      await chart.waitFor(PATIENCE);
      // It moves when what is above it comes later.
      await eventually("a part of the chart is chosen", 60_000, async () => {
        await chart.scrollIntoViewIfNeeded();
        const box = (await chart.boundingBox())!;
        await page.mouse.move(box.x + box.width * 0.5, box.y + box.height / 2);
        await page.mouse.down();
        await page.mouse.move(box.x + box.width - 2, box.y + box.height / 2, { steps: 8 });
        await page.mouse.up();
        return page.waitForURL(/range=\d+-\d+/, { timeout: 5_000 }).then(
          () => true,
          () => false,
        );
      });
      await click(page.getByRole("link", { name: "Traces of this time, slowest first" }));
      await click(page.getByRole("region", { name: "Traces" }).getByRole("link").first());
      await page.getByRole("heading", { name: "Waterfall" }).waitFor(PATIENCE);
      await page.context().close();
    });

    test(`J7 in ${theme}, by an exemplar: the chart names requests that were slow, each with its trace`, async () => {
      const page = await open("/", { dark });
      const click = clickCounter();
      await click(page.locator(".slow-list strong").first());
      await click(page.locator("summary", { hasText: /traces of \d+ requests?/ }));
      await click(page.getByRole("button", { name: /^Trace of a request that took/ }).first());
      await page.getByRole("heading", { name: "Waterfall" }).waitFor(PATIENCE);
      await page.context().close();
    });

    test(`J8 in ${theme}: when certificates end, and whose they are`, async () => {
      const page = await open("/", { dark });
      const click = clickCounter();
      await click(page.getByRole("link", { name: /^Certificates/ }).last());
      await page.getByRole("heading", { name: "Authority" }).waitFor(PATIENCE);
      await click(page.getByRole("link", { name: "productpage-v1" }).first());
      await page.getByRole("heading", { name: "Identity" }).waitFor(PATIENCE);
      await page.context().close();
    });
  }

  test("who may call whom: each answer with the policy that gives it", async () => {
    const page = await open("/security");
    await page.getByRole("button", { name: /bookinfo-reviews calls details-v1: May not/ }).click(PATIENCE);
    await page.getByText("AuthorizationPolicy default/details-readers").first().waitFor(PATIENCE);
    await page.getByRole("link", { name: /^Try a request of reviews/ }).click();
    await page.getByLabel("URL").waitFor(PATIENCE);
    await page.context().close();
  });

  test("a change of the configuration is a mark in the charts, and leads to its difference", async () => {
    const page = await open("/services/default/reviews");
    await page
      .locator("summary", { hasText: /\d+ changes?/ })
      .first()
      .click(PATIENCE);
    await page
      .getByRole("button", { name: /VirtualService reviews/ })
      .first()
      .click();
    await page.getByRole("heading", { name: "History" }).waitFor(PATIENCE);
    await page.getByRole("button", { name: "Hide difference" }).waitFor(PATIENCE);
    await page.context().close();
  });

  test("an imagined request is explained, and the answer has an address", async () => {
    const page = await open("/explain");
    await page.getByLabel("From").selectOption("productpage-v1.default");
    await page.getByLabel("URL").fill("http://ratings:9080/ratings/0");
    await page.keyboard.press("Enter");
    await page
      .getByText(/virtual host ratings/)
      .first()
      .waitFor(PATIENCE);
    assert.match(page.url(), /from=productpage-v1.default/);
    await page.reload();
    await page
      .getByText(/virtual host ratings/)
      .first()
      .waitFor(PATIENCE);
    await page.context().close();
  });

  test("the graph goes back in time and keeps its picture", async () => {
    const page = await open("/graph");
    await page.locator("canvas").first().waitFor(PATIENCE);
    await page.getByLabel("Moment of the last hour").focus();
    await page.keyboard.press("Home");
    await page.getByRole("button", { name: "Back to live" }).waitFor();
    assert.ok(await page.locator("canvas").first().isVisible());
    await page.getByRole("button", { name: "Play the last hour" }).click();
    const first = page.url();
    await page.waitForURL((url) => String(url) !== first, PATIENCE);
    await page.getByRole("button", { name: "Back to live" }).click();
    await page.getByText("Live", { exact: true }).waitFor(PATIENCE);
    await page.context().close();
  });

  test("the graph has the copies of mirrored requests as calls of their own", async () => {
    const page = await open("/graph");
    const calls = page.getByRole("region", { name: "Calls" });
    await calls.getByRole("row", { name: /^productpage v1 reviews v3 .*copies$/ }).waitFor(PATIENCE);
    await page.getByText("Dashed: copies").waitFor(PATIENCE);
    await page.context().close();
  });

  test("who wants less motion gets none", async () => {
    const calm = await open("/graph", { reducedMotion: true });
    await calm.locator("canvas").first().waitFor(PATIENCE);
    assert.equal(await calm.getByRole("button", { name: "Stop the dots" }).count(), 0);
    await calm.context().close();
    const page = await open("/graph");
    await page.getByRole("button", { name: "Stop the dots" }).click(PATIENCE);
    await page.getByRole("button", { name: "Show requests as dots" }).waitFor();
    await page.context().close();
  });

  test("with the keyboard alone: to a request, its reason and back; over the graph from node to node", async () => {
    const page = await open("/requests?mode=recorded&status=error");
    const first = page.getByRole("link", { name: "Explain", exact: true }).nth(1);
    await first.waitFor(PATIENCE);
    // While one goes there, others may fail and stand above it.
    const address = (await first.getAttribute("href"))!;
    await tabTo(page, page.locator(`a[href="${address}"]`));
    await page.keyboard.press("Enter");
    const drawer = page.locator(".drawer");
    await drawer.getByText("a fault was injected on purpose").first().waitFor(PATIENCE);
    await page.keyboard.press("Escape");
    await drawer.waitFor({ state: "detached" });
    await eventually("the focus is back", 60_000, () => isSo(page, "document.activeElement.textContent === 'Explain'"));

    await page.goto(`http://${demo.http}/graph`);
    const canvas = page.locator("canvas.graph-canvas");
    await canvas.waitFor(PATIENCE);
    await tabTo(page, canvas);
    for (const service of ["", "productpage", "reviews"]) {
      await page.keyboard.press("ArrowRight");
      await page.waitForURL((url) => (url.searchParams.get("about") ?? "").includes(service));
    }
    await page.keyboard.press("Enter");
    await eventually("the focus is in the drawer", 60_000, () =>
      isSo(page, "document.activeElement.className.includes('drawer')"),
    );
    await page.context().close();
  });

  test("keys go everywhere: search, help, pages", async () => {
    const page = await open("/proxies");
    await page.keyboard.press("/");
    await page.keyboard.type("virtualservice reviews");
    await page.getByRole("option", { name: /reviews.*VirtualService/ }).waitFor(PATIENCE);
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "reviews", level: 1 }).waitFor(PATIENCE);
    await page.keyboard.press("?");
    await page.getByRole("dialog", { name: "Keys" }).waitFor();
    await page.keyboard.press("Escape");
    // Two keys are one shortcut only if they come soon after one another.
    await eventually("the graph", 60_000, async () => {
      await page.keyboard.press("g");
      await page.keyboard.press("g");
      return page.waitForURL(/\/graph/, { timeout: 5_000 }).then(
        () => true,
        () => false,
      );
    });
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
    assert.deepEqual(visitor.errors, []);
  });
});
