/** Text with line numbers. YAML's keys, texts and comments are told apart; that is all the colour it needs. */
import { useEffect, useRef } from "react";
import type { ReactNode } from "react";

export function Code({
  text,
  firstLine = 1,
  marked,
  notes,
  label,
}: {
  readonly text: string;
  readonly firstLine?: number;
  /** The line that the address points at, by its number. */
  readonly marked?: number | undefined;
  /** What to say of lines, by number. */
  readonly notes?: ReadonlyMap<number, ReactNode>;
  readonly label: string;
}): ReactNode {
  const markedLine = useRef<HTMLSpanElement>(null);
  useEffect(() => markedLine.current?.scrollIntoView({ block: "center" }), [marked]);
  const lines = text.replace(/\n$/, "").split("\n");
  return (
    <pre className="code" tabIndex={0} aria-label={label} role="region">
      {lines.map((line, index) => {
        const number = firstLine + index;
        const isMarked = number === marked;
        return (
          <span key={number} className="line" data-marked={isMarked} ref={isMarked ? markedLine : undefined}>
            <span className="line-number">{number}</span>
            {yamlParts(line)}
            {notes?.get(number)}
          </span>
        );
      })}
    </pre>
  );
}

export function yamlParts(line: string): ReactNode {
  const comment = /^(\s*)(#.*)$/.exec(line);
  if (comment !== null) return <span className="comment">{line}</span>;
  const pair = /^(\s*(?:- )*\s*)([\w./@-]+|"[^"]*")(:)( .*)?$/.exec(line);
  if (pair === null) return line;
  return (
    <>
      {pair[1]}
      <span className="key">{pair[2]}</span>
      {pair[3]}
      {pair[4] === undefined ? null : valuePart(pair[4])}
    </>
  );
}

function valuePart(text: string): ReactNode {
  return /^ ["']/.test(text) ? <span className="string">{text}</span> : text;
}
