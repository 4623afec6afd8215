/** Every page: its address, its place in the navigation, its key after `g`, and its code, which is loaded when it is wanted. */
import { lazy } from "react";
import type { ComponentType, LazyExoticComponent } from "react";
import type { IconName } from "../ui/icon.tsx";
import { CertificatesPage } from "./certificates.tsx";
import { ConfigPage } from "./config-list.tsx";
import { ObjectPage } from "./config-object.tsx";
import { HistoryPage } from "./history.tsx";
import { OverviewPage } from "./overview.tsx";
import { ProxiesPage } from "./proxies.tsx";
import { ProxyPage } from "./proxy.tsx";
import { SecurityPage } from "./security.tsx";
import { ServicePage } from "./service.tsx";
import { ServicesPage } from "./services.tsx";
import { TrafficPage } from "./traffic.tsx";
import { WorkloadPage, WorkloadsPage } from "./workloads.tsx";

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

const graph = lazy(() => import("./graph.tsx"));
const wizard = lazy(() => import("./wizard.tsx"));
const traces = lazy(() => import("./traces.tsx"));
const trace = lazy(() => import("./trace.tsx"));
const compare = lazy(() => import("./trace-compare.tsx"));
const requests = lazy(() => import("./requests.tsx"));
const edit = lazy(() => import("./config-edit.tsx"));

export const SECTIONS: readonly Section[] = [
  {
    name: "Observe",
    pages: [
      { path: "/", name: "Overview", icon: "overview", key: "o", component: OverviewPage },
      { path: "/graph", name: "Graph", icon: "graph", key: "g", component: graph },
      {
        path: "/services",
        name: "Services",
        icon: "service",
        key: "s",
        component: ServicesPage,
        below: [{ path: "/services/:namespace/:name", component: ServicePage }],
      },
      {
        path: "/workloads",
        name: "Workloads",
        icon: "workload",
        key: "w",
        component: WorkloadsPage,
        below: [{ path: "/workloads/:namespace/:name", component: WorkloadPage }],
      },
      {
        path: "/traces",
        name: "Traces",
        icon: "trace",
        key: "r",
        component: traces,
        below: [
          { path: "/traces/compare", component: compare },
          { path: "/traces/:id", component: trace },
        ],
      },
      { path: "/requests", name: "Requests", icon: "request", key: "q", component: requests },
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
        path: "/traffic",
        name: "Traffic",
        icon: "traffic",
        key: "t",
        component: TrafficPage,
        below: [{ path: "/traffic/:wizard", component: wizard }],
      },
      {
        path: "/config",
        name: "Config",
        icon: "config",
        key: "c",
        component: ConfigPage,
        below: [
          { path: "/config/edit", component: edit },
          { path: "/config/:group/:kind/:namespace/:name", component: ObjectPage },
        ],
      },
      { path: "/history", name: "History", icon: "history", key: "h", component: HistoryPage },
    ],
  },
  {
    name: "Secure",
    pages: [
      { path: "/security", name: "Security", icon: "security", key: "y", component: SecurityPage },
      { path: "/certificates", name: "Certificates", icon: "certificate", key: "x", component: CertificatesPage },
    ],
  },
];

export const PAGES: readonly PageInfo[] = SECTIONS.flatMap(({ pages }) => pages);
