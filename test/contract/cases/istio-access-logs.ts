/** Access logs by MeshConfig and Telemetry. */
import type { ContractCase } from "../harness/case.ts";
import { echo } from "../harness/istio.ts";
import { get, got } from "../harness/steps.ts";

const FORMAT = "%REQ(:METHOD)% %RESPONSE_CODE% %RESPONSE_FLAGS% %ROUTE_NAME% %UPSTREAM_CLUSTER_RAW%";

function meshConfig(settings: string): string {
  const lines = settings.split("\n").map((line) => `    ${line}`);
  return `
---
apiVersion: v1
kind: ConfigMap
metadata: { name: istio, namespace: istio-system }
data:
  mesh: |
${lines.join("\n")}`;
}
function telemetry(spec: string, namespace = "default"): string {
  return `
---
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: { name: t, namespace: ${namespace} }
spec: ${spec}`;
}
/** A provider `file` with the format above. */
const PROVIDER = meshConfig(`extensionProviders:
- { name: file, envoyFileAccessLog: { path: "{log}", logFormat: { text: "${FORMAT}" } } }`);
const BY_FILE = "accessLogging: [{ providers: [{ name: file }] }]";

const HTTP = `
  - name: route
    match: [{ name: match, uri: { prefix: /named } }]
    route: [{ destination: { host: echo, subset: v1 } }]
  - match: [{ name: only-match, uri: { prefix: /match } }]
    route: [{ destination: { host: echo, subset: v1 } }]
  - name: gone
    match: [{ uri: { prefix: /nobody } }]
    route: [{ destination: { host: echo, subset: nobody } }]
  - match: [{ uri: { prefix: /direct } }]
    directResponse: { status: 418 }`;

interface Row {
  readonly name: string;
  readonly more: string;
  readonly mask?: ContractCase["mask"];
}

const ROWS: readonly Row[] = [
  {
    name: "accessLogFile with a format: names of routes and of matches, flags, clusters",
    more: meshConfig(`accessLogFile: "{log}"\naccessLogFormat: "${FORMAT}"`),
  },
  {
    name: "accessLogFile alone: Istio's format",
    more: meshConfig('accessLogFile: "{log}"'),
    mask: [
      [/ (\d+) (\d+) \d+ (\d+|-) "-" "-" /, ' $1 $2 {ms} {ms} "-" "-" '],
      [/127\.0\.0\.1:\d+/g, "127.0.0.1:{port}"],
    ],
  },
  {
    name: "accessLogEncoding JSON with a format",
    more: meshConfig(
      `accessLogFile: "{log}"\naccessLogEncoding: JSON\naccessLogFormat: '{"b": "%RESPONSE_CODE%", "a": {"m": "%REQ(:METHOD)%"}, "none": "%REQ(x-none)%"}'`,
    ),
  },
  {
    name: "a path without its query",
    more: meshConfig('accessLogFile: "{log}"\naccessLogFormat: "%REQ_WITHOUT_QUERY(:path)% %REQ(:path)%"'),
  },
  { name: "a Telemetry's provider", more: PROVIDER + telemetry(`{ ${BY_FILE} }`) },
  {
    name: "a provider with labels is JSON, empty values left out",
    more:
      meshConfig(
        `extensionProviders:\n- { name: file, envoyFileAccessLog: { path: "{log}", omitEmptyValues: true, logFormat: { labels: { code: "%RESPONSE_CODE%", none: "%REQ(x-none)%" } } } }`,
      ) + telemetry(`{ ${BY_FILE} }`),
  },
  {
    name: "the mesh's Telemetry, from the root namespace",
    more: PROVIDER + telemetry(`{ ${BY_FILE} }`, "istio-system"),
  },
  {
    name: "a Telemetry for other workloads logs nothing",
    more: PROVIDER + telemetry(`{ selector: { matchLabels: { app: other } }, ${BY_FILE} }`),
  },
  {
    name: "a Telemetry for servers logs nothing of a client",
    more: PROVIDER + telemetry("{ accessLogging: [{ match: { mode: SERVER }, providers: [{ name: file }] }] }"),
  },
  {
    name: "a namespace's Telemetry switches the mesh's off",
    more: PROVIDER + telemetry(`{ ${BY_FILE} }`, "istio-system") + telemetry("{ accessLogging: [{ disabled: true }] }"),
  },
  {
    name: "a filter: errors only",
    more:
      PROVIDER +
      telemetry("{ accessLogging: [{ providers: [{ name: file }], filter: { expression: response.code >= 400 } }] }"),
  },
  {
    name: "a filter: of some paths, but for a client",
    more:
      PROVIDER +
      telemetry(
        `{ accessLogging: [{ providers: [{ name: file }], filter: { expression: 'request.url_path.startsWith("/na") && !("x-none" in request.headers)' } }] }`,
      ),
  },
  {
    name: "a filter that is no expression: everything is logged",
    more:
      PROVIDER +
      telemetry("{ accessLogging: [{ providers: [{ name: file }], filter: { expression: response.code >= } }] }"),
  },
  {
    name: "a default provider logs without a Telemetry",
    more: PROVIDER + "\n    defaultProviders: { accessLogging: [file] }",
  },
];

export const CASES: readonly ContractCase[] = ROWS.map(({ name, more, mask }) => ({
  name,
  feature: "Telemetry: access logs",
  istio: echo(HTTP, more),
  client: ["/named?q=1", "/match", "/nobody", "/direct", "/none"].flatMap((path, index) => [
    get(path, "Host: echo"),
    got(index + 1),
  ]),
  expect: { answers: ["200 v1", "200 v1", "503 no healthy upstream", "418 ", "404 "] },
  ...(mask === undefined ? {} : { mask }),
}));
