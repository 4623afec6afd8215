/** What is about to be applied: what the control plane says of it, the difference, and the ways to have it. */
import { useState } from "react";
import type { ReactNode } from "react";
import { Notice, Select, Status } from "../ui/basics.tsx";
import { Code } from "../ui/code.tsx";
import { CopyButton, saveFile } from "../ui/copy.tsx";
import { Icon } from "../ui/icon.tsx";
import { useAddress } from "../url/use-address.ts";
import { DiagnosticList } from "./diagnostic-list.tsx";
import { DiffView } from "./diff-view.tsx";
import { ObjectLink } from "./object-link.tsx";
import { mainStatus, PREVIEW_NAMES, STATUS_NAMES, STATUS_TONES } from "./objects.ts";
import { useApply } from "./use-apply.ts";
import { useValidation } from "./use-validation.ts";
import type { ValidationAnswer } from "./use-validation.ts";

const TIMES = [
  { value: "", name: "until somebody changes it" },
  { value: "900", name: "for 15 minutes" },
  { value: "3600", name: "for 1 hour" },
  { value: "28800", name: "for 8 hours" },
  { value: "86400", name: "for 1 day" },
];

export function Review({
  text,
  temporary,
  onLine,
  onApplied,
  showYaml,
}: {
  readonly text: string;
  /** Seconds that it stays if nobody says otherwise; "" is for good. */
  readonly temporary: string;
  readonly onLine?: (line: number, column: number) => void;
  readonly onApplied: () => void;
  /** Beside an editor the text need not be shown again. */
  readonly showYaml: boolean;
}): ReactNode {
  const validation = useValidation(text);
  const apply = useApply(onApplied);
  const { query } = useAddress();
  const [seconds, setSeconds] = useState(temporary);
  const [tab, setTab] = useState<"diff" | "yaml">("diff");
  const answer = validation.data;
  const isValid =
    answer?.valid === true && text.trim() !== "" && answer.objects.some(({ action }) => action !== "unchanged");
  const before = (answer?.objects ?? []).map((one) => one.before ?? "").join("---\n");
  return (
    <div className="stack review" data-step={query.get("step")}>
      {showYaml ? (
        <div className="row spread">
          <span className="segments" role="group" aria-label="What to show">
            <button type="button" aria-pressed={tab === "diff"} onClick={() => setTab("diff")}>
              Difference
            </button>
            <button type="button" aria-pressed={tab === "yaml"} onClick={() => setTab("yaml")}>
              YAML
            </button>
          </span>
          <span className="row">
            <CopyButton named text={text} label="Copy" />
            <button type="button" className="button" onClick={() => saveFile("change.yaml", text, "application/yaml")}>
              <Icon name="download" />
              Download
            </button>
          </span>
        </div>
      ) : null}
      {text.trim() === "" ? (
        <p className="soft">There is nothing to apply: it is so already.</p>
      ) : showYaml && tab === "yaml" ? (
        <Code label="What would be applied" text={text} />
      ) : (
        <DiffView label="What would change" before={before} after={text.replace(/^---\n/, "")} />
      )}
      {answer === undefined ? null : <Verdict answer={answer} {...(onLine === undefined ? {} : { onLine })} />}
      <div className="row">
        <button
          type="button"
          className="button primary"
          disabled={!isValid || apply.isPending}
          onClick={() => apply.mutate({ text, ...(seconds === "" ? {} : { temporarySeconds: Number(seconds) }) })}
        >
          {apply.isPending ? "Applying …" : "Apply"}
        </button>
        <Select
          aria-label="How long it stays"
          value={seconds}
          options={TIMES}
          onChange={({ target }) => setSeconds(target.value)}
        />
      </div>
    </div>
  );
}

function Verdict({
  answer,
  onLine,
}: {
  readonly answer: ValidationAnswer;
  readonly onLine?: (line: number, column: number) => void;
}): ReactNode {
  const { diagnostics, objects, others } = answer;
  return (
    <div className="stack" aria-live="polite">
      {diagnostics.length === 0 ? null : (
        <DiagnosticList diagnostics={diagnostics} {...(onLine === undefined ? {} : { onLine })} />
      )}
      <ul className="stack" style={{ gap: 4 }}>
        {objects.map(({ kind, namespace, name, action, status }) => {
          const main = mainStatus(status);
          return (
            <li key={`${kind} ${namespace}/${name}`} className="wrap">
              {main === undefined ? null : (
                <Status tone={STATUS_TONES[main.type]}>
                  {(action === "unchanged" ? STATUS_NAMES : PREVIEW_NAMES)[main.type]}
                </Status>
              )}{" "}
              {kind} {name} would be {action === "created" ? "new" : action === "unchanged" ? "what it is" : "changed"}
              {main === undefined ? "" : `: ${main.message}`}
            </li>
          );
        })}
      </ul>
      {others.map(({ will, group, kind, namespace, name }) => {
        const reference = { group, kind, namespace, name };
        const main = mainStatus(will);
        return (
          <Notice key={`${reference.kind} ${reference.namespace}/${reference.name}`} tone="warn">
            <ObjectLink reference={reference} /> would change with it
            {main === undefined ? "" : `: ${STATUS_NAMES[main.type]}, ${main.message}`}
          </Notice>
        );
      })}
    </div>
  );
}
