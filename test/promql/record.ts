/** `node test/promql/record.ts`: what a real Prometheus answers to random queries, for those who have none. Written to `recorded.json`. */
import { writeFileSync } from "node:fs";
import { type Answer, type Asked, theirs } from "./answers.ts";
import { randomQuery } from "./compare.ts";
import { makeData } from "./data.ts";
import { Random } from "./random.ts";
import { startPrometheus } from "../support/prometheus.ts";

export const RECORDED = new URL("recorded.json", import.meta.url);

export interface Recording {
  /** Of the data, and of the queries. */
  readonly seed: number;
  readonly prometheus: string;
  readonly answers: readonly (readonly [Asked, Answer])[];
}

const SEED = 20_261_129;
const QUERIES = 1500;
/** Of an answer's text: longer ones say no more. */
const MAX_LENGTH = 1200;

if (import.meta.main) {
  const prometheus = await startPrometheus();
  try {
    await prometheus.write(makeData(SEED));
    const build = (await (await fetch(`${prometheus.url}/api/v1/status/buildinfo`)).json()) as {
      readonly data: { readonly version: string };
    };
    const random = new Random(SEED);
    const answers: [Asked, Answer][] = [];
    while (answers.length < QUERIES) {
      const asked = randomQuery(random);
      const answer = await theirs(prometheus.url, asked);
      // Many random queries find nothing, which says little.
      if (answer.status === 200 && Object.keys(answer.series).length === 0 && random.chance(0.8)) continue;
      if (JSON.stringify(answer).length <= MAX_LENGTH) answers.push([asked, answer]);
    }
    const lines = answers.map((one) => JSON.stringify(one));
    const head = `{"seed":${SEED},"prometheus":${JSON.stringify(build.data.version)},"answers":[`;
    writeFileSync(RECORDED, `${head}\n${lines.join(",\n")}\n]}\n`);
  } finally {
    await prometheus.stop();
  }
}
