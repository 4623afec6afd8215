/** VirtualServices: redirects and direct responses. */
import { rows } from "../harness/istio.ts";
import type { Row } from "../harness/istio.ts";
import type { ContractCase } from "../harness/case.ts";

const redirect = (fields: string, match = ""): string => `
  - redirect: { ${fields} }${
    match === ""
      ? ""
      : `
    match: [{ uri: { ${match} } }]`
  }`;

interface Redirect {
  readonly name: string;
  readonly http: string;
  readonly asks: readonly (readonly [path: string, location: string, host?: string])[];
  readonly status?: number;
}

const REDIRECTS: readonly Redirect[] = [
  {
    name: "uri replaces the whole path and keeps the query",
    http: redirect("uri: /to"),
    asks: [
      ["/from/x?q=1", "http://echo/to?q=1"],
      ["/", "http://echo/to"],
    ],
  },
  {
    name: "uri with a query of its own replaces the query",
    http: redirect("uri: '/to?a=b'"),
    asks: [["/x?q=1", "http://echo/to?a=b"]],
  },
  {
    name: "%PREFIX()% in uri is text",
    http: redirect("uri: /%PREFIX()%", "prefix: /p"),
    asks: [["/p/x", "http://echo/%PREFIX()%"]],
  },
  {
    name: "prefixRewrite replaces what was matched",
    http: redirect("prefixRewrite: /new", "prefix: /old"),
    asks: [
      ["/old/x?q=1", "http://echo/new/x?q=1"],
      ["/older", "http://echo/newer"],
    ],
  },
  {
    name: "prefixRewrite of an exact path replaces it",
    http: redirect("prefixRewrite: /new", "exact: /old"),
    asks: [["/old?q=1", "http://echo/new?q=1"]],
  },
  { name: "authority alone", http: redirect("authority: else.example"), asks: [["/x?q", "http://else.example/x?q"]] },
  {
    name: "authority with a port",
    http: redirect("'authority': 'else.example:8443'"),
    asks: [["/x", "http://else.example:8443/x"]],
  },
  {
    name: "scheme alone: the port of another scheme goes, another stays",
    http: redirect("scheme: https"),
    asks: [
      ["/x", "https://echo/x"],
      ["/x", "https://echo/x", "echo:80"],
      ["/x", "https://echo:8080/x", "echo:8080"],
    ],
  },
  { name: "port alone", http: redirect("port: 8443"), asks: [["/x", "http://echo:8443/x"]] },
  {
    name: "FROM_PROTOCOL_DEFAULT without authority keeps the port",
    http: redirect("derivePort: FROM_PROTOCOL_DEFAULT, uri: /to"),
    asks: [
      ["/x", "http://echo/to"],
      ["/x", "http://echo:8080/to", "echo:8080"],
    ],
  },
  {
    name: "FROM_REQUEST_PORT is the listener's port, left out where it is the scheme's own",
    http: redirect("derivePort: FROM_REQUEST_PORT, scheme: https"),
    asks: [["/x", "https://echo:80/x", "echo:9999"]],
  },
  {
    name: "FROM_REQUEST_PORT with http and port 80",
    http: redirect("derivePort: FROM_REQUEST_PORT, authority: else.example"),
    asks: [["/x", "http://else.example/x"]],
  },
  {
    name: "redirectCode 302",
    http: redirect("uri: /to, redirectCode: 302"),
    asks: [["/x", "http://echo/to"]],
    status: 302,
  },
  {
    name: "redirectCode 303",
    http: redirect("uri: /to, redirectCode: 303"),
    asks: [["/x", "http://echo/to"]],
    status: 303,
  },
  {
    name: "redirectCode 307",
    http: redirect("uri: /to, redirectCode: 307"),
    asks: [["/x", "http://echo/to"]],
    status: 307,
  },
  {
    name: "redirectCode 308",
    http: redirect("uri: /to, redirectCode: 308"),
    asks: [["/x", "http://echo/to"]],
    status: 308,
  },
  {
    name: "the scheme of a request that came over TLS before is kept",
    http: redirect("uri: /to"),
    asks: [["/x", "http://echo/to"]],
  },
];

const DIRECT: readonly Row[] = [
  {
    name: "a redirect with a code that proxies do not have is left out, the rest of the rule holds",
    feature: "redirect",
    http: `
  - match: [{ uri: { prefix: /bad } }]
    redirect: { uri: /to, redirectCode: 305 }
  - route: [{ destination: { host: echo, subset: v1 } }]`,
    requests: [{ path: "/bad", expect: { status: 200, body: "v1" } }],
  },
  {
    name: "without a body",
    feature: "directResponse",
    http: `
  - directResponse: { status: 204 }`,
    requests: [{ expect: { status: 204, body: "", notGot: [/content-length/] } }],
  },
  {
    name: "with bytes",
    feature: "directResponse",
    http: `
  - directResponse: { status: 503, body: { bytes: "aGVsbG8=" } }`,
    requests: [{ expect: { status: 503, body: "hello" } }],
  },
  {
    name: "a HEAD gets no body",
    feature: "directResponse",
    http: `
  - directResponse: { status: 200, body: { string: hello } }`,
    requests: [{ method: "HEAD", expect: { status: 200, got: ["content-length: 5"], notGot: ["hello"] } }],
  },
  {
    name: "a larger body than Envoy takes by default",
    feature: "directResponse",
    http: `
  - directResponse: { status: 200, body: { string: "${"x".repeat(5000)}" } }`,
    requests: [{ expect: { status: 200, got: ["content-length: 5000"] } }],
  },
  {
    name: "for what matches, the rest is routed",
    feature: "directResponse",
    http: `
  - match: [{ headers: { x-blocked: {} } }]
    directResponse: { status: 403, body: { string: "no" } }
  - route: [{ destination: { host: echo, subset: v1 } }]`,
    requests: [
      { headers: ["x-blocked: 1"], expect: { status: 403, body: "no" } },
      { expect: { status: 200, body: "v1" } },
    ],
  },
];

export const CASES: readonly ContractCase[] = rows([
  ...REDIRECTS.map(({ name, http, asks, status = 301 }): Row => ({
    name,
    feature: "redirect",
    http,
    requests: asks.map(([path, location, host = "echo"]) => ({
      path,
      host,
      expect: { status, body: "", got: [new RegExp(`^location: ${RegExp.escape(location)}$`)] },
    })),
  })),
  ...DIRECT,
]);
