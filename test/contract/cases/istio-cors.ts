/** VirtualServices: corsPolicy, with both ways to treat preflights of other origins. */
import { rows, TO_V1 } from "../harness/istio.ts";
import type { Row } from "../harness/istio.ts";
import type { ContractCase } from "../harness/case.ts";
import { answer } from "../harness/steps.ts";

const cors = (policy: string, more = ""): string => `
  - route: [{ destination: { host: echo, subset: v1 } }]
    corsPolicy: { ${policy} }${more}`;
const A = "origin: https://a.example";
const OTHER = "origin: https://other.example";
const PREFLIGHT = "access-control-request-method: PUT";
const ORIGINS = "allowOrigins: [{ exact: https://a.example }]";

const ROWS: readonly Row[] = [
  {
    name: "an allowed preflight is answered with the configured lists, whatever was asked for",
    feature: "corsPolicy: preflights",
    http: cors(`${ORIGINS}, allowMethods: [GET, POST], allowHeaders: [x-a, x-b], exposeHeaders: [x-c], maxAge: 24h`),
    requests: [
      {
        method: "OPTIONS",
        headers: [A, PREFLIGHT, "access-control-request-headers: x-z"],
        expect: {
          status: 200,
          body: "",
          got: [
            "access-control-allow-origin: https://a.example",
            "access-control-allow-methods: GET,POST",
            "access-control-allow-headers: x-a,x-b",
            "access-control-max-age: 86400",
          ],
          notGot: [/credentials/, /x-z/],
        },
      },
    ],
  },
  {
    name: "an allowed preflight does not have the route's response headers",
    feature: "corsPolicy: preflights",
    http: cors(`${ORIGINS}, allowMethods: [GET]`, "\n    headers: { response: { set: { x-a: route } } }"),
    requests: [
      {
        method: "OPTIONS",
        headers: [A, PREFLIGHT],
        expect: { status: 200, got: ["access-control-allow-methods: GET"] },
      },
    ],
  },
  {
    name: "a preflight of another origin goes to the backend",
    feature: "corsPolicy: preflights",
    http: cors(`${ORIGINS}, allowMethods: [GET]`),
    requests: [{ method: "OPTIONS", headers: [OTHER, PREFLIGHT], expect: { ...TO_V1, notGot: [/access-control/] } }],
  },
  {
    name: "unmatchedPreflights FORWARD is the default",
    feature: "corsPolicy: preflights",
    http: cors(`${ORIGINS}, allowMethods: [GET], unmatchedPreflights: FORWARD`),
    requests: [{ method: "OPTIONS", headers: [OTHER, PREFLIGHT], expect: TO_V1 }],
  },
  {
    name: "with unmatchedPreflights IGNORE it is answered with nothing",
    feature: "corsPolicy: preflights",
    http: cors(`${ORIGINS}, allowMethods: [GET], unmatchedPreflights: IGNORE`),
    requests: [
      {
        method: "OPTIONS",
        headers: [OTHER, PREFLIGHT],
        expect: { status: 200, body: "", notGot: [/access-control-allow-origin: https:..other/] },
      },
      {
        method: "OPTIONS",
        headers: [A, PREFLIGHT],
        expect: { status: 200, got: ["access-control-allow-methods: GET"] },
      },
    ],
  },
  {
    name: "OPTIONS without a requested method is no preflight",
    feature: "corsPolicy: preflights",
    http: cors(`${ORIGINS}, allowMethods: [GET], unmatchedPreflights: IGNORE`),
    requests: [
      { method: "OPTIONS", headers: [A], expect: TO_V1 },
      { method: "OPTIONS", expect: TO_V1 },
    ],
  },
  {
    name: "a request of an allowed origin is forwarded, its answer says so",
    feature: "corsPolicy",
    http: cors(`${ORIGINS}, exposeHeaders: [x-c, x-d], allowCredentials: true`),
    requests: [
      {
        headers: [A],
        expect: {
          ...TO_V1,
          got: [
            "access-control-allow-origin: https://a.example",
            "access-control-expose-headers: x-c,x-d",
            "access-control-allow-credentials: true",
          ],
        },
      },
    ],
  },
  {
    name: "a request of another origin, or of none, is forwarded all the same",
    feature: "corsPolicy",
    http: cors(ORIGINS),
    requests: [{ headers: [OTHER], expect: { ...TO_V1, notGot: [/access-control/] } }, { expect: TO_V1 }],
  },
  {
    name: "what the backend says of origins is overwritten",
    feature: "corsPolicy",
    http: cors(ORIGINS),
    requests: [
      {
        headers: [A],
        expect: { ...TO_V1, got: ["access-control-allow-origin: https://a.example"], notGot: ["backend.example"] },
      },
    ],
    with: { upstreams: { v1: answer(200, "v1", "access-control-allow-origin: https://backend.example") } },
  },
  {
    name: "credentials: false is not told",
    feature: "corsPolicy",
    http: cors(`${ORIGINS}, allowCredentials: false`),
    requests: [{ headers: [A], expect: { ...TO_V1, notGot: [/credentials/] } }],
  },
  {
    name: "origins by prefix and regex, and any origin",
    feature: "corsPolicy: origins",
    http: `
  - match: [{ uri: { prefix: /prefix } }]
    corsPolicy: { allowOrigins: [{ prefix: "https://a." }] }
    route: [{ destination: { host: echo, subset: v1 } }]
  - match: [{ uri: { prefix: /regex } }]
    corsPolicy: { allowOrigins: [{ regex: "https://[a-z]+[.]example" }] }
    route: [{ destination: { host: echo, subset: v1 } }]
  - match: [{ uri: { prefix: /any } }]
    corsPolicy: { allowOrigins: [{ exact: "*" }] }
    route: [{ destination: { host: echo, subset: v1 } }]
  - corsPolicy: { allowOrigin: ["https://old.example"] }
    route: [{ destination: { host: echo, subset: v1 } }]`,
    requests: [
      { path: "/prefix", headers: [A], expect: { ...TO_V1, got: ["access-control-allow-origin: https://a.example"] } },
      {
        path: "/regex",
        headers: ["origin: https://bc.example"],
        expect: { ...TO_V1, got: ["access-control-allow-origin: https://bc.example"] },
      },
      {
        path: "/any",
        headers: ["origin: https://any.test"],
        expect: { ...TO_V1, got: [/access-control-allow-origin: (\*|https:\/\/any\.test)/] },
      },
      {
        path: "/",
        headers: ["origin: https://old.example"],
        expect: { ...TO_V1, got: ["access-control-allow-origin: https://old.example"] },
      },
    ],
  },
  {
    name: "without origins nobody is allowed",
    feature: "corsPolicy: origins",
    http: cors("allowMethods: [GET]"),
    requests: [{ method: "OPTIONS", headers: [A, PREFLIGHT], expect: TO_V1 }],
  },
  {
    name: "each route has its own policy, or none",
    feature: "corsPolicy",
    http: `
  - match: [{ uri: { prefix: /open } }]
    corsPolicy: { ${ORIGINS}, allowMethods: [PUT] }
    route: [{ destination: { host: echo, subset: v1 } }]
  - route: [{ destination: { host: echo, subset: v1 } }]`,
    requests: [
      {
        method: "OPTIONS",
        path: "/open",
        headers: [A, PREFLIGHT],
        expect: { status: 200, got: ["access-control-allow-methods: PUT"] },
      },
      { method: "OPTIONS", path: "/closed", headers: [A, PREFLIGHT], expect: TO_V1 },
    ],
  },
  {
    name: "a policy is nothing to a redirect",
    feature: "corsPolicy",
    http: `
  - corsPolicy: { ${ORIGINS}, allowMethods: [PUT] }
    redirect: { uri: /to }`,
    requests: [
      { method: "OPTIONS", headers: [A, PREFLIGHT], expect: { status: 301, notGot: [/access-control/] } },
      { headers: [A], expect: { status: 301, notGot: [/access-control/] } },
    ],
  },
];

export const CASES: readonly ContractCase[] = rows(ROWS);
