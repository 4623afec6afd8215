/** Two traces of the same thing: where the difference is. */
import type { ReactNode } from "react";
import { useTrace } from "../api/traces.ts";
import { formatMs } from "../format/numbers.ts";
import { compareTraces, traceOf } from "../traces/model.ts";
import type { Comparison } from "../traces/model.ts";
import { millisecondsColumn, operationColumns } from "../traces/span-sums.tsx";
import { pathOf } from "../url/address.ts";
import { Link } from "../url/link.tsx";
import { useAddress } from "../url/use-address.ts";
import { Answer, Badge, Card, Empty, Page } from "../ui/basics.tsx";
import { Table } from "../ui/table.tsx";
import type { Column } from "../ui/table.tsx";

const COLUMNS: readonly Column<Comparison>[] = [
  ...operationColumns<Comparison>(),
  {
    id: "count",
    name: "Spans A → B",
    numeric: true,
    cell: ({ a, b }) => (a.count === b.count ? a.count : <Badge tone="warn">{`${a.count} → ${b.count}`}</Badge>),
  },
  millisecondsColumn("a", "Own A", ({ a }) => a.selfMs),
  millisecondsColumn("b", "Own B", ({ b }) => b.selfMs),
  {
    id: "difference",
    name: "Difference",
    numeric: true,
    descending: true,
    cell: ({ a, b }) => <Difference ms={b.selfMs - a.selfMs} />,
    sort: ({ a, b }) => Math.abs(b.selfMs - a.selfMs),
  },
];

const NOT_KEPT = (
  <Card flush>
    <Empty title="One of them is not kept">
      <p>It is older than what is kept, or its spans are still on their way.</p>
      <Link to="/traces" className="button">
        Choose two others
      </Link>
    </Empty>
  </Card>
);

/** Less than this is no difference. */
const SAME_MS = 0.01;

function Difference({ ms }: { readonly ms: number }): ReactNode {
  if (Math.abs(ms) < SAME_MS) return <span className="soft">0</span>;
  return <Badge tone={ms > 0 ? "warn" : "ok"}>{`${ms > 0 ? "+" : "−"}${formatMs(Math.abs(ms))}`}</Badge>;
}

export default function TraceComparePage(): ReactNode {
  const { query } = useAddress();
  const a = useTrace(query.get("a") ?? "");
  const b = useTrace(query.get("b") ?? "");
  return (
    <Page
      title="Two traces compared"
      crumbs={
        <>
          <Link to="/traces">Traces</Link> / compare
        </>
      }
    >
      <Answer of={a} what="the first trace" absent={NOT_KEPT}>
        {(first) => (
          <Answer of={b} what="the second trace" absent={NOT_KEPT}>
            {(second) => {
              const [one, other] = [first.data[0], second.data[0]];
              if (one === undefined || other === undefined) return NOT_KEPT;
              const [before, after] = [traceOf(one), traceOf(other)];
              return (
                <Card
                  title={
                    <>
                      <Link to={pathOf("traces", before.id)}>A {formatMs(before.durationMs)}</Link> and{" "}
                      <Link to={pathOf("traces", after.id)}>B {formatMs(after.durationMs)}</Link>
                    </>
                  }
                  note="Own time: what no call below it took"
                  flush
                >
                  <Table
                    label="Differences"
                    columns={COLUMNS}
                    rows={compareTraces(before, after)}
                    rowKey={({ service, name }) => `${service} ${name}`}
                    sortedBy="difference-desc"
                  />
                </Card>
              );
            }}
          </Answer>
        )}
      </Answer>
    </Page>
  );
}
