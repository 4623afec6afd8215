/** One trace: every hop in time, and which of them made it as long as it was. */
import { useMemo } from "react";
import type { ReactNode } from "react";
import { useCriticalPath, useTrace } from "../api/traces.ts";
import { formatCount, formatMs } from "../format/numbers.ts";
import { CriticalTable } from "../traces/critical-table.tsx";
import { shortHosts, traceOf } from "../traces/model.ts";
import { SpanSums } from "../traces/span-sums.tsx";
import { Waterfall } from "../traces/waterfall.tsx";
import type { Trace } from "../traces/model.ts";
import { Link } from "../url/link.tsx";
import { usePathPart } from "../url/use-part.ts";
import { useAddress } from "../url/use-address.ts";
import { Answer, Badge, Card, Empty, Page, Tabs } from "../ui/basics.tsx";
import { CopyButton, saveFile } from "../ui/copy.tsx";
import { Icon } from "../ui/icon.tsx";
import { formatDate } from "../ui/time.tsx";
import "../styles/traces.css";

export default function TracePage(): ReactNode {
  const id = usePathPart(1);
  const answer = useTrace(id);
  const first = answer.data?.data[0];
  const trace = useMemo(() => (first === undefined ? undefined : traceOf(first)), [first]);
  return (
    <Page
      title={trace?.root === undefined ? "Trace" : `${trace.root.service} ${shortHosts(trace.root.name)}`}
      crumbs={
        <>
          <Link to="/traces">Traces</Link> / <code>{id}</code> <CopyButton text={id} label="Copy the trace's id" />
        </>
      }
      actions={
        <button
          type="button"
          className="button"
          disabled={first === undefined}
          onClick={() => saveFile(`trace-${id}.json`, `${JSON.stringify(answer.data, null, 2)}\n`, "application/json")}
        >
          <Icon name="download" />
          JSON
        </button>
      }
    >
      <Answer
        of={answer}
        what="the trace"
        absent={
          <Card flush>
            <Empty title="This trace is not kept">
              <p>It is older than what is kept, it was not sampled, or its spans are still on their way.</p>
              <button type="button" className="button" onClick={() => void answer.refetch()}>
                Look again
              </button>
            </Empty>
          </Card>
        }
      >
        {() => (trace === undefined ? <Empty title="This trace is not kept" /> : <Body trace={trace} />)}
      </Answer>
    </Page>
  );
}

function Body({ trace }: { readonly trace: Trace }): ReactNode {
  const { query } = useAddress();
  const critical = useCriticalPath(trace.id);
  const tab = query.get("tab") ?? "waterfall";
  return (
    <>
      <div className="row soft">
        <span>{formatDate(trace.startMs)}</span>
        <strong>{formatMs(trace.durationMs)}</strong>
        <span>{formatCount(trace.spans.length, "span")}</span>
        <span>{formatCount(trace.services.length, "service")}</span>
        {trace.errors === 0 ? null : (
          <Badge tone="bad" icon="bad">
            {trace.errors} failed
          </Badge>
        )}
      </div>
      <Tabs
        label="Of the trace"
        current={tab}
        tabs={[
          { id: "waterfall", name: "Waterfall", parameters: { tab: null } },
          { id: "critical", name: "Critical path", parameters: { tab: "critical" } },
          { id: "statistics", name: "Statistics", parameters: { tab: "statistics" } },
        ]}
      />
      {tab === "critical" ? (
        critical.data === undefined ? (
          <Empty title="There is no critical path">
            <p>{critical.error instanceof Error ? critical.error.message : "It is being found."}</p>
          </Empty>
        ) : (
          <CriticalTable path={critical.data} trace={trace} />
        )
      ) : tab === "statistics" ? (
        <SpanSums trace={trace} />
      ) : (
        <Waterfall trace={trace} critical={critical.data} />
      )}
    </>
  );
}
