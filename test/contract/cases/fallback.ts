/** `Fallback` (tulle.dev): what Envoy can do of it, it must do as our own proxy does. */
import type { ContractCase, IstioParts } from "../harness/case.ts";
import type { Ask } from "../harness/istio.ts";
import { asking, echo } from "../harness/istio.ts";
import { CLOSE, RESET, answer, gate } from "../harness/steps.ts";

const FEATURE = "Fallback: answers";

/** A Fallback for `echo` with these rules (flow style). */
function fallback(rules: string, http = "", more = ""): IstioParts {
  return echo(
    http,
    `
---
apiVersion: tulle.dev/v1alpha1
kind: Fallback
metadata: { name: echo }
spec: { host: echo, ${more} rules: [${rules}] }`,
  );
}

const INSTEAD = 'respond: { status: 200, body: { string: "instead" } }';
const TO_V1 = "\n  - route: [{ destination: { host: echo, subset: v1 } }]";
const V1_TOO = TO_V1.replace("\n  - ", "\n    ");
const TO_NOBODY = "\n  - route: [{ destination: { host: echo, subset: nobody } }]";
const GET_INSTEAD: Ask = { expect: { status: 200, body: "instead" } };

function failing(
  name: string,
  istio: IstioParts,
  asks: readonly Ask[],
  parts: Partial<ContractCase> = {},
): ContractCase {
  return { name, feature: FEATURE, istio, ...asking(asks), ...parts };
}

