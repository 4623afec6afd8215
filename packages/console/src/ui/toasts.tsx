/** What has been done, said where one looks anyway, with the way back. */
import { createContext, useCallback, useContext, useMemo, useState } from "react";
import type { ReactNode } from "react";
import { after } from "../clock.ts";
import { Notice } from "./basics.tsx";
import { Icon } from "./icon.tsx";
import type { Tone } from "./tone.ts";

interface Toast {
  readonly id: number;
  readonly tone: Tone;
  readonly text: ReactNode;
  readonly action?: { readonly name: string; readonly run: () => void };
}

type Say = (toast: Omit<Toast, "id">) => void;

const SHOWN_MS = 12_000;

const Context = createContext<Say>(() => undefined);

export function useSay(): Say {
  return useContext(Context);
}

export function Toasts({ children }: { readonly children: ReactNode }): ReactNode {
  const [toasts, setToasts] = useState<readonly Toast[]>([]);
  const drop = useCallback((id: number) => setToasts((all) => all.filter((toast) => toast.id !== id)), []);
  const say = useMemo<Say>(() => {
    let next = 0;
    return (toast) => {
      const id = next++;
      setToasts((all) => [...all.slice(-2), { ...toast, id }]);
      after(SHOWN_MS, () => drop(id));
    };
  }, [drop]);
  return (
    <Context value={say}>
      {children}
      <div className="toasts" aria-live="polite">
        {toasts.map(({ id, tone, text, action }) => (
          <Notice
            key={id}
            tone={tone}
            actions={
              <>
                {action === undefined ? null : (
                  <button
                    type="button"
                    className="button small"
                    onClick={() => {
                      action.run();
                      drop(id);
                    }}
                  >
                    {action.name}
                  </button>
                )}
                <button type="button" className="button quiet small icon" aria-label="Dismiss" onClick={() => drop(id)}>
                  <Icon name="close" />
                </button>
              </>
            }
          >
            {text}
          </Notice>
        ))}
      </div>
    </Context>
  );
}
