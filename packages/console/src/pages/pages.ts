/** Every page: its address, its place in the navigation, its key after `g`, and its code, which is loaded when it is wanted. */
import { lazy } from "react";
import type { ComponentType, LazyExoticComponent } from "react";
import type { IconName } from "../ui/icon.tsx";
import { ConfigPage } from "./config-list.tsx";
import { OverviewPage } from "./overview.tsx";
import { ProxiesPage } from "./proxies.tsx";
import { ServicePage } from "./service.tsx";
import { ServicesPage } from "./services.tsx";
import { TrafficPage } from "./traffic.tsx";
import { WorkloadsPage } from "./workloads.tsx";

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
const explain = lazy(() => import("./explain.tsx"));
const certificates = lazy(() => import("./certificates.tsx"));
const security = lazy(() => import("./security.tsx"));
const proxy = lazy(() => import("./proxy.tsx"));
const history = lazy(() => import("./history.tsx"));
const object = lazy(() => import("./config-object.tsx"));
const workload = lazy(() => import("./workload.tsx"));
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
        below: [{ path: "/workloads/:namespace/:name", component: workload }],
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
      { path: "/explain", name: "Explain", icon: "explain", key: "e", component: explain },
      {
        path: "/proxies",
        name: "Proxies",
        icon: "proxy",
        key: "p",
        component: ProxiesPage,
        below: [{ path: "/proxies/:id", component: proxy }],
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
          { path: "/config/:group/:kind/:namespace/:name", component: object },
        ],
      },
      { path: "/history", name: "History", icon: "history", key: "h", component: history },
    ],
  },
  {
    name: "Secure",
    pages: [
      { path: "/security", name: "Security", icon: "security", key: "y", component: security },
      { path: "/certificates", name: "Certificates", icon: "certificate", key: "x", component: certificates },
    ],
  },
];

export const PAGES: readonly PageInfo[] = SECTIONS.flatMap(({ pages }) => pages);
