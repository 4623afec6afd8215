import type { ReactNode } from "react";
import { useDiagnostics, useProxies } from "../api/hooks.ts";
import { formatCount } from "../format/numbers.ts";
import { SECTIONS } from "../pages/pages.ts";
import type { PageInfo } from "../pages/pages.ts";
import { Link } from "../url/link.tsx";
import { useAddress } from "../url/use-address.ts";
import { Badge } from "../ui/basics.tsx";
import { Icon } from "../ui/icon.tsx";

export function Navigation({
  isOpen,
  onNavigate,
}: {
  readonly isOpen: boolean;
  readonly onNavigate: () => void;
}): ReactNode {
  const { path } = useAddress();
  const proxies = useProxies();
  const lost = proxies.error !== null;
  return (
    <nav className="nav" data-open={isOpen} aria-label="Pages" id="navigation" onClick={onNavigate}>
      <Link to="/" className="brand">
        <Logo />
        Tulle
      </Link>
      {SECTIONS.map((section) => (
        <section key={section.name}>
          <h2>{section.name}</h2>
          <ul>
            {section.pages.map((page) => (
              <li key={page.path}>
                <Link to={page.path} aria-current={isCurrent(page, path) ? "page" : undefined}>
                  <Icon name={page.icon} />
                  {page.name}
                  <Count of={page} />
                </Link>
              </li>
            ))}
          </ul>
        </section>
      ))}
      <p className="nav-foot" role="status">
        <span className={`status tone-${lost ? "bad" : "ok"}`}>
          <Icon name={lost ? "bad" : "ok"} />
        </span>
        {lost
          ? "The control plane does not answer"
          : proxies.data === undefined
            ? "Connecting"
            : `${formatCount(proxies.data.length, "proxy", "proxies")} connected`}
      </p>
    </nav>
  );
}

export function isCurrent({ path }: PageInfo, current: string): boolean {
  return path === "/" ? current === "/" : current === path || current.startsWith(`${path}/`);
}

/** How much is wrong there. */
function Count({ of }: { readonly of: PageInfo }): ReactNode {
  const proxies = useProxies();
  const diagnostics = useDiagnostics();
  const count =
    of.path === "/proxies"
      ? (proxies.data ?? []).filter(({ types }) => Object.values(types).some(({ state }) => state === "ERROR")).length
      : of.path === "/config"
        ? (diagnostics.data?.diagnostics ?? []).filter(({ severity }) => severity === "error").length
        : 0;
  if (count === 0) return null;
  return (
    <span className="count">
      <Badge tone="bad" icon="bad">
        {count}
        <span className="visually-hidden">{of.path === "/proxies" ? "refuse what they were sent" : "errors"}</span>
      </Badge>
    </span>
  );
}

function Logo(): ReactNode {
  return (
    <svg viewBox="0 0 32 32" aria-hidden>
      <rect width="32" height="32" rx="7" fill="#3d4bb8" />
      <path d="M8 10 16 16 24 10M8 22 16 16 24 22" fill="none" stroke="#fff" strokeWidth="2" strokeLinecap="round" />
      <g fill="#fff">
        <circle cx="8" cy="10" r="2.6" />
        <circle cx="24" cy="10" r="2.6" />
        <circle cx="16" cy="16" r="3.2" />
        <circle cx="8" cy="22" r="2.6" />
        <circle cx="24" cy="22" r="2.6" />
      </g>
    </svg>
  );
}
