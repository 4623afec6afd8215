/** One drawer for every entity: what it is, and the ways to everything that is known about it. The address says which: `about=KIND:…`. */
import { Suspense, useEffect, useRef } from "react";
import type { ReactNode } from "react";
import { Empty, Loading } from "../ui/basics.tsx";
import { Icon } from "../ui/icon.tsx";
import { useAddress } from "../url/use-address.ts";
import { Boundary } from "./boundary.tsx";
import { ENTITIES } from "./entities.ts";
import { KEEPS_FOCUS } from "./focus.ts";

export function Drawer({ entity }: { readonly entity: string }): ReactNode {
  const { change } = useAddress();
  const panel = useRef<HTMLElement>(null);
  const colon = entity.indexOf(":");
  const kind = ENTITIES[entity.slice(0, colon)];
  const id = entity.slice(colon + 1);
  const close = (): void => change({ about: null });
  useEffect(() => {
    const before = document.activeElement;
    // Whoever goes through a map by its keys stays there.
    if (before?.hasAttribute(KEEPS_FOCUS) === true) return undefined;
    panel.current?.focus();
    return () => {
      // Whoever opened it by the keyboard goes on from there.
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
  return (
    <aside
      className="drawer"
      ref={panel}
      tabIndex={-1}
      aria-label={kind === undefined ? "Details" : `${kind.name} ${id}`}
      onKeyDown={({ key }) => {
        if (key === "Escape") close();
      }}
    >
      <header>
        <div className="stack" style={{ gap: 2, flex: 1 }}>
          <span className="soft small">{kind?.name ?? "Details"}</span>
          <h2>{id}</h2>
        </div>
        <button type="button" className="button quiet icon" aria-label="Close (Esc)" onClick={close}>
          <Icon name="close" />
        </button>
      </header>
      <div className="drawer-body">
        <Boundary>
          <Suspense fallback={<Loading what="details" />}>
            {kind === undefined ? <Empty title="Nothing is known about this" /> : <kind.component id={id} />}
          </Suspense>
        </Boundary>
      </div>
    </aside>
  );
}
