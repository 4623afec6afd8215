import type { ReactNode } from "react";
import { PAGES } from "../pages/pages.ts";
import { Dialog } from "../ui/dialog.tsx";
import { Icon } from "../ui/icon.tsx";

export function Help({ onClose }: { readonly onClose: () => void }): ReactNode {
  const keys: readonly (readonly [readonly string[], string])[] = [
    [["/"], "Search pages, services, objects, proxies"],
    [["?"], "This help"],
    [["Esc"], "Close the drawer or a dialog"],
    ...PAGES.map(({ key, name }): readonly [readonly string[], string] => [["g", key], name]),
  ];
  return (
    <Dialog label="Keys" onClose={onClose}>
      <div className="body stack">
        <div className="row spread">
          <h2>Keys</h2>
          <button type="button" className="button quiet icon" aria-label="Close" onClick={onClose}>
            <Icon name="close" />
          </button>
        </div>
        <dl className="facts">
          {keys.map(([combination, what]) => (
            <div key={what} style={{ display: "contents" }}>
              <dt className="row">
                {combination.map((key) => (
                  <kbd key={key}>{key}</kbd>
                ))}
              </dt>
              <dd>{what}</dd>
            </div>
          ))}
        </dl>
        <p className="soft">
          Every page, filter and time is in the address: copy it to show somebody what you see. Everything here can also
          be asked with the tulle command; tulle --help lists it.
        </p>
      </div>
    </Dialog>
  );
}
