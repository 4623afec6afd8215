import type { ReactNode } from "react";
import type { Diagnostic } from "../api/types.ts";
import { Status } from "../ui/basics.tsx";

export function DiagnosticList({
  diagnostics,
  onLine,
}: {
  readonly diagnostics: readonly Diagnostic[];
  /** Absent: the file is none that is shown. */
  readonly onLine?: (line: number, column: number) => void;
}): ReactNode {
  return (
    <ul className="stack" style={{ gap: 6 }}>
      {diagnostics.map((one, index) => {
        const { severity, file, line, column, kind, namespace, name, field, message, expected } = one;
        const where = line > 0 ? `${onLine === undefined ? `${file}:` : "line "}${line}:${column}` : file;
        return (
          <li key={index} className="wrap">
            <Status tone={severity === "error" ? "bad" : "warn"}>{severity === "error" ? "Error" : "Warning"}</Status>{" "}
            {onLine === undefined ? (
              <code className="soft">{where}</code>
            ) : (
              <button type="button" className="button quiet small mono" onClick={() => onLine(line, column)}>
                {where}
              </button>
            )}{" "}
            {kind === "" ? null : `${kind} ${namespace === "" ? name : `${namespace}/${name}`} `}
            {field === "" ? null : <code className="chip">{field}</code>} {message}
            {expected === undefined ? null : <span className="soft">, expected {expected}</span>}
          </li>
        );
      })}
    </ul>
  );
}
