/**
 * Explanations are right: for random configurations and requests they say what the proxies then do, and every line that they name changes
 * the answer when it is changed. (`EXPLAIN_SEED`, `EXPLAIN_CONFIGURATIONS`)
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Workload } from "../../control/src/model/workload.ts";
import type { Explanation, OriginLink } from "../src/index.ts";
import { generate } from "./support/generate.ts";
import { startLiveMesh } from "./support/live-mesh.ts";
import type { LiveMesh, SentRequest } from "./support/live-mesh.ts";
import { mutationsOf } from "./support/mutate.ts";
import { explainIn, worldOf } from "./support/pure-world.ts";

const SEED = Number(process.env["EXPLAIN_SEED"] ?? "1");
const CONFIGURATIONS = Number(process.env["EXPLAIN_CONFIGURATIONS"] ?? "55");
/** Until everything that may happen has: what gets 3 % of requests is missed by all of these once in 10,000 times. */
const MOST_SENT = 300;

/** As many as there are sidecars: one connection leads to each. */
const MOST_STALE = 5;

test("for random configurations and requests an explanation says what the proxies do, and names the lines that decide", async (t) => {
  const mesh = await startLiveMesh(t);
  let pairs = 0;
  let lines = 0;
  for (let index = 0; index < CONFIGURATIONS; index++) {
    const seed = SEED * 1000 + index;
    const { yaml, requests } = generate(seed);
    await mesh.configure(yaml);
    const changed = new Map<string, ReturnType<typeof worldOf>[]>();
    const { items } = (await mesh.get("/api/v1/workloads")) as { items: Workload[] };
    const world = worldOf(yaml, mesh.nodes, items);
    for (const request of requests) {
      const question = { from: "productpage", ...request, headers: Object.entries(request.headers) };
      const { explanation } = await mesh.explain(question);
      const about = `seed ${seed}: ${request.method} ${request.url} ${JSON.stringify(request.headers)}\n${yaml}`;
      await compare(mesh, request, explanation!, about);
      assert.ok(typeof world !== "string", typeof world === "string" ? world : about);
      const pure = explainIn(world, question);
      assert.deepEqual(essence(pure), essence(explanation!), about);
      for (const { origin, said } of originsOf(pure)) {
        if (origin.line === undefined) continue;
        const place = `line ${origin.line} (${origin.field}): ${origin.text ?? ""}`;
        const to = included(origin, request);
        const key = `${origin.line} ${to ?? ""}`;
        let worlds = changed.get(key);
        if (worlds === undefined) {
          worlds = mutationsOf(yaml, origin.line, to).map((other) => worldOf(other, mesh.nodes, items));
          changed.set(key, worlds);
        }
        const other = worlds.find((each) => typeof each !== "string");
        assert.ok(
          other !== undefined,
          `${place} cannot be changed: ${worlds.filter((each) => typeof each === "string").join(", ")}\n${about}`,
        );
        const message = `${place} is named for ${JSON.stringify(said)} and changes nothing\n${about}`;
        assert.notDeepEqual(essence(explainIn(other, question)), essence(pure), message);
        lines++;
      }
      pairs++;
    }
  }
  t.diagnostic(`${pairs} pairs, ${lines} lines`);
  assert.ok(pairs >= Math.min(200, CONFIGURATIONS * 4));
});

/** What the proxies did is what was said, and all of what was said happens. */
async function compare(mesh: LiveMesh, request: SentRequest, explanation: Explanation, about: string): Promise<void> {
  const wanted = new Set(
    explanation.outcomes
      .filter(({ share }) => share > 0)
      .map(({ by, status, text }) => (by === "application" ? text : `${status}`)),
  );
  const served = new Set(explanation.endpoints.filter(({ used }) => used).map(({ workload }) => workload));
  const expected = new Set([...wanted].filter((text) => /^\d+$/.test(text)));
  for (const { by, text } of explanation.outcomes) {
    if (by === "application") expected.add(text.replace(/\.default answers$/, ""));
  }
  const seen = new Set<string>();
  let stale = 0;
  for (let count = 0; count < MOST_SENT && seen.size < expected.size; count++) {
    const { status, headers } = await mesh.send(request);
    const workload = headers["x-workload"];
    const what = workload ?? `${status}`;
    // Connections of listeners that have been replaced are answered once more, and closed.
    if (!expected.has(what) && stale < MOST_STALE) {
      stale++;
      continue;
    }
    assert.ok(expected.has(what), `${what}, expected one of ${[...expected].join(", ")}\n${about}`);
    if (workload !== undefined) assert.ok(served.has(workload), `${workload} is no endpoint\n${about}`);
    assert.equal(headers["x-route"] ?? "", explanation.route === "default" ? "" : explanation.route, about);
    seen.add(what);
  }
  assert.deepEqual([...seen].sort(), [...expected].sort(), about);
}

/** What is excluded makes a difference by including the request. */
function included({ field }: OriginLink, { headers }: SentRequest): string | undefined {
  if (field.includes(".withoutHeaders.")) return headers["x-version"];
  return /\.not[A-Z]/.test(field) ? "*" : undefined;
}

/** What it says, without where that is written. */
function essence(explanation: Explanation): unknown {
  return JSON.parse(JSON.stringify(explanation, (key, value: unknown) => (key === "origin" ? undefined : value)));
}

function originsOf({ steps }: Explanation): readonly { origin: OriginLink; said: string }[] {
  return steps.flatMap(({ origin, title, reasons, facts }) => [
    ...(origin === undefined ? [] : [{ origin, said: title }]),
    ...reasons.flatMap((reason) => (reason.origin === undefined ? [] : [{ origin: reason.origin, said: reason.text }])),
    ...facts.flatMap((fact) =>
      fact.origin === undefined ? [] : [{ origin: fact.origin, said: `${fact.name}: ${fact.value}` }],
    ),
  ]);
}
