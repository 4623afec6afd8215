import type { ReactNode } from "react";
import { yamlParts } from "../ui/code.tsx";
import { diffLines, hasChanges } from "./diff.ts";

export function DiffView({
  label,
  before,
  after,
}: {
  readonly label: string;
  readonly before: string;
  readonly after: string;
}): ReactNode {
  const lines = diffLines(before, after);
  if (!hasChanges(lines)) return <p className="soft">Nothing would change.</p>;
  return (
    <pre className="code" tabIndex={0} role="region" aria-label={label}>
      {lines.map(({ kind, text, before, after }, index) => (
        <span key={index} className={`line ${kind === "same" ? "" : kind}`}>
          <span className="line-number">{after ?? before}</span>
          <span className="mark" aria-label={kind === "same" ? undefined : kind}>
            {kind === "added" ? "+" : kind === "removed" ? "−" : " "}
          </span>
          {yamlParts(text)}
        </span>
      ))}
    </pre>
  );
}
