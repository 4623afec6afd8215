/** Who may call whom, as far as policies decide it by identity; a dot where somebody has called. */
import { useMemo } from "react";
import type { ReactNode } from "react";
import type { AccessAnswer, AccessCaller, AccessCell, EdgeRow } from "@tulle/telemetry/insight";
import { useGet } from "../api/hooks.ts";
import { windowOf } from "../api/insight.ts";
import { formatCount } from "../format/numbers.ts";
import { ObjectRefLink } from "../insight/parts.tsx";
import { useNamespace, useRange } from "../shell/scope.ts";
import { pathOf } from "../url/address.ts";
import { Link } from "../url/link.tsx";
import { useAddress } from "../url/use-address.ts";
import { Answer, Card, Empty, Notice, Status } from "../ui/basics.tsx";
import { Icon } from "../ui/icon.tsx";
import { TONE_ICONS } from "../ui/tone.ts";
import type { Tone } from "../ui/tone.ts";
import "../styles/security.css";

const VERDICTS: Readonly<Record<AccessCell["verdict"], { readonly tone: Tone; readonly name: string }>> = {
  allowed: { tone: "ok", name: "May" },
  denied: { tone: "bad", name: "May not" },
  depends: { tone: "warn", name: "Depends on the request" },
};

export function AccessTable(): ReactNode {
  const ns = useNamespace();
  const answer = useGet<AccessAnswer>("api/v1/access", { ns: ns === "" ? undefined : ns });
  const edges = useGet<{ readonly edges: readonly EdgeRow[] }>("api/v1/edges", windowOf(useRange()));
  const called = useMemo(
    () =>
      new Set(
        (edges.data?.edges ?? []).map(({ from, to }) => pair(from.namespace, from.workload, to.namespace, to.workload)),
      ),
    [edges.data],
  );
  return (
    <Card title="Who may call whom" note="By identity, as policies say. A dot: it has called in this time." flush>
      <Answer of={answer} what="who may call whom">
        {(access) =>
          access.servers.length === 0 ? (
            <Empty title="Nobody is there to be called">
              <p>Workloads that run with a sidecar appear here, and what each of them may do.</p>
            </Empty>
          ) : (
            <Matrix access={access} called={called} />
          )
        }
      </Answer>
    </Card>
  );
}

function Matrix({
  access,
  called,
}: {
  readonly access: AccessAnswer;
  readonly called: ReadonlySet<string>;
}): ReactNode {
  const { query, change } = useAddress();
  const { callers, servers, cells, omitted } = access;
  const [row, column] = (query.get("cell") ?? "").split(":").map(Number);
  const chosen = row === undefined || column === undefined ? undefined : cells[row]?.[column];
  return (
    <>
      <div className="table-scroll" tabIndex={0} role="region" aria-label="Who may call whom">
        <table className="table dense access">
          <thead>
            <tr>
              <th scope="col">Caller</th>
              {servers.map(({ namespace, workload, mode }) => (
                <th key={`${namespace}/${workload}`} scope="col" title={`${namespace}, mutual TLS ${mode}`}>
                  <Link to={pathOf("workloads", namespace, workload)}>{workload}</Link>
                  <span className="mode">{mode}</span>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {callers.map((caller, index) => (
              <tr key={`${caller.namespace}/${caller.account}`}>
                <th scope="row" title={caller.workloads.join(", ")}>
                  {caller.account === "" ? (
                    nameOf(caller)
                  ) : (
                    <>
                      {caller.namespace}/<wbr />
                      {caller.account}
                    </>
                  )}
                </th>
                {servers.map((server, at) => {
                  const cell = cells[index]![at]!;
                  const { tone, name } = VERDICTS[cell.verdict];
                  const isCalled = caller.workloads.some((workload) =>
                    called.has(pair(caller.namespace, workload, server.namespace, server.workload)),
                  );
                  const isChosen = index === row && at === column;
                  const label = `${nameOf(caller)} calls ${server.workload}: ${name}${isCalled ? ", has called" : ""}`;
                  return (
                    <td key={`${server.namespace}/${server.workload}`}>
                      <button
                        type="button"
                        className={`access-cell tone-${tone}`}
                        aria-label={label}
                        aria-pressed={isChosen}
                        title={label}
                        onClick={() => change({ cell: isChosen ? null : `${index}:${at}` }, { replace: true })}
                      >
                        <Icon name={TONE_ICONS[tone]} />
                        {isCalled ? <span className="access-called" /> : null}
                      </button>
                    </td>
                  );
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <div className="body stack">
        {chosen === undefined ? (
          <ul className="row" aria-label="Legend">
            {Object.values(VERDICTS).map(({ tone, name }) => (
              <li key={name}>
                <Status tone={tone}>{name}</Status>
              </li>
            ))}
          </ul>
        ) : (
          <Reason cell={chosen} caller={callers[row!]!} server={servers[column!]!.workload} />
        )}
        {omitted === 0 ? null : (
          <Notice tone="info">{formatCount(omitted, "more")} are not shown: choose a namespace above.</Notice>
        )}
      </div>
    </>
  );
}

function Reason({
  cell: { verdict, by },
  caller,
  server,
}: {
  readonly cell: AccessCell;
  readonly caller: AccessCaller;
  readonly server: string;
}): ReactNode {
  const { tone, name } = VERDICTS[verdict];
  return (
    <div className="stack" style={{ gap: 4 }} role="status">
      <p>
        <Status tone={tone}>{name}</Status> {nameOf(caller)} → <strong>{server}</strong>
        {by.length === 0 ? (verdict === "allowed" ? ": no policy says otherwise" : "") : ", by"}
      </p>
      <ul>
        {by.map((reference) => (
          <li key={`${reference.kind} ${reference.namespace}/${reference.name}`} className="wrap">
            <ObjectRefLink reference={reference} />
          </li>
        ))}
      </ul>
      {caller.workloads[0] === undefined ? null : (
        <p>
          <Link
            to="/explain"
            parameters={{ from: `${caller.workloads[0]}.${caller.namespace}` }}
            className="button small"
          >
            Try a request of {caller.workloads[0]}
          </Link>
        </p>
      )}
    </div>
  );
}

function nameOf({ namespace, account }: AccessCaller): string {
  return account === "" ? "in plaintext" : `${namespace}/${account}`;
}

function pair(...names: readonly string[]): string {
  return names.join("\n");
}
