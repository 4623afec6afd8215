/** The golden signals of a service or a workload, version beside version, from Prometheus' API; every diamond is a request's trace. */
import { useQueries } from "@tanstack/react-query";
import { useMemo } from "react";
import type { ReactNode } from "react";
import { get } from "../api/client.ts";
import { useGet } from "../api/hooks.ts";
import { formatMs, formatPercent, formatRate } from "../format/numbers.ts";
import { useChangeMarks } from "../config/use-history.ts";
import { useRange } from "../shell/scope.ts";
import { pathOf } from "../url/address.ts";
import { stepSeconds } from "../url/time-range.ts";
import { Link } from "../url/link.tsx";
import { useAddress } from "../url/use-address.ts";
import { Failure, Loading } from "../ui/basics.tsx";
import { Icon } from "../ui/icon.tsx";
import { Chart } from "./chart.tsx";
import type { Mark } from "./chart.tsx";
import { seriesOf, toColumns } from "./series.ts";
import type { RangeAnswer } from "./series.ts";

interface ExemplarAnswer {
  readonly data: readonly {
    readonly exemplars: readonly {
      readonly labels: Readonly<Record<string, string>>;
      readonly value: string;
      readonly timestamp: number;
    }[];
  }[];
}

/** So many diamonds can be told apart. */
const MAX_MARKS = 24;

/**
 * `selector`: labels in PromQL, without braces. `by`: what lines are told apart by.
 */
export function GoldenSignals({
  selector,
  by,
  service,
}: {
  readonly selector: string;
  readonly by: string;
  /** As traces call it: `reviews.default`. */
  readonly service: string;
}): ReactNode {
  const range = useRange(10_000);
  const { go } = useAddress();
  const step = stepSeconds(range);
  const from = Math.floor(range.from / 1000);
  const to = Math.floor(range.to / 1000);
  const start = Math.ceil(from / step) * step;
  const rate = `${Math.max(4 * step, 30)}s`;
  const all = `sum by (${by}) (rate(istio_requests_total{${selector}}[${rate}]))`;
  const expressions = [
    all,
    // Where nothing has failed there is no series of failures, and yet it is known that none did.
    `(sum by (${by}) (rate(istio_requests_total{${selector},response_code=~"5..|0"}[${rate}])) or 0 * ${all}) / ${all}`,
    `histogram_quantile(0.95, sum by (${by}, le) (rate(istio_request_duration_milliseconds_bucket{${selector}}[${rate}])))`,
  ];
  const answers = useQueries({
    queries: expressions.map((query) => ({
      queryKey: ["query_range", query, start, to, step],
      queryFn: ({ signal }: { signal: AbortSignal }) =>
        get<RangeAnswer>("api/v1/query_range", { query, start, end: to, step }, signal),
      placeholderData: (before: RangeAnswer | undefined) => before,
    })),
  });
  const exemplars = useGet<ExemplarAnswer>(
    "api/v1/query_exemplars",
    { query: `istio_request_duration_milliseconds_bucket{${selector}}`, start: from, end: to },
    { refreshMs: false },
  );
  const changed = useChangeMarks(range.from, range.to);
  const changes = useMemo<readonly Mark[]>(
    () => changed.map(({ id, at, title }) => ({ at: at / 1000, title, go: () => go("/history", { open: id }) })),
    [changed, go],
  );
  const marks = useMemo<readonly Mark[]>(
    () =>
      (exemplars.data?.data ?? [])
        .flatMap((one) => one.exemplars)
        .sort((a, b) => Number(b.value) - Number(a.value))
        .slice(0, MAX_MARKS)
        .flatMap(({ labels, value, timestamp }) => {
          const trace = labels["trace_id"];
          if (trace === undefined) return [];
          const title = `Trace of a request that took ${formatMs(Number(value))}`;
          return [{ at: timestamp, value: Number(value), title, go: () => go(pathOf("traces", trace)) }];
        }),
    [exemplars.data, go],
  );
  const latencyMarks = useMemo(() => [...changes, ...marks], [changes, marks]);
  const failed = answers.find(({ error }) => error !== null);
  const columns = answers.map(({ data }) =>
    data === undefined
      ? undefined
      : toColumns(
          seriesOf(data, (labels) => Object.values(labels).join(" ") || "all"),
          start,
          to,
          step,
        ),
  );
  if (failed !== undefined) return <Failure what="the charts" error={failed.error} />;
  const [requests, errors, latency] = columns;
  if (requests === undefined || errors === undefined || latency === undefined) return <Loading what="the charts" />;
  return (
    <div className="stack">
      <div className="grid charts">
        <Chart label="Requests" columns={requests} format={formatRate} marks={changes} />
        <Chart label="Failed" columns={errors} format={formatPercent} marks={changes} />
        <Chart label="p95" columns={latency} format={formatMs} marks={latencyMarks} />
      </div>
      <div className="row">
        <Link to="/traces" parameters={{ service, sort: "duration-desc" }} className="button small">
          <Icon name="trace" />
          Traces of this time, slowest first
        </Link>
        <Link to="/requests" parameters={{ subject: service, mode: "recorded" }} className="button small">
          <Icon name="request" />
          Requests of this time
        </Link>
      </div>
    </div>
  );
}
