/** Series on which queries are compared: counters with resets, gauges, histograms, with gaps, ends and uneven times. */
import type { Labels, Series } from "@tulle/telemetry/records";
import { Random } from "./random.ts";

/** A whole hour, so that steps of queries and of subqueries meet. */
export const DATA_END = Math.floor(Date.UTC(2026, 10, 28, 12) / 3_600_000) * 3_600_000;
const LENGTH = 40 * 60_000;
export const DATA_START = DATA_END - LENGTH;
const INTERVAL = 15_000;

type Shape = (random: Random, previous: number, index: number) => number;

const counter: Shape = (random, previous) => {
  if (random.chance(0.02)) return random.below(5);
  return previous + (random.chance(0.3) ? 0 : random.below(20));
};
const gauge: Shape = (random, previous) => {
  if (random.chance(0.1)) return previous;
  return Math.round((previous + random.next() * 20 - 10) * 1000) / 1000;
};
const constant: Shape = (_, previous) => previous;
const infinite: Shape = (random, previous) =>
  random.chance(0.2) ? random.of([Infinity, -Infinity, 0, 1e300, 1e-300, -0]) : gauge(random, previous, 0);

function make(random: Random, labels: Labels, shape: Shape): Series {
  const times: number[] = [];
  const values: number[] = [];
  let value = random.below(100);
  const jitter = random.chance(0.5);
  const phase = random.chance(0.3) ? 0 : random.below(INTERVAL);
  const begin = random.chance(0.2) ? DATA_START + random.below(LENGTH / 2) : DATA_START;
  const end = random.chance(0.2) ? DATA_END - random.below(LENGTH / 2) : DATA_END;
  let stale = false;
  for (let time = DATA_START + phase, index = 0; time <= DATA_END; time += INTERVAL, index++) {
    value = shape(random, value, index);
    if (time < begin || time > end || random.chance(0.03)) continue;
    const ends = random.chance(0.02);
    // A stale marker comes once, where the series ends.
    if (ends && stale) continue;
    times.push(jitter ? time + random.below(500) : time);
    values.push(ends ? NaN : value);
    stale = ends;
    if (ends && random.chance(0.5)) {
      time += INTERVAL * random.below(40);
    }
  }
  return { labels, times: Float64Array.from(times), values: Float64Array.from(values) };
}

const BOUNDS = ["0.5", "1", "5", "10", "25", "+Inf"];

function histogram(random: Random, labels: Labels): Series[] {
  const counts = BOUNDS.map(() => 0);
  const columns = BOUNDS.map((): number[] => []);
  const times: number[] = [];
  for (let time = DATA_START + random.below(INTERVAL); time <= DATA_END; time += INTERVAL) {
    times.push(time);
    const from = random.below(BOUNDS.length);
    const more = random.below(10);
    for (let bucket = from; bucket < BOUNDS.length; bucket++) counts[bucket]! += more;
    // Buckets that were not counted at one time.
    if (random.chance(0.05)) counts[random.below(BOUNDS.length)]! += 1;
    for (const [bucket, count] of counts.entries()) columns[bucket]!.push(count);
  }
  return BOUNDS.map((le, bucket) => ({
    labels: { ...labels, le },
    times: Float64Array.from(times),
    values: Float64Array.from(columns[bucket]!),
  }));
}

export const JOBS = ["api", "web", "db.x"];
export const INSTANCES = ["a:1", "b:2", "c:3"];
export const CODES = ["200", "404", "500", "503"];

export function makeData(seed: number): Series[] {
  const random = new Random(seed);
  const all: Series[] = [];
  for (const job of JOBS) {
    all.push(
      make(random, { __name__: "job_info", job, team: `team-${job}`, version: random.of(["1", "2"]) }, constant),
    );
    for (const instance of INSTANCES) {
      all.push(make(random, { __name__: "temperature", job, instance }, gauge));
      all.push(make(random, { __name__: "limits", job, instance }, constant));
      if (random.chance(0.7)) all.push(make(random, { __name__: "strange", job, instance }, infinite));
      for (const code of CODES)
        if (random.chance(0.8)) all.push(make(random, { __name__: "requests_total", job, instance, code }, counter));
    }
    all.push(...histogram(random, { __name__: "latency_bucket", job, instance: random.of(INSTANCES) }));
    all.push(...histogram(random, { __name__: "latency_bucket", job, instance: "z:9" }));
  }
  all.push(make(random, { __name__: "lonely" }, gauge));
  return all;
}
