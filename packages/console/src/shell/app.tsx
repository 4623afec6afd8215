import { Suspense, useCallback, useEffect, useMemo, useRef, useState } from "react";
import type { ReactNode } from "react";
import { Route, Switch } from "wouter";
import { PAGES } from "../pages/pages.ts";
import { Empty, Loading, Page } from "../ui/basics.tsx";
import { Link } from "../url/link.tsx";
import { useAddress } from "../url/use-address.ts";
import { Drawer } from "./drawer.tsx";
import { Boundary } from "./boundary.tsx";
import { Help } from "./help.tsx";
import { isCurrent, Navigation } from "./navigation.tsx";
import { Search } from "./search.tsx";
import { useShortcuts } from "./shortcuts.ts";
import { TopBar } from "./top-bar.tsx";

export function App(): ReactNode {
  const { path, go, query } = useAddress();
  const [dialog, setDialog] = useState<"search" | "help">();
  const [menuOpen, setMenuOpen] = useState(false);
  const main = useRef<HTMLElement>(null);
  const close = useCallback(() => setDialog(undefined), []);
  useShortcuts(
    useMemo(
      () => ({
        "/": () => setDialog("search"),
        "?": () => setDialog("help"),
        ...Object.fromEntries(PAGES.map((page) => [`g ${page.key}`, () => go(page.path)])),
      }),
      [go],
    ),
  );
  useEffect(() => {
    const page = PAGES.find((one) => isCurrent(one, path));
    document.title = page === undefined ? "Tulle" : `${page.name} · Tulle`;
    main.current?.scrollTo(0, 0);
    scrollTo(0, 0);
  }, [path]);
  const entity = query.get("about");
  return (
    <div className="shell">
      <a
        className="skip"
        href={path}
        onClick={(event) => {
          event.preventDefault();
          main.current?.focus();
        }}
      >
        Skip to content
      </a>
      <Navigation isOpen={menuOpen} onNavigate={() => setMenuOpen(false)} />
      <TopBar
        menuOpen={menuOpen}
        onMenu={() => setMenuOpen(!menuOpen)}
        onSearch={() => setDialog("search")}
        onHelp={() => setDialog("help")}
      />
      <main className="main" id="main" ref={main} tabIndex={-1}>
        <Boundary key={path}>
          <Suspense fallback={<Loading what="the page" />}>
            <Switch>
              {PAGES.flatMap((page) => [
                ...(page.below ?? []).map((below) => (
                  <Route key={below.path} path={below.path} component={below.component} />
                )),
                <Route key={page.path} path={page.path} component={page.component} />,
              ])}
              <Route component={NotFound} />
            </Switch>
          </Suspense>
        </Boundary>
      </main>
      {entity === null ? null : <Drawer key={entity} entity={entity} />}
      {dialog === "search" ? <Search onClose={close} /> : null}
      {dialog === "help" ? <Help onClose={close} /> : null}
    </div>
  );
}

function NotFound(): ReactNode {
  return (
    <Page title="There is no such page">
      <div className="card">
        <Empty title="The address leads nowhere">
          <p>What it named may be gone, or the address may have been cut off.</p>
          <Link to="/" className="button">
            To the first page
          </Link>
        </Empty>
      </div>
    </Page>
  );
}
