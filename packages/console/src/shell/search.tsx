/** `/`: everything that has a name, and ids of traces and requests. */
import { useMemo, useState } from "react";
import type { ReactNode } from "react";
import { useObjects, useProxies } from "../api/hooks.ts";
import { PAGES } from "../pages/pages.ts";
import { objectPath, pathOf } from "../url/address.ts";
import { useAddress } from "../url/use-address.ts";
import { groupOf } from "../config/objects.ts";
import { Dialog } from "../ui/dialog.tsx";
import { Icon } from "../ui/icon.tsx";
import type { IconName } from "../ui/icon.tsx";
import { rank } from "./rank.ts";

interface Found {
  readonly name: string;
  readonly kind: string;
  readonly icon: IconName;
  readonly path: string;
}

const SHOWN = 12;

export function Search({ onClose }: { readonly onClose: () => void }): ReactNode {
  const { go } = useAddress();
  const [text, setText] = useState("");
  const [chosen, setChosen] = useState(0);
  const all = useEverything();
  const found = useMemo(() => rank(all, text, ({ name, kind }) => `${name} ${kind}`).slice(0, SHOWN), [all, text]);
  const open = (one: Found | undefined): void => {
    if (one === undefined) return;
    onClose();
    go(one.path);
  };
  return (
    <Dialog label="Search" className="palette" onClose={onClose}>
      <input
        type="search"
        role="combobox"
        aria-label="Search"
        aria-expanded
        aria-controls="found"
        aria-activedescendant={found.length === 0 ? undefined : `found-${chosen}`}
        placeholder="Pages, services, objects, proxies"
        autoFocus
        value={text}
        onChange={({ target }) => {
          setText(target.value);
          setChosen(0);
        }}
        onKeyDown={(event) => {
          const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
          if (step !== 0 && found.length > 0) {
            event.preventDefault();
            setChosen((chosen + step + found.length) % found.length);
          }
          if (event.key === "Enter") open(found[chosen]);
        }}
      />
      <ul id="found" role="listbox" aria-label="Found">
        {found.map((one, index) => (
          <li
            key={`${one.kind} ${one.path}`}
            id={`found-${index}`}
            role="option"
            aria-selected={index === chosen}
            onClick={() => open(one)}
            onPointerMove={() => setChosen(index)}
          >
            <Icon name={one.icon} />
            {one.name}
            <span className="kind">{one.kind}</span>
          </li>
        ))}
      </ul>
      {found.length === 0 ? <p className="empty soft">Nothing here has that name.</p> : null}
    </Dialog>
  );
}

function useEverything(): readonly Found[] {
  const objects = useObjects();
  const proxies = useProxies();
  return useMemo(
    () => [
      ...PAGES.map(({ name, path, icon }) => ({ name, path, icon, kind: "Page" })),
      ...(objects.data?.items ?? []).map(({ object }): Found => {
        const { namespace, name } = object.metadata;
        return {
          name: namespace === "" ? name : `${namespace}/${name}`,
          kind: object.kind,
          icon: "config",
          path: objectPath({ group: groupOf(object.apiVersion), kind: object.kind, namespace, name }),
        };
      }),
      ...(proxies.data ?? []).map(({ id, namespace, workload }): Found => ({
        name: `${namespace}/${workload}`,
        kind: "Proxy",
        icon: "proxy",
        path: pathOf("proxies", id),
      })),
    ],
    [objects.data, proxies.data],
  );
}