export const CASES: readonly ContractCase[] = [
  failing("no healthy upstream", fallback(`{ on: [NoHealthyUpstream], ${INSTEAD} }`, TO_NOBODY), [GET_INSTEAD]),
  failing(
    "no healthy upstream, and rules for others",
    fallback(
      `{ on: [CircuitBreakerOpen, Timeout, RetriesExhausted, Reset, ConnectFailure, NoCluster, 500], ${INSTEAD} }`,
      TO_NOBODY,
    ),
    [{ expect: { status: 503, body: "no healthy upstream" } }],
  ),
  failing("a timeout", fallback(`{ on: [Timeout], ${INSTEAD} }`, `\n  - timeout: 50ms${V1_TOO}`), [GET_INSTEAD], {
    upstreams: { v1: { answers: [[gate("never")]] } },
  }),
  failing(
    "a reset",
    fallback(`{ on: [Reset], ${INSTEAD} }`, `\n  - retries: { attempts: 0 }${V1_TOO}`),
    [GET_INSTEAD],
    { upstreams: { v1: { answers: [[RESET]] } } },
  ),
  failing(
    "a connection that is closed before it has answered",
    fallback(`{ on: [Reset], ${INSTEAD} }`, `\n  - retries: { attempts: 0 }${V1_TOO}`),
    [GET_INSTEAD],
    { upstreams: { v1: { answers: [[CLOSE]] } } },
  ),
  failing(
    "no cluster",
    fallback(`{ on: [NoCluster], ${INSTEAD} }`, "\n  - route: [{ destination: { host: echo, subset: unknown } }]"),
    [GET_INSTEAD],
  ),
  failing(
    "retries come first",
    fallback(`{ on: [RetriesExhausted], ${INSTEAD} }`, `\n  - retries: { attempts: 1, retryOn: "503" }${V1_TOO}`),
    [{ expect: { status: 200, body: "good" } }, GET_INSTEAD],
    { upstreams: { v1: { answers: [answer(503, "bad"), answer(200, "good"), answer(503, "bad")] } } },
  ),
  failing(
    "a status of the upstream",
    fallback(`{ on: [500, "502"], ${INSTEAD} }`, TO_V1),
    [
      GET_INSTEAD,
      GET_INSTEAD,
      { expect: { status: 501, body: "as it is" } },
      { expect: { status: 200, body: "good" } },
    ],
    {
      upstreams: {
        v1: { answers: [answer(500, "bad"), answer(502, "bad"), answer(501, "as it is"), answer(200, "good")] },
      },
    },
  ),
  failing(
    "a class of statuses, whoever gives them",
    fallback(
      `{ on: [5xx], ${INSTEAD} }`,
      `
  - match: [{ uri: { prefix: /nobody } }]
    route: [{ destination: { host: echo, subset: nobody } }]${TO_V1}`,
    ),
    [
      GET_INSTEAD,
      { path: "/nobody", expect: { status: 200, body: "instead" } },
      { expect: { status: 404, body: "not there" } },
    ],
    { upstreams: { v1: { answers: [answer(599, "bad"), answer(404, "not there")] } } },
  ),
  failing(
    "without conditions it is for every failure, and for no status",
    fallback(
      `{ ${INSTEAD} }`,
      `
  - match: [{ uri: { prefix: /nobody } }]
    route: [{ destination: { host: echo, subset: nobody } }]${TO_V1}`,
    ),
    [{ path: "/nobody", expect: { status: 200, body: "instead" } }, { expect: { status: 503, body: "bad" } }],
    { upstreams: { v1: { answers: [answer(503, "bad")] } } },
  ),
  failing(
    "an injected fault is a failure, too",
    fallback(
      `{ on: [5xx], ${INSTEAD} }`,
      `\n  - fault: { abort: { httpStatus: 503, percentage: { value: 100 } } }${V1_TOO}`,
    ),
    [GET_INSTEAD],
  ),
  failing(
    "the first rule that is for it answers",
    fallback(
      `{ on: [Timeout], respond: { status: 201 } }, { on: [NoHealthyUpstream], respond: { status: 202 } }, { on: [5xx], respond: { status: 203 } }`,
      TO_NOBODY,
    ),
    [{ expect: { status: 202, body: "" } }],
  ),
  failing(
    "the body tells of the request and of the failure",
    fallback(
      `{ on: [500, NoHealthyUpstream], respond: { body: { string: "%REQ(x-user)% %REQ(:PATH)% %RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %RESP(x-why)% [%LOCAL_REPLY_BODY%] 100%%" } } }`,
      `
  - match: [{ uri: { prefix: /nobody } }]
    route: [{ destination: { host: echo, subset: nobody } }]${TO_V1}`,
    ),
    [
      {
        path: "/a?b=c",
        headers: ["x-user: bob"],
        expect: { status: 500, body: "bob /a?b=c 500 - via_upstream because [] 100%" },
      },
      {
        path: "/nobody",
        expect: { status: 503, body: "- /nobody 503 UH no_healthy_upstream - [no healthy upstream] 100%" },
      },
    ],
    { upstreams: { v1: { answers: [answer(500, "bad", "x-why: because")] } } },
  ),
  failing(
    "JSON, with its content type",
    fallback(
      '{ respond: { status: 200, body: { json: { code: "%RESPONSE_CODE%", path: "%REQ(:PATH)%", list: [1, "a", null], deep: { user: "%REQ(x-user)%" } } } } }',
      TO_NOBODY,
    ),
    [{ headers: ['x-user: "bob"'], expect: { status: 200, got: ["content-type: application/json"] } }],
  ),
  failing(
    "bytes",
    fallback(
      '{ respond: { status: 200, headers: { content-type: image/x }, body: { bytes: "JVJFUSgpJQo=" } } }',
      TO_NOBODY,
    ),
    [{ expect: { status: 200, got: ["content-type: image/x"] } }],
  ),
  failing(
    "headers tell, too, and take the place of others",
    fallback(
      '{ respond: { headers: { x-was: "%RESPONSE_CODE% %RESPONSE_FLAGS%", content-type: text/html, x-set: fallback }, body: { string: "<p>" } } }',
      `\n  - headers: { response: { set: { x-set: route, x-route: "1" } } }${TO_NOBODY.replace("\n  - ", "\n    ")}`,
    ),
    [
      {
        expect: {
          status: 503,
          body: "<p>",
          got: ["x-was: 503 UH", "content-type: text/html", "x-set: fallback", "x-route: 1"],
        },
      },
    ],
  ),
  failing("HEAD has no body", fallback(`{ ${INSTEAD} }`, TO_NOBODY), [{ method: "HEAD", expect: { status: 200 } }]),
  failing(
    "gRPC clients are told in their way",
    fallback('{ respond: { status: 404, body: { string: "nobody" } } }', TO_NOBODY),
    [
      {
        method: "POST",
        headers: ["content-type: application/grpc", "content-length: 0"],
        expect: { status: 200, got: ["grpc-status: 12", "grpc-message: nobody"] },
      },
    ],
  ),
  failing(
    "routes by name",
    fallback(
      `{ ${INSTEAD} }`,
      `
  - name: reader
    match: [{ uri: { prefix: /read } }]
    route: [{ destination: { host: echo, subset: nobody } }]
  - name: writer
    route: [{ destination: { host: echo, subset: nobody } }]`,
      "routes: [reader],",
    ),
    [
      { path: "/read", expect: { status: 200, body: "instead" } },
      { path: "/write", expect: { status: 503, body: "no healthy upstream" } },
    ],
  ),
  failing(
    "one of several destinations",
    fallback(
      `{ ${INSTEAD} }`,
      `
  - route:
    - { destination: { host: echo, subset: nobody }, weight: 100 }
    - { destination: { host: echo, subset: v1 }, weight: 0 }
    - { destination: { host: echo, subset: v2 }, weight: 0 }`,
    ),
    [GET_INSTEAD],
  ),
];
