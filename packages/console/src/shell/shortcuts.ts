/** Keys: `/` searches, `?` helps, `g` and a letter goes somewhere. */
import { useEffect } from "react";
import { now } from "../clock.ts";

/** Within this, two keys are one shortcut. */
const SEQUENCE_MS = 1200;

export function useShortcuts(handlers: Readonly<Record<string, () => void>>): void {
  useEffect(() => {
    let first = "";
    let firstAt = 0;
    const onKey = (event: KeyboardEvent): void => {
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
      const key = event.key;
      const sequence = first !== "" && now() - firstAt < SEQUENCE_MS ? `${first} ${key}` : key;
      first = "";
      const handler = handlers[sequence] ?? handlers[key];
      if (handler !== undefined) {
        event.preventDefault();
        handler();
      } else if (key === "g") {
        first = key;
        firstAt = now();
      }
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, [handlers]);
}

function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target.shadowRoot !== null) return true;
  return target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName);
}
