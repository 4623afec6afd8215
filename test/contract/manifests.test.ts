/** Real manifests, unmodified: a stock Envoy and our own proxy refuse nothing of them, and do with requests what they say. */
import assert from "node:assert/strict";
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { CAPABILITIES } from "../../packages/control/src/translate/data-plane.ts";
import { startControlPlane } from "../support/control-plane.ts";
import type { RunningControlPlane } from "../support/control-plane.ts";
import { startEnvoy } from "../support/envoy.ts";
import { freePorts } from "../support/ports.ts";
import { exchange, responsesIn } from "../support/raw-client.ts";
import { named, startRecordingBackend } from "../support/recording-backend.ts";
import type { RecordingBackend } from "../support/recording-backend.ts";
import { startTulle } from "../support/tulle-proxy.ts";
import { adsBootstrap, registerWorkload } from "../support/workload.ts";

/** Kept beside the repository; where it is not, the cases of the table stand alone. */
const DATA = join(import.meta.dirname, "../../../shared/data");
const NETWORKING = "bookinfo/networking";
const WORKLOADS = ["productpage-v1", "details-v1", "ratings-v1", "reviews-v1", "reviews-v2", "reviews-v3"];
const address = "127.0.0.1";

interface Expectation {
  readonly file: string;
  readonly host: string;
  readonly user?: string;
  /** Status and body: workloads answer with their names. */
  readonly answers: readonly string[];
  /** Milliseconds that it takes at least. */
  readonly takes?: number;
}

/** Whether the fault filter is what answers. */
function isFault({ answers, takes = 0 }: Expectation): boolean {
  return takes > 0 || answers.some((answer) => answer.endsWith("fault filter abort"));
}

const EXPECTATIONS: readonly Expectation[] = [
  { file: "virtual-service-all-v1.yaml", host: "reviews", answers: ["200 reviews-v1"] },
  { file: "virtual-service-reviews-test-v2.yaml", host: "reviews", user: "jason", answers: ["200 reviews-v2"] },
  { file: "virtual-service-reviews-test-v2.yaml", host: "reviews", answers: ["200 reviews-v1"] },
  { file: "virtual-service-reviews-v3.yaml", host: "reviews", answers: ["200 reviews-v3"] },
  { file: "virtual-service-reviews-v2-v3.yaml", host: "reviews", answers: ["200 reviews-v2", "200 reviews-v3"] },
  { file: "virtual-service-reviews-80-20.yaml", host: "reviews", answers: ["200 reviews-v1", "200 reviews-v2"] },
  { file: "virtual-service-reviews-jason-v2-v3.yaml", host: "reviews", user: "jason", answers: ["200 reviews-v2"] },
  { file: "virtual-service-reviews-jason-v2-v3.yaml", host: "reviews", answers: ["200 reviews-v3"] },
  {
    file: "virtual-service-ratings-test-abort.yaml",
    host: "ratings",
    user: "jason",
    answers: ["500 fault filter abort"],
  },
  { file: "virtual-service-ratings-test-abort.yaml", host: "ratings", answers: ["200 ratings-v1"] },
  {
    file: "virtual-service-ratings-test-delay.yaml",
    host: "ratings",
    user: "jason",
    answers: ["200 ratings-v1"],
    takes: 6900,
  },
  { file: "virtual-service-ratings-test-delay.yaml", host: "ratings", answers: ["200 ratings-v1"] },
  { file: "fault-injection-details-v1.yaml", host: "details", answers: ["555 fault filter abort"] },
];

describe("real manifests", { skip: existsSync(DATA) ? false : "they are not here" }, () => {
  let folder: string;
  let control: RunningControlPlane;
  let backends: readonly RecordingBackend[] = [];
  let registrations: readonly { close(): void }[] = [];
  const proxies: { readonly name: string; readonly port: number; stop(): Promise<void> }[] = [];
  const read = (file: string): string => readFileSync(join(DATA, file), "utf8");

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "tulle-manifests-"));
    control = await startControlPlane({ configDir: join(folder, "config"), stateDir: join(folder, "state") });
    await control.apply(read("bookinfo/platform/kube/bookinfo.yaml"));
    await control.apply(read(`${NETWORKING}/destination-rule-all.yaml`));
    backends = await Promise.all(WORKLOADS.map((name) => startRecordingBackend(named(name))));
    registrations = WORKLOADS.map((name, index) => {
      const [app, version] = name.split("-") as [string, string];
      return registerWorkload(control.xdsPort, {
        name,
        labels: { app, version },
        port: 9080,
        bindPort: backends[index]!.port,
      });
    });
    await control.waitForWorkloads(WORKLOADS.length);
    for (const name of ["envoy", "tulle"]) {
      const [port, proxy] = (await freePorts(2)) as [number, number];
      const tulle = { outbound: [{ port: 9080, address, bind_port: port }], http_proxy: { address, port: proxy } };
      const bootstrap = adsBootstrap(control.xdsPort, {
        name: `client-${name}`,
        labels: { app: "productpage" },
        tulle,
      });
      const started = name === "envoy" ? await startEnvoy({ bootstrap }) : await startTulle(bootstrap);
      proxies.push({ name, port, stop: () => started.stop() });
    }
  });

  after(async () => {
    for (const proxy of proxies) await proxy.stop();
    for (const registration of registrations) registration.close();
    await control?.stop();
    for (const backend of backends) await backend.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function ask(port: number, { host, user }: Expectation): Promise<string> {
    const lines = ["GET / HTTP/1.1", `host: ${host}:9080`, ...(user === undefined ? [] : [`end-user: ${user}`])];
    const complete = (text: string): boolean => {
      const [found] = responsesIn(text);
      const length = found?.headers.find((line) => line.startsWith("content-length: "))?.slice(16);
      return found !== undefined && found.body.length === Number(length);
    };
    const { text } = await exchange(port, `${lines.join("\r\n")}\r\n\r\n`, { until: complete, limitMs: 60_000 });
    const [response] = responsesIn(text);
    return `${response?.status} ${response?.body}`;
  }

  /** Changes that come soon after one another are pushed together, a moment later. */
  async function sees(name: string, port: number, expectation: Expectation): Promise<void> {
    const { answers, takes = 0 } = expectation;
    const deadline = performance.now() + 60_000;
    for (;;) {
      const started = performance.now();
      const answer = await ask(port, expectation);
      const took = performance.now() - started;
      if (answers.includes(answer) && took >= takes) return;
      assert.ok(started < deadline, `${name}: ${answer} after ${took} ms`);
    }
  }

  for (const expectation of EXPECTATIONS) {
    const { file, host, user, answers } = expectation;
    test(`${file}: ${host}${user === undefined ? "" : ` as ${user}`}: ${answers.join(" or ")}`, async () => {
      await control.apply(read(`${NETWORKING}/${file}`));
      await control.waitForSync();
      for (const { name, port } of proxies) {
        if (name === "tulle" && isFault(expectation) && !CAPABILITIES.tulle.httpFilters.includes("fault")) continue;
        await sees(name, port, expectation);
      }
    });
  }

  test("neither proxy refuses anything of any manifest", async () => {
    const files = globSync("**/*.yaml", { cwd: DATA }).sort();
    assert.ok(files.length > 30);
    for (const file of files) {
      await control.apply(read(file));
      await control.waitForSync();
      assert.deepEqual(await control.nacks(), [], file);
    }
  });
});
