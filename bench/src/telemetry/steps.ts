/** What telemetry is switched on, step by step: each has all that the one before it has. */
import { stringify } from "yaml";

export interface Step {
  readonly name: string;
  readonly says: string;
  /** `spec` of the mesh's Telemetry. */
  readonly telemetry: object;
  /** MeshConfig, as far as it is not empty. */
  readonly meshConfig?: object;
}

const NO_METRICS = [{ providers: [{ name: "prometheus" }], overrides: [{ disabled: true }] }];
const NO_TRACES = [{ disableSpanReporting: true }];
const NO_LOGS = [{ disabled: true }];

export const STEPS: readonly Step[] = [
  {
    name: "off",
    says: "nothing but Envoy's own statistics",
    telemetry: { metrics: NO_METRICS, tracing: NO_TRACES, accessLogging: NO_LOGS },
  },
  {
    name: "metrics",
    says: "Istio's standard metrics, sent to the control plane",
    telemetry: { tracing: NO_TRACES, accessLogging: NO_LOGS },
  },
  {
    name: "traces",
    says: "and spans of 1 % of the requests, of errors and of the slowest",
    telemetry: { accessLogging: NO_LOGS },
  },
  { name: "on", says: "and requests within their budget: what a mesh has if nobody says anything", telemetry: {} },
  {
    name: "everything",
    says: "spans of all requests, and an access log",
    telemetry: { tracing: [{ randomSamplingPercentage: 100 }] },
    meshConfig: { accessLogFile: "/dev/null" },
  },
];

/** The file that the control plane reads: one backend, reached through the gateway's port 80. */
export function meshYaml({ telemetry, meshConfig }: Step, backendPort: number): string {
  const object = (apiVersion: string, kind: string, namespace: string, name: string, rest: object): object => ({
    apiVersion,
    kind,
    metadata: { name, namespace },
    ...rest,
  });
  const port = { number: backendPort, name: "http", protocol: "HTTP" };
  return [
    object("networking.istio.io/v1", "ServiceEntry", "default", "backend", {
      spec: {
        hosts: [HOST],
        ports: [port],
        resolution: "STATIC",
        location: "MESH_EXTERNAL",
        endpoints: [{ address: "127.0.0.1", labels: { app: "backend", version: "v1" } }],
      },
    }),
    object("networking.istio.io/v1", "Gateway", "istio-system", "ingress", {
      spec: {
        selector: { istio: "ingressgateway" },
        servers: [{ port: { number: 80, name: "http", protocol: "HTTP" }, hosts: ["*"] }],
      },
    }),
    object("networking.istio.io/v1", "VirtualService", "default", "backend", {
      spec: {
        hosts: ["*"],
        gateways: ["istio-system/ingress"],
        http: [{ route: [{ destination: { host: HOST, port: { number: backendPort } } }] }],
      },
    }),
    object("telemetry.istio.io/v1", "Telemetry", "istio-system", "mesh", { spec: telemetry }),
    ...(meshConfig === undefined
      ? []
      : [object("v1", "ConfigMap", "istio-system", "istio", { data: { mesh: stringify(meshConfig) } })]),
  ]
    .map((each) => stringify(each))
    .join("---\n");
}

const HOST = "backend.example.com";
