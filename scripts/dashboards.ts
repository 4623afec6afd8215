/** Grafana dashboards in deploy/grafana/, made of the table below. `node scripts/dashboards.ts` writes them. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const FOLDER = join(import.meta.dirname, "..", "deploy", "grafana");

interface Panel {
  readonly title: string;
  readonly unit: "reqps" | "percentunit" | "ms" | "s" | "Bps" | "bytes" | "short";
  /** Legend and expression. */
  readonly targets: readonly (readonly [string, string])[];
  /** Of 24 columns; default 8. */
  readonly width?: number;
  readonly kind?: "timeseries" | "stat" | "table";
}

interface Variable {
  readonly name: string;
  readonly label: string;
  readonly query: string;
}

interface Dashboard {
  readonly file: string;
  readonly uid: string;
  readonly title: string;
  readonly variables: readonly Variable[];
  readonly rows: readonly { readonly title: string; readonly panels: readonly Panel[] }[];
}

const RATE = "[$__rate_interval]";

/** Rates of requests, the share of failed ones and latencies of what `matchers` select, by `by`. */
function golden(matchers: string, by: string): readonly Panel[] {
  const legend = `{{${by}}}`;
  const requests = (more = ""): string => `sum by (${by}) (rate(istio_requests_total{${matchers}${more}}${RATE}))`;
  const duration = (q: number): string =>
    `histogram_quantile(${q}, sum by (le, ${by}) (rate(istio_request_duration_milliseconds_bucket{${matchers}}${RATE})))`;
  return [
    { title: "Requests", unit: "reqps", targets: [[legend, requests()]] },
    {
      title: "Failed (5xx and no answer)",
      unit: "percentunit",
      targets: [[legend, `${requests(', response_code=~"5..|0"')} / ${requests()}`]],
    },
    {
      title: "Latency",
      unit: "ms",
      targets: [
        [`p50 ${legend}`, duration(0.5)],
        [`p95 ${legend}`, duration(0.95)],
        [`p99 ${legend}`, duration(0.99)],
      ],
    },
  ];
}

function bytes(matchers: string, by: string): Panel {
  const rate = (metric: string): string => `sum by (${by}) (rate(${metric}{${matchers}}${RATE}))`;
  return {
    title: "TCP",
    unit: "Bps",
    targets: [
      [`received {{${by}}}`, rate("istio_tcp_received_bytes_total")],
      [`sent {{${by}}}`, rate("istio_tcp_sent_bytes_total")],
    ],
  };
}

const NAMESPACE: Variable = {
  name: "namespace",
  label: "Namespace",
  query: "label_values(istio_requests_total, destination_workload_namespace)",
};

