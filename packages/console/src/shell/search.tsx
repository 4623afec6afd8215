/** `/`: everything that has a name, and ids of traces and requests. */
import { useMemo, useState } from "react";
import type { ReactNode } from "react";
import { useObjects, useProxies } from "../api/hooks.ts";
import { useServices } from "../api/insight.ts";
import { PAGES } from "../pages/pages.ts";
import { servicePath } from "../insight/parts.tsx";
import { objectPath, pathOf } from "../url/address.ts";
import type { Parameters } from "../url/address.ts";
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
  readonly parameters?: Parameters;
}

const SHOWN = 12;

export function Search({ onClose }: { readonly onClose: () => void }): ReactNode {
  const { go } = useAddress();
  const [text, setText] = useState("");
  const [chosen, setChosen] = useState(0);
  const all = useEverything();
  const found = useMemo(
    () => [...idsIn(text), ...rank(all, text, ({ name, kind }) => `${name} ${kind}`)].slice(0, SHOWN),
    [all, text],
  );
  const open = (one: Found | undefined): void => {
    if (one === undefined) return;
    onClose();
    go(one.path, one.parameters);
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
        placeholder="Pages, services, objects, proxies; ids of traces and requests"
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

/** What is pasted from a log or a header: an id has no name, and nobody knows yet whether something is kept of it. */
function idsIn(text: string): readonly Found[] {
  const id = text.trim();
  const isTrace = /^(?:[0-9a-f]{16}|[0-9a-f]{32})$/.test(id);
  const isRequest = isTrace || /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id);
  const isLine = id.length > 60 && /"[A-Z]+ \S+ HTTP\/|"response_code"/.test(id);
  return [
    ...(isTrace ? [{ name: id, kind: "Trace", icon: "trace" as const, path: pathOf("traces", id) }] : []),
    ...(isRequest || isLine
      ? [
          {
            name: isLine ? "this line of a log" : id,
            kind: "Explain the request",
            icon: "request" as const,
            path: "/explain",
            parameters: { request: id },
          },
        ]
      : []),
  ];
}

function useEverything(): readonly Found[] {
  const objects = useObjects();
  const proxies = useProxies();
  const services = useServices();
  return useMemo(
    () => [
      ...PAGES.map(({ name, path, icon }) => ({ name, path, icon, kind: "Page" })),
      ...(services.data?.services ?? []).map(({ namespace, name }): Found => ({
        name: `${namespace}/${name}`,
        kind: "Service",
        icon: "service",
        path: servicePath(namespace, name),
      })),
      ...(objects.data?.items ?? []).map(({ object }): Found => {
        const { namespace, name } = object.metadata;
        return {
          name: namespace === "" ? name : `${namespace}/${name}`,
          // The service itself is found by that word.
          kind: object.kind === "Service" ? "Service object" : object.kind,
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
    [objects.data, proxies.data, services.data],
  );
}
