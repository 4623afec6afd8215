/**
 * What is mirrored to a service, in the drawer. Clients count what they ask for, servers everything that arrives, copies among it: what
 * arrives beyond what was asked for are copies.
 */
import { useQueries } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { get } from "../api/client.ts";
import { useObjects } from "../api/hooks.ts";
import { quote } from "../charts/series.ts";
import { ObjectLink } from "../config/object-link.tsx";
import { formatMs, formatPercent, formatRate } from "../format/numbers.ts";
import { servicePath } from "../insight/parts.tsx";
import { useRange } from "../shell/scope.ts";
import { Link } from "../url/link.tsx";
import { rangeSeconds } from "../url/time-range.ts";
import { Answer, Card, Empty, Failure, Loading } from "../ui/basics.tsx";
import { Table } from "../ui/table.tsx";
import type { Column } from "../ui/table.tsx";
import { changesOf } from "./changes.ts";

interface VectorAnswer {
  readonly data: {
    readonly result: readonly {
      readonly metric: Readonly<Record<string, string>>;
      readonly value: readonly [number, string];
    }[];
  };
}

interface VersionCopies {
  readonly version: string;
  readonly asked: number;
  readonly arrived: number;
  readonly failed: number;
  readonly p95Ms: number | undefined;
}

/** Both sides report at moments of their own: so much may be between them without any copy. */
const NOISE = 0.05;

const COLUMNS: readonly Column<VersionCopies>[] = [
  {
    id: "version",
    name: "Version",
    cell: ({ version }) => <strong>{version}</strong>,
    sort: ({ version }) => version,
  },
  { id: "asked", name: "Asked for", numeric: true, cell: ({ asked }) => formatRate(asked) },
  {
    id: "copies",
    name: "Copies",
    numeric: true,
    cell: ({ asked, arrived }) =>
      arrived - asked > arrived * NOISE ? (
        <strong>{formatRate(arrived - asked)}</strong>
      ) : (
        <span className="soft">none</span>
      ),
  },
  {
    id: "failed",
    name: "Failed",
    numeric: true,
    cell: ({ arrived, failed }) => formatPercent(arrived === 0 ? undefined : failed / arrived),
  },
  { id: "p95", name: "p95", numeric: true, cell: ({ p95Ms }) => formatMs(p95Ms) },
];

/** `id`: namespace and name of the service that gets the copies. */
export default function Copies({ id }: { readonly id: string }): ReactNode {
  const slash = id.indexOf("/");
  const [namespace, name] = [id.slice(0, slash), id.slice(slash + 1)];
  const objects = useObjects();
  return (
    <>
      <div className="row">
        <Link to={servicePath(namespace, name)} className="button primary">
          Open the service
        </Link>
        <Link
          to="/requests"
          parameters={{ subject: `${name}.${namespace}`, reporter: "destination" }}
          className="button"
        >
          Requests as it gets them
        </Link>
      </div>
      <Answer of={objects} what="the rules">
        {({ items }) => {
          const rules = changesOf(items).filter(({ copiesTo }) => copiesTo === id);
          if (rules.length === 0) return <Empty title="Nothing is mirrored to it" />;
          return (
            <ul className="stack" style={{ gap: 4 }}>
              {rules.map(({ object, field, scope, host, text }) => (
                <li key={`${object.namespace}/${object.name} ${field}`} className="wrap">
                  Of {scope === "" ? "all requests" : `requests with ${scope}`} for {host} {text}, by{" "}
                  <ObjectLink reference={object} /> <code className="chip">{field}</code>
                </li>
              ))}
            </ul>
          );
        }}
      </Answer>
      <Versions namespace={namespace} name={name} />
    </>
  );
}

function Versions({ namespace, name }: { readonly namespace: string; readonly name: string }): ReactNode {
  const window = `${Math.max(30, rangeSeconds(useRange(10_000)))}s`;
  const service = `destination_service_name=${quote(name)},destination_service_namespace=${quote(namespace)}`;
  const rate = (labels: string): string =>
    `sum by (destination_version) (rate(istio_requests_total{${labels},${service}}[${window}]))`;
  const arrived = 'reporter="destination"';
  const answers = useQueries({
    queries: [
      rate('reporter="source"'),
      rate(arrived),
      rate(`${arrived},response_code=~"5..|0"`),
      `histogram_quantile(0.95, sum by (destination_version, le) (rate(istio_request_duration_milliseconds_bucket{${arrived},${service}}[${window}])))`,
    ].map((query) => ({
      queryKey: ["query", query],
      queryFn: ({ signal }: { signal: AbortSignal }) => get<VectorAnswer>("api/v1/query", { query }, signal),
      refetchInterval: 5000,
    })),
  });
  const wrong = answers.find(({ error }) => error !== null);
  if (wrong !== undefined) return <Failure what="the copies" error={wrong.error} />;
  const [asked, got, failed, p95] = answers.map(({ data }) =>
    data === undefined
      ? undefined
      : new Map(data.data.result.map(({ metric, value }) => [metric["destination_version"] ?? "", Number(value[1])])),
  );
  if (asked === undefined || got === undefined || failed === undefined || p95 === undefined)
    return <Loading what="the copies" />;
  const rows = [...new Set([...asked.keys(), ...got.keys()])]
    .filter((version) => version !== "unknown" && version !== "")
    .map((version): VersionCopies => ({
      version,
      asked: asked.get(version) ?? 0,
      arrived: got.get(version) ?? 0,
      failed: failed.get(version) ?? 0,
      p95Ms: p95.get(version),
    }));
  return (
    <Card
      title="By version"
      note="Clients count what they ask for, servers what arrives: the difference are copies"
      flush
    >
      <Table
        label="Copies by version"
        columns={COLUMNS}
        rows={rows}
        rowKey={({ version }) => version}
        sortedBy="version-asc"
        parameter="copies"
        empty={<Empty title="Nothing has come in this time" />}
      />
    </Card>
  );
}