export const DASHBOARDS: readonly Dashboard[] = [
  {
    file: "mesh.json",
    uid: "tulle-mesh",
    title: "Tulle mesh",
    variables: [],
    rows: [
      {
        title: "All traffic, as clients see it",
        panels: [
          {
            title: "Requests",
            unit: "reqps",
            kind: "stat",
            width: 6,
            targets: [["", `sum(rate(istio_requests_total{reporter="source"}${RATE}))`]],
          },
          {
            title: "Failed",
            unit: "percentunit",
            kind: "stat",
            width: 6,
            targets: [
              [
                "",
                `(sum(rate(istio_requests_total{reporter="source", response_code=~"5..|0"}${RATE})) or vector(0)) / sum(rate(istio_requests_total{reporter="source"}${RATE}))`,
              ],
            ],
          },
          {
            title: "Mutual TLS, of what servers received",
            unit: "percentunit",
            kind: "stat",
            width: 6,
            targets: [
              [
                "",
                `sum(rate(istio_requests_total{reporter="destination", connection_security_policy="mutual_tls"}${RATE})) / sum(rate(istio_requests_total{reporter="destination"}${RATE}))`,
              ],
            ],
          },
          { title: "Proxies", unit: "short", kind: "stat", width: 6, targets: [["", "sum(pilot_xds)"]] },
        ],
      },
      { title: "By service", panels: golden('reporter="source"', "destination_service_name") },
      {
        title: "Who calls whom",
        panels: [
          {
            title: "Requests by edge",
            unit: "reqps",
            width: 12,
            targets: [
              [
                "{{source_workload}} to {{destination_workload}}",
                `sum by (source_workload, destination_workload) (rate(istio_requests_total{reporter="source"}${RATE}))`,
              ],
            ],
          },
          {
            title: "Why requests fail (response flags)",
            unit: "reqps",
            width: 12,
            targets: [
              [
                "{{response_flags}} {{destination_service_name}}",
                `sum by (response_flags, destination_service_name) (rate(istio_requests_total{reporter="source", response_flags!="-"}${RATE}))`,
              ],
            ],
          },
        ],
      },
      { title: "Connections", panels: [bytes('reporter="source"', "destination_service_name")] },
    ],
  },
  {
    file: "service.json",
    uid: "tulle-service",
    title: "Tulle service",
    variables: [
      { name: "service", label: "Service", query: "label_values(istio_requests_total, destination_service)" },
    ],
    rows: [
      {
        title: "As clients see it",
        panels: golden('reporter="source", destination_service=~"$service"', "destination_service"),
      },
      {
        title: "By version",
        panels: golden('reporter="source", destination_service=~"$service"', "destination_version"),
      },
      { title: "By client", panels: golden('reporter="source", destination_service=~"$service"', "source_workload") },
      {
        title: "As its workloads see it",
        panels: [
          ...golden('reporter="destination", destination_service=~"$service"', "destination_workload"),
          {
            title: "Answers by code",
            unit: "reqps",
            targets: [
              [
                "{{response_code}}",
                `sum by (response_code) (rate(istio_requests_total{reporter="destination", destination_service=~"$service"}${RATE}))`,
              ],
            ],
          },
          {
            title: "Median size of answers",
            unit: "bytes",
            targets: [
              [
                "{{destination_workload}}",
                `histogram_quantile(0.5, sum by (le, destination_workload) (rate(istio_response_bytes_bucket{reporter="destination", destination_service=~"$service"}${RATE})))`,
              ],
            ],
          },
          bytes('reporter="destination", destination_service=~"$service"', "destination_workload"),
        ],
      },
    ],
  },
  {
    file: "workload.json",
    uid: "tulle-workload",
    title: "Tulle workload",
    variables: [
      NAMESPACE,
      {
        name: "workload",
        label: "Workload",
        query: 'label_values(istio_requests_total{destination_workload_namespace=~"$namespace"}, destination_workload)',
      },
    ],
    rows: [
      {
        title: "What it receives",
        panels: golden(
          'reporter="destination", destination_workload=~"$workload", destination_workload_namespace=~"$namespace"',
          "source_workload",
        ),
      },
      {
        title: "What it calls",
        panels: golden(
          'reporter="source", source_workload=~"$workload", source_workload_namespace=~"$namespace"',
          "destination_service_name",
        ),
      },
      {
        title: "Connections",
        panels: [
          bytes('reporter="destination", destination_workload=~"$workload"', "source_workload"),
          bytes('reporter="source", source_workload=~"$workload"', "destination_service_name"),
        ],
      },
    ],
  },
  {
    file: "control-plane.json",
    uid: "tulle-control-plane",
    title: "Tulle control plane",
    variables: [],
    rows: [
      {
        title: "What it serves",
        panels: [
          { title: "Proxies connected", unit: "short", targets: [["proxies", "sum(pilot_xds)"]] },
          {
            title: "Configuration",
            unit: "short",
            targets: [
              ["services", "sum(pilot_services)"],
              ["virtual services", "sum(pilot_virt_services)"],
              ["rejected", "sum(pilot_total_rejected_configs)"],
            ],
          },
          {
            title: "Endpoints that are not ready",
            unit: "short",
            targets: [["endpoints", "sum(pilot_endpoint_not_ready)"]],
          },
        ],
      },
      {
        title: "Pushes",
        panels: [
          {
            title: "Resources sent",
            unit: "short",
            targets: [["{{type}}", `sum by (type) (rate(pilot_xds_pushes${RATE}))`]],
          },
          {
            title: "Until all proxies have a change",
            unit: "s",
            targets: [
              ["p50", `histogram_quantile(0.5, sum by (le) (rate(pilot_proxy_convergence_time_bucket${RATE})))`],
              ["p99", `histogram_quantile(0.99, sum by (le) (rate(pilot_proxy_convergence_time_bucket${RATE})))`],
            ],
          },
          { title: "Computing the last push", unit: "s", targets: [["push", "max(tulle_last_push_seconds)"]] },
        ],
      },
      {
        title: "Its process",
        panels: [
          {
            title: "CPU",
            unit: "percentunit",
            targets: [
              ["process", `sum(rate(process_cpu_seconds_total{job=~".*control.*|istiod|pilot"}${RATE}))`],
              ["telemetry thread", `sum(rate(tulle_telemetry_thread_cpu_seconds_total${RATE}))`],
            ],
          },
          {
            title: "Memory",
            unit: "bytes",
            targets: [
              ["heap", "sum(nodejs_heap_size_used_bytes)"],
              ["telemetry thread's heap", "sum(tulle_telemetry_thread_heap_bytes)"],
            ],
          },
          {
            title: "Telemetry kept",
            unit: "bytes",
            targets: [
              ["series in memory", "sum(tulle_telemetry_block_bytes)"],
              ["file", "sum(tulle_telemetry_file_bytes)"],
            ],
          },
        ],
      },
    ],
  },
];

