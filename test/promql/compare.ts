/** Random expressions over the same series, asked of a real Prometheus and of us. */
import { type Asked, difference, ours, theirs } from "./answers.ts";
import { DATA_END, DATA_START, makeData } from "./data.ts";
import { MemorySource } from "./memory-source.ts";
import { startPrometheus } from "../support/prometheus.ts";
import { Random } from "./random.ts";
import { ExpressionGenerator } from "./random-expression.ts";

interface Difference {
  readonly query: string;
  readonly asked: Asked;
  readonly what: string;
}

export interface Comparison {
  readonly count: number;
  /** Answers with at least one series. */
  readonly withSeries: number;
  readonly refused: number;
  readonly differences: readonly Difference[];
}

/** The same for the same seed. */
export function randomQuery(random: Random): Asked {
  const query = new ExpressionGenerator(random).expression();
  if (random.chance(0.6)) {
    const time = random.chance(0.3) ? DATA_END : DATA_END - random.below(30 * 60_000);
    return {
      endpoint: "query",
      parameters: [
        ["query", query],
        ["time", String(time / 1000)],
      ],
    };
  }
  const start = DATA_START + random.below(30) * 30_000;
  const end = Math.min(DATA_END, start + random.below(20) * 60_000);
  const step = random.of(["15", "1m", "77.5", "5m"]);
  const parameters = { query, start: String(start / 1000), end: String(end / 1000), step };
  return { endpoint: "query_range", parameters: Object.entries(parameters) };
}

export async function compare(count: number, seed: number): Promise<Comparison> {
  const data = makeData(seed);
  const source = new MemorySource(data);
  const prometheus = await startPrometheus();
  const differences: Difference[] = [];
  let withSeries = 0;
  let refused = 0;
  try {
    await prometheus.write(data);
    const random = new Random(seed + 1);
    for (let index = 0; index < count; index++) {
      const asked = randomQuery(random);
      const expected = await theirs(prometheus.url, asked);
      const actual = ours(source, DATA_END, asked);
      if (expected.status !== 200) refused++;
      else if (Object.keys(expected.series).length > 0) withSeries++;
      const what = difference(expected, actual);
      if (what !== undefined) differences.push({ query: asked.parameters[0]![1], asked, what });
    }
  } finally {
    await prometheus.stop();
  }
  return { count, withSeries, refused, differences };
}
