/** VirtualServices: mirrors. */
import { rows, service, TO_V1 } from "../harness/istio.ts";
import type { Row } from "../harness/istio.ts";
import type { ContractCase } from "../harness/case.ts";
import { REFUSED } from "../harness/case.ts";
import { answer, gate, get, got, request, seen } from "../harness/steps.ts";

const mirrored = (fields: string): string => `
  - route: [{ destination: { host: echo, subset: v1 } }]
${fields}`;
const TO_MIRROR = "    mirror: { host: echo, subset: v2 }";
const GET = [get("/x?q=1", "Host: echo"), got(1), seen("v2", 1)];

const ROWS: readonly Row[] = [
  {
    name: "a mirror gets what the destination gets, its answer is nobody's",
    feature: "mirror",
    http: mirrored(TO_MIRROR),
    requests: [],
    with: {
      client: GET,
      expect: { answers: ["200 v1"], sent: ["GET /x?q=1 "], notSent: [/shadow/] },
      upstreams: { v1: answer(200, "v1"), v2: answer(500, "mirror") },
    },
  },
  {
    name: "a body is mirrored",
    feature: "mirror",
    http: mirrored(TO_MIRROR),
    requests: [],
    with: {
      client: [request("POST", "/", "Host: echo", "content-length: 5") + "hello", got(1), seen("v2", "hello")],
      expect: { answers: ["200 v1"] },
    },
  },
  {
    name: "a mirror has the rewritten path, the rewritten host and the changed headers",
    feature: "mirror",
    http: `
  - match: [{ uri: { prefix: /old } }]
    rewrite: { uri: /new, authority: new.example }
    headers: { request: { set: { x-a: route } } }
    route: [{ destination: { host: echo, subset: v1 }, headers: { request: { set: { x-b: destination } } } }]
${TO_MIRROR}`,
    requests: [],
    with: {
      client: [get("/old/x", "Host: echo"), got(1), seen("v2", 1)],
      expect: { answers: ["200 v1"], sent: ["GET /new/x ", "host: new.example"] },
    },
  },
  {
    name: "an answer does not wait for its mirror",
    feature: "mirror",
    http: mirrored(TO_MIRROR),
    requests: [],
    with: {
      client: GET,
      expect: { answers: ["200 v1"] },
      upstreams: { v1: answer(200, "v1"), v2: { answers: [[gate("never")]] } },
    },
  },
  {
    name: "a mirror that cannot be reached changes nothing",
    feature: "mirror",
    http: mirrored(TO_MIRROR),
    requests: [{ expect: TO_V1 }],
    with: { upstreams: { v1: answer(200, "v1"), v2: REFUSED } },
  },
  {
    name: "a mirror whose subset or service is not there changes nothing",
    feature: "mirror",
    http: mirrored(
      "    mirrors: [{ destination: { host: echo, subset: v9 } }, { destination: { host: nowhere.example } }]",
    ),
    requests: [{ expect: TO_V1 }],
  },
  {
    name: "a share of 0 mirrors nothing",
    feature: "mirror: percentage",
    http: mirrored(`${TO_MIRROR}\n    mirrorPercentage: { value: 0 }`),
    requests: [{ expect: TO_V1 }, { expect: TO_V1 }],
  },
  {
    name: "a share of 100 mirrors everything",
    feature: "mirror: percentage",
    http: mirrored(`${TO_MIRROR}\n    mirrorPercentage: { value: 100 }`),
    requests: [],
    with: {
      client: [get("/1", "Host: echo"), got(1), seen("v2", 1), get("/2", "Host: echo"), got(2), seen("v2", 2)],
      expect: { answers: ["200 v1", "200 v1"] },
    },
  },
  {
    name: "several mirrors, each with a share of its own",
    feature: "mirrors",
    http: mirrored(`    mirrors:
    - { destination: { host: echo, subset: v2 } }
    - { destination: { host: third }, percentage: { value: 100 } }
    - { destination: { host: fourth }, percentage: { value: 0 } }`),
    more: service("third", "third") + service("fourth", "fourth"),
    requests: [],
    workloads: {
      v1: { labels: { app: "echo", version: "v1" } },
      v2: { labels: { app: "echo", version: "v2" } },
      third: { labels: { app: "third" } },
      fourth: { labels: { app: "fourth" } },
    },
    with: { client: [...GET, seen("third", 1)], expect: { answers: ["200 v1"] } },
  },
  {
    name: "a mirror of several destinations",
    feature: "mirror",
    http: `
  - route:
    - { destination: { host: echo, subset: v1 }, weight: 1 }
    - { destination: { host: echo, subset: v1 }, weight: 1 }
${TO_MIRROR}`,
    requests: [],
    with: { client: GET, expect: { answers: ["200 v1"] } },
  },
  {
    name: "a redirect has no mirror",
    feature: "mirror",
    http: `
  - redirect: { uri: /to }
${TO_MIRROR}`,
    requests: [{ expect: { status: 301 } }],
  },
];

export const CASES: readonly ContractCase[] = rows(ROWS);
