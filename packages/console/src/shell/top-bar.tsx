import { useState } from "react";
import type { ReactNode } from "react";
import { useObjects, useProxies } from "../api/hooks.ts";
import { parseRange, RANGES } from "../url/time-range.ts";
import { now } from "../clock.ts";
import { useAddress } from "../url/use-address.ts";
import { Select } from "../ui/basics.tsx";
import { Icon } from "../ui/icon.tsx";
import { compareTexts } from "../ui/table.tsx";
import { formatClock } from "../ui/time.tsx";
import { chooseTheme, readTheme } from "./theme.ts";
import type { Theme } from "./theme.ts";

export function TopBar({
  onMenu,
  onSearch,
  onHelp,
  menuOpen,
}: {
  readonly onMenu: () => void;
  readonly onSearch: () => void;
  readonly onHelp: () => void;
  readonly menuOpen: boolean;
}): ReactNode {
  return (
    <header className="bar">
      <button
        type="button"
        className="button icon menu-button"
        aria-label="Pages"
        aria-expanded={menuOpen}
        aria-controls="navigation"
        onClick={onMenu}
      >
        <Icon name="menu" />
      </button>
      <ScopeBar />
      <TimeBar />
      <span className="bar-space" />
      <button type="button" className="search-button" aria-label="Search" onClick={onSearch}>
        <Icon name="search" />
        <span>Search</span>
        <kbd aria-hidden>/</kbd>
      </button>
      <ThemeButton />
      <button
        type="button"
        className="button quiet icon"
        aria-label="Help and keys"
        title="Help and keys (?)"
        onClick={onHelp}
      >
        <Icon name="help" />
      </button>
    </header>
  );
}

function ScopeBar(): ReactNode {
  const { query, change } = useAddress();
  const objects = useObjects();
  const proxies = useProxies();
  const current = query.get("ns") ?? "";
  const known = new Set([
    ...(objects.data?.items ?? []).map(({ object }) => object.metadata.namespace),
    ...(proxies.data ?? []).map(({ namespace }) => namespace),
    current,
  ]);
  known.delete("");
  const options = [
    { value: "", name: "All namespaces" },
    ...[...known].sort(compareTexts).map((name) => ({ value: name, name })),
  ];
  return (
    <Select
      aria-label="Namespace"
      value={current}
      options={options}
      onChange={({ target }) => change({ ns: target.value })}
    />
  );
}

function TimeBar(): ReactNode {
  const { query, change } = useAddress();
  const range = parseRange(query.get("range"), now());
  const known = RANGES.some(({ text }) => text === range.text);
  const own = range.live ? `Last ${range.text}` : `${formatClock(range.from)} – ${formatClock(range.to)}`;
  const options = RANGES.map(({ text, label }) => ({ value: text, name: label }));
  return (
    <Select
      aria-label="Time"
      value={range.text}
      options={known ? options : [{ value: range.text, name: own }, ...options]}
      onChange={({ target }) => change({ range: target.value })}
    />
  );
}

const NEXT: Readonly<Record<Theme, Theme>> = { system: "light", light: "dark", dark: "system" };

function ThemeButton(): ReactNode {
  const [theme, setTheme] = useState(readTheme);
  const next = NEXT[theme];
  return (
    <button
      type="button"
      className="button quiet icon"
      aria-label={`Colours: ${theme}. Change to ${next}`}
      title={`Colours: ${theme}`}
      onClick={() => {
        chooseTheme(next);
        setTheme(next);
      }}
    >
      <Icon name={theme === "system" ? "system" : theme === "light" ? "sun" : "moon"} />
    </button>
  );
}
