/** Why a request went where it went: step by step, each with the line of YAML that made it so. */
import type { ReactNode } from "react";
import type {
  ExplainAnswer,
  ExplainedRecord,
  Explanation,
  OriginLink,
  Outcome,
  Remedy,
  Step,
  StepKind,
} from "@tulle/explain/answer";
import { DescribedObject } from "../config/object-link.tsx";
import { formatMs, formatPercent } from "../format/numbers.ts";
import { Badge, Facts, Notice, Status } from "../ui/basics.tsx";
import { formatDate } from "../ui/time.tsx";
import type { Tone } from "../ui/tone.ts";
import "../styles/explain.css";

export function ExplanationView({ answer }: { readonly answer: ExplainAnswer }): ReactNode {
  const { records, explanation } = answer;
  return (
    <div className="stack">
      {records.map((record) => (
        <RecordView key={`${record.proxy} ${record.reporter} ${record.startMs}`} record={record} />
      ))}
      {explanation === undefined ? (
        <Notice tone="info">Whose request it was is not known, so its way cannot be told.</Notice>
      ) : (
        <Way explanation={explanation} />
      )}
    </div>
  );
}

function RecordView({ record }: { readonly record: ExplainedRecord }): ReactNode {
  const { reporter, startMs, durationMs, status, flags, text, remedies, facts, attempts, endpoint } = record;
  return (
    <section className="record stack">
      <div className="row">
        <Status tone={statusTone(status, flags)}>{status === 0 ? "no answer" : status}</Status>
        {flags === "" ? null : <code className="chip">{flags}</code>}
        <strong>{reporter === "source" ? "What the client's proxy saw" : "What the server's proxy saw"}</strong>
        <span className="soft small">
          {formatDate(startMs)}, {formatMs(durationMs)}
          {attempts > 1 ? `, ${attempts} attempts` : ""}
          {endpoint === "" ? "" : `, ${endpoint}`}
        </span>
      </div>
      <p className="wrap">{text}</p>
      <Remedies remedies={remedies} />
      {facts.length === 0 ? null : (
        <Facts>
          {facts.map(
            ({ name, value, origin }) => [name, <WithOrigin key={name} text={value} origin={origin} />] as const,
          )}
        </Facts>
      )}
    </section>
  );
}

function Remedies({ remedies }: { readonly remedies: readonly Remedy[] }): ReactNode {
  return remedies.map(({ cause, fix, origin }) => (
    <Notice key={`${cause} ${fix}`} tone="warn">
      <strong>{cause}</strong> {fix} {origin === undefined ? null : <Origin origin={origin} />}
    </Notice>
  ));
}

function Way({ explanation }: { readonly explanation: Explanation }): ReactNode {
  const { question, steps, outcomes, remedies, endpoints, caveats } = explanation;
  return (
    <section className="stack">
      <h3>
        The way of <code className="wrap">{`${question.method} ${question.url}`}</code> from {question.client}, as it is
        configured now
      </h3>
      <ul className="stack" style={{ gap: 4 }}>
        {outcomes.map((outcome, index) => (
          <li key={index} className="wrap">
            <Status tone={outcomeTone(outcome)}>{formatPercent(outcome.share)}</Status> {outcome.text}{" "}
            {outcome.status === 0 ? null : <code className="chip">{outcome.status}</code>}{" "}
            {outcome.flags === "" ? null : <code className="chip">{outcome.flags}</code>}
          </li>
        ))}
      </ul>
      <Remedies remedies={remedies} />
      <ol className="steps">
        {steps.map((step, index) => (
          <StepView key={index} step={step} />
        ))}
      </ol>
      {endpoints.length === 0 ? null : (
        <details>
          <summary>Endpoints ({endpoints.length})</summary>
          <ul>
            {endpoints.map(({ address, cluster, health, used, workload, version }) => (
              <li key={`${cluster} ${address}`} className="wrap">
                <Status tone={health === "healthy" ? "ok" : health === "degraded" ? "warn" : "bad"}>{health}</Status>{" "}
                <code>{address}</code> {workload} {version} {used ? "" : <span className="soft">not used now</span>}
              </li>
            ))}
          </ul>
        </details>
      )}
      {caveats.map((caveat) => (
        <p key={caveat} className="soft small wrap">
          {caveat}
        </p>
      ))}
    </section>
  );
}

const STEP_NAMES: Readonly<Record<StepKind, string>> = {
  client: "Client",
  listener: "Listener",
  "filter-chain": "Filter chain",
  filter: "Filter",
  "virtual-host": "Virtual host",
  route: "Route",
  split: "Split",
  cluster: "Cluster",
  endpoints: "Endpoints",
  application: "Application",
  record: "Record",
};

function StepView({ step }: { readonly step: Step }): ReactNode {
  const { side, kind, title, ends, origin, reasons, lost, facts } = step;
  return (
    <li data-ends={ends}>
      <div className="row" style={{ gap: 6 }}>
        <Badge tone={ends ? "bad" : "none"}>{STEP_NAMES[kind]}</Badge>
        {side === "destination" ? <span className="soft small">at the server</span> : null}
        <span className="wrap">{title}</span>
      </div>
      {origin === undefined ? null : <Origin origin={origin} />}
      {reasons.map(({ text, origin: line }) => (
        <div key={text} className="small">
          {/* The line that stands above already need not be there twice. */}
          <WithOrigin text={text} origin={isSame(line, origin) ? undefined : line} />
        </div>
      ))}
      {facts.length === 0 ? null : (
        <div className="row small" style={{ gap: 4 }}>
          {facts.map(({ name, value, origin }) => (
            <span key={name} className="chip" title={origin === undefined ? undefined : describe(origin)}>
              {name} {value}
            </span>
          ))}
        </div>
      )}
      {lost.length === 0 ? null : (
        <details className="small">
          <summary className="soft">Considered and not taken ({lost.length})</summary>
          <ul>
            {lost.map(({ what, why, origin }) => (
              <li key={`${what} ${why}`} className="wrap">
                {what}: {why} {origin === undefined ? null : <Origin origin={origin} />}
              </li>
            ))}
          </ul>
        </details>
      )}
    </li>
  );
}

function isSame(a: OriginLink | undefined, b: OriginLink | undefined): boolean {
  return a?.kind === b?.kind && a?.namespace === b?.namespace && a?.name === b?.name && a?.field === b?.field;
}

function WithOrigin({ text, origin }: { readonly text: string; readonly origin: OriginLink | undefined }): ReactNode {
  return (
    <span className="wrap">
      {text} {origin === undefined ? null : <Origin origin={origin} />}
    </span>
  );
}

function Origin({ origin }: { readonly origin: OriginLink }): ReactNode {
  const { kind, namespace, name, field, file, line, text } = origin;
  return (
    <span className="origin small">
      <DescribedObject text={`${kind} ${namespace === "" ? name : `${namespace}/${name}`}`} line={line} />{" "}
      {field === "" ? null : <code className="chip">{field}</code>}{" "}
      {file === undefined ? null : (
        <code className="soft">
          {file}:{line}
        </code>
      )}
      {text === undefined ? null : <code className="origin-line">{text.trim()}</code>}
    </span>
  );
}

function describe({ kind, namespace, name, field }: OriginLink): string {
  return `${kind} ${namespace}/${name} ${field}`;
}

export function statusTone(status: number, flags: string): Tone {
  if (status === 0 || status >= 500) return "bad";
  if (status >= 400 || flags !== "") return "warn";
  return "ok";
}

function outcomeTone({ status, by }: Outcome): Tone {
  return by === "application" ? "ok" : statusTone(status, "");
}
