/** A YAML editor that knows the kinds. It lives in a shadow tree: its styles are sheets there, as the page's policy demands. */
import { autocompletion, closeBrackets, completionKeymap } from "@codemirror/autocomplete";
import type { CompletionContext, CompletionResult } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { yaml } from "@codemirror/lang-yaml";
import { HighlightStyle, indentUnit, syntaxHighlighting } from "@codemirror/language";
import { lintGutter, setDiagnostics } from "@codemirror/lint";
import { EditorState } from "@codemirror/state";
import { drawSelection, EditorView, highlightActiveLine, keymap, lineNumbers } from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { useEffect, useImperativeHandle, useRef } from "react";
import type { ReactNode, Ref } from "react";
import type { Diagnostic } from "../api/types.ts";
import { completeAt } from "./completion.ts";

export interface EditorHandle {
  goTo(line: number, column: number): void;
}

const THEME = EditorView.theme({
  "&": { height: "100%", fontSize: "12.5px", backgroundColor: "var(--surface)", color: "var(--text)" },
  "&.cm-focused": { outline: "2px solid var(--focus)", outlineOffset: "-2px" },
  ".cm-scroller": { fontFamily: "var(--mono)", lineHeight: "1.6" },
  ".cm-content": { caretColor: "var(--text)" },
  ".cm-cursor": { borderLeftColor: "var(--text)" },
  ".cm-gutters": { backgroundColor: "var(--sunken)", color: "var(--text-soft)", border: "0" },
  ".cm-activeLine": { backgroundColor: "color-mix(in oklab, var(--hover) 55%, transparent)" },
  ".cm-activeLineGutter": { backgroundColor: "var(--hover)" },
  "&.cm-focused .cm-selectionBackground, .cm-selectionBackground": { backgroundColor: "var(--selected) !important" },
  ".cm-tooltip": {
    backgroundColor: "var(--raised)",
    color: "var(--text)",
    border: "1px solid var(--line)",
    borderRadius: "6px",
    boxShadow: "var(--shadow-high)",
  },
  ".cm-tooltip-autocomplete > ul > li[aria-selected]": { backgroundColor: "var(--selected)", color: "var(--text)" },
  ".cm-completionDetail": { color: "var(--text-soft)", fontStyle: "normal", marginLeft: "1.2em" },
  ".cm-diagnostic": { fontFamily: "var(--font)" },
});

const HIGHLIGHT = HighlightStyle.define([
  { tag: [tags.propertyName, tags.definition(tags.propertyName)], color: "var(--accent)" },
  { tag: tags.comment, color: "var(--text-soft)" },
  { tag: tags.string, color: "var(--ok)" },
  { tag: [tags.meta, tags.separator], color: "var(--text-soft)" },
]);

export function Editor({
  initial,
  diagnostics,
  onChange,
  ref,
}: {
  /** Later values do not replace what somebody writes. */
  readonly initial: string;
  readonly diagnostics: readonly Diagnostic[];
  readonly onChange: (text: string) => void;
  readonly ref: Ref<EditorHandle>;
}): ReactNode {
  const host = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView>(undefined);
  const change = useRef(onChange);
  change.current = onChange;
  const start = useRef(initial);

  useEffect(() => {
    const root = host.current!.shadowRoot ?? host.current!.attachShadow({ mode: "open" });
    const created = new EditorView({
      root,
      parent: root,
      state: EditorState.create({
        doc: start.current,
        extensions: [
          lineNumbers(),
          history(),
          drawSelection(),
          highlightActiveLine(),
          closeBrackets(),
          indentUnit.of("  "),
          EditorState.tabSize.of(2),
          yaml(),
          syntaxHighlighting(HIGHLIGHT),
          autocompletion({ override: [complete], icons: false }),
          lintGutter(),
          // Tab leaves the editor, as everywhere.
          keymap.of([...completionKeymap, ...defaultKeymap, ...historyKeymap]),
          EditorView.contentAttributes.of({ "aria-label": "YAML" }),
          EditorView.updateListener.of((update) => {
            if (update.docChanged) change.current(update.state.doc.toString());
          }),
          THEME,
        ],
      }),
    });
    // What scrolls must be reachable by the keyboard where the text itself is not recognised as focusable.
    created.scrollDOM.tabIndex = 0;
    view.current = created;
    return () => {
      start.current = created.state.doc.toString();
      created.destroy();
      view.current = undefined;
    };
  }, []);

  useEffect(() => {
    const current = view.current;
    if (current === undefined) return;
    const { doc } = current.state;
    const found = diagnostics
      .filter(({ line }) => line > 0 && line <= doc.lines)
      .map(({ line, column, severity, message, expected, field }) => {
        const at = doc.line(line);
        const from = Math.min(at.to, at.from + Math.max(0, column - 1));
        const text = `${field === "" ? "" : `${field}: `}${message}${expected === undefined ? "" : `, expected ${expected}`}`;
        return { from, to: Math.max(from, at.to), severity, message: text };
      });
    current.dispatch(setDiagnostics(current.state, found));
  }, [diagnostics]);

  useImperativeHandle(
    ref,
    () => ({
      goTo: (line, column) => {
        const current = view.current;
        if (current === undefined || line < 1 || line > current.state.doc.lines) return;
        const at = current.state.doc.line(line);
        const position = Math.min(at.to, at.from + Math.max(0, column - 1));
        current.dispatch({ selection: { anchor: position }, scrollIntoView: true });
        current.focus();
      },
    }),
    [],
  );

  return <div ref={host} className="editor" />;
}

function complete(context: CompletionContext): CompletionResult | null {
  const found = completeAt(context.state.doc.toString(), context.pos);
  if (found === undefined || found.options.length === 0) return null;
  if (!context.explicit && found.from === context.pos) return null;
  return {
    from: found.from,
    options: found.options.map((option) => ({ ...option, type: "property" })),
    validFor: /^[\w.-]*$/,
  };
}