const DATASOURCE = { type: "prometheus", uid: "${datasource}" };

function panelOf(panel: Panel, id: number, gridPos: object): object {
  const { title, unit, targets, kind = "timeseries" } = panel;
  return {
    id,
    type: kind,
    title,
    datasource: DATASOURCE,
    gridPos,
    fieldConfig: { defaults: { unit, min: 0, custom: kind === "timeseries" ? { fillOpacity: 8 } : {} }, overrides: [] },
    options:
      kind === "timeseries"
        ? { legend: { displayMode: "list", placement: "bottom" }, tooltip: { mode: "multi", sort: "desc" } }
        : { reduceOptions: { calcs: ["lastNotNull"] } },
    targets: targets.map(([legendFormat, expr], index) => ({
      refId: String.fromCharCode(65 + index),
      datasource: DATASOURCE,
      expr,
      legendFormat,
      // From the slowest to their traces.
      ...(expr.startsWith("histogram_quantile(0.99, ") ? { exemplar: true } : {}),
      ...(kind === "stat" ? { instant: true } : {}),
    })),
  };
}

const HEIGHT = 8;
const COLUMNS = 24;

/** The JSON model that Grafana imports. */
export function renderDashboard({ uid, title, variables, rows }: Dashboard): string {
  const panels: object[] = [];
  let y = 0;
  for (const row of rows) {
    panels.push({ id: panels.length + 1, type: "row", title: row.title, gridPos: { x: 0, y, w: COLUMNS, h: 1 } });
    y++;
    let x = 0;
    for (const panel of row.panels) {
      const w = panel.width ?? 8;
      if (x + w > COLUMNS) {
        x = 0;
        y += HEIGHT;
      }
      panels.push(panelOf(panel, panels.length + 1, { x, y, w, h: HEIGHT }));
      x += w;
    }
    y += HEIGHT;
  }
  const list = [
    { name: "datasource", label: "Data source", type: "datasource", query: "prometheus" },
    ...variables.map(({ name, label, query }) => ({
      name,
      label,
      type: "query",
      datasource: DATASOURCE,
      query: { query, refId: name },
      refresh: 2,
      sort: 1,
      includeAll: true,
      allValue: ".*",
      multi: true,
    })),
  ];
  const dashboard = {
    uid,
    title,
    tags: ["tulle"],
    schemaVersion: 39,
    refresh: "10s",
    time: { from: "now-30m", to: "now" },
    templating: { list },
    panels,
  };
  return `${JSON.stringify(dashboard, null, 2)}\n`;
}

export function pathOf({ file }: Dashboard): string {
  return join(FOLDER, file);
}

if (import.meta.main) {
  mkdirSync(FOLDER, { recursive: true });
  for (const dashboard of DASHBOARDS) writeFileSync(pathOf(dashboard), renderDashboard(dashboard));
}
