import { useState } from "react";
import type { ReactNode } from "react";
import { after } from "../clock.ts";
import { Icon } from "./icon.tsx";

/** Tells that it has copied, or that the browser would not let it. */
export function CopyButton({
  text,
  label,
  named = false,
}: {
  readonly text: string;
  readonly label: string;
  readonly named?: boolean;
}): ReactNode {
  const [result, setResult] = useState<"copied" | "refused">();
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(text);
      setResult("copied");
    } catch (error) {
      // Not every origin may write to the clipboard; whoever pressed the button has to know.
      if (!(error instanceof Error)) throw error;
      setResult("refused");
    }
    after(1500, () => setResult(undefined));
  };
  const told = result === "copied" ? "Copied" : result === "refused" ? "The browser refused" : label;
  return (
    <button
      type="button"
      className={named ? "button" : "button quiet small icon"}
      title={label}
      aria-label={named ? undefined : label}
      onClick={() => void copy()}
    >
      <Icon name={result === "copied" ? "ok" : result === "refused" ? "bad" : "copy"} />
      {named ? (
        told
      ) : (
        <span className="visually-hidden" role="status">
          {result === undefined ? "" : told}
        </span>
      )}
    </button>
  );
}

/** Saves text or a picture as a file. */
export function saveFile(name: string, content: Blob | string, type = "text/plain"): void {
  const url = URL.createObjectURL(typeof content === "string" ? new Blob([content], { type }) : content);
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  after(1000, () => URL.revokeObjectURL(url));
}
