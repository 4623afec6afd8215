/** Every page: its address, its place in the navigation, its key after `g`, and its code, which is loaded when it is wanted. */
import { lazy } from "react";
import type { ComponentType, LazyExoticComponent } from "react";
import type { IconName } from "../ui/icon.tsx";
import { CertificatesPage } from "./certificates.tsx";
import { ConfigPage } from "./config-list.tsx";
import { ObjectPage } from "./config-object.tsx";
import { ProxiesPage } from "./proxies.tsx";
import { ProxyPage } from "./proxy.tsx";

type PageComponent = ComponentType | LazyExoticComponent<ComponentType>;

export interface PageInfo {
  readonly path: string;
  readonly name: string;
  readonly icon: IconName;
  readonly key: string;
  readonly component: PageComponent;
  /** Pages below it, by pattern. */
  readonly below?: readonly { readonly path: string; readonly component: PageComponent }[];
}

export interface Section {
  readonly name: string;
  readonly pages: readonly PageInfo[];
}

export const SECTIONS: readonly Section[] = [
  {
    name: "Observe",
    pages: [
      {
        path: "/proxies",
        name: "Proxies",
        icon: "proxy",
        key: "p",
        component: ProxiesPage,
        below: [{ path: "/proxies/:id", component: ProxyPage }],
      },
    ],
  },
  {
    name: "Control",
    pages: [
      {
        path: "/config",
        name: "Config",
        icon: "config",
        key: "c",
        component: ConfigPage,
        below: [
          { path: "/config/edit", component: lazy(() => import("./config-edit.tsx")) },
          { path: "/config/:group/:kind/:namespace/:name", component: ObjectPage },
        ],
      },
    ],
  },
  {
    name: "Secure",
    pages: [
      { path: "/certificates", name: "Certificates", icon: "certificate", key: "x", component: CertificatesPage },
    ],
  },
];

export const PAGES: readonly PageInfo[] = SECTIONS.flatMap(({ pages }) => pages);
