/** Requests that switch protocols: upgrades, WebSocket among them, and CONNECT. */
import type { Answer, ContractCase, JsonObject } from "../harness/case.ts";
import {
  answer,
  CLOSE,
  ended,
  finish,
  gate,
  get,
  got,
  head,
  request,
  seen,
  sees,
  stat,
  toCluster,
} from "../harness/steps.ts";

const WEBSOCKET = get("/", "connection: Upgrade", "upgrade: WebSocket", "sec-websocket-key: k");
const ACCEPTED = head("HTTP/1.1 101 Switching Protocols", "connection: Upgrade", "upgrade: websocket", "x: y");
const CONNECT = request("CONNECT", "b.test:80", "Host: b.test:80");

interface Row {
  readonly answers: readonly Answer[];
  readonly client: ContractCase["client"];
  readonly more?: Partial<ContractCase>;
}

function upgraded(feature: string, rows: Readonly<Record<string, Row>>, parts: Partial<ContractCase>): ContractCase[] {
  return Object.entries(rows).map(([name, { answers, client, more = {} }]) => ({
    name,
    feature: `Upgrades: ${feature}`,
    upstreams: { a: { answers, early: true } },
    client,
    stats: [
      "http.in.downstream_cx_upgrades_total",
      "http.in.downstream_cx_upgrades_active",
      "http.in.downstream_rq_ws_on_non_ws_route",
    ],
    ...parts,
    ...more,
  }));
}

const allowed = (...configs: JsonObject[]): Partial<ContractCase> => ({ manager: { upgrade_configs: configs } });
const tunnel: Answer = [ACCEPTED, sees("ping"), "pong", sees("bye"), CLOSE];

export const CASES: readonly ContractCase[] = [
  ...upgraded(
    "WebSocket",
    {
      "bytes both ways, until the upstream closes": {
        answers: [tunnel],
        client: [WEBSOCKET, got("x: y"), "ping", got("pong"), "bye", ended()],
      },
      "the client closes": {
        answers: [[ACCEPTED]],
        client: [WEBSOCKET, got("x: y"), finish(), ended(), stat("cluster.a.upstream_cx_active", 0)],
      },
      "bytes that come with the request wait for the answer": {
        answers: [[ACCEPTED, sees("early"), "got it", CLOSE]],
        client: [WEBSOCKET + "early", got("got it"), ended()],
      },
      "bytes that come with the request do not reach an upstream that has not agreed": {
        answers: [[gate("never")]],
        client: [WEBSOCKET + "GET /smuggled HTTP/1.1\r\nHost: a.test\r\n\r\n", seen("a", "sec-websocket-key")],
      },
      "bytes that come with the answer": {
        answers: [[ACCEPTED + "first", sees("bye"), CLOSE]],
        client: [WEBSOCKET, got("first"), "bye", ended()],
      },
      "103 before 101": {
        answers: [[head("HTTP/1.1 103 Early Hints", "link: x"), ACCEPTED, sees("bye"), CLOSE]],
        client: [WEBSOCKET, got("x: y"), "bye", ended()],
      },
      "a content-length is no framing": {
        answers: [tunnel],
        client: [
          get("/", "connection: Upgrade", "upgrade: websocket", "content-length: 4") + "ping",
          got("pong"),
          "bye",
          ended(),
        ],
      },
      "chunked is no framing": {
        answers: [[ACCEPTED, sees("bye"), CLOSE]],
        client: [
          get("/", "connection: Upgrade", "upgrade: websocket", "transfer-encoding: chunked") + "3\r\nbye\r\n0\r\n\r\n",
          ended(),
        ],
      },
      POST: {
        answers: [tunnel],
        client: [
          request("POST", "/", "connection: Upgrade", "upgrade: websocket"),
          got("x: y"),
          "ping",
          got("pong"),
          "bye",
          ended(),
        ],
      },
      "a long answer to a client that reads": {
        answers: [[ACCEPTED, "x".repeat(300_000), CLOSE]],
        client: [WEBSOCKET, ended()],
      },
      "the route's timeout before the answer": {
        answers: [[gate("never")]],
        client: [WEBSOCKET, got(1), ended()],
        more: { routes: [toCluster("/", "a", { timeout: "0.2s" })] },
      },
    },
    allowed({ upgrade_type: "websocket" }),
  ),
  ...upgraded(
    "refused by the upstream",
    Object.fromEntries(
      [200, 204, 301, 304, 400, 403, 426, 500].map((status): [string, Row] => [
        `${status}`,
        {
          answers: [status === 204 || status === 304 ? head(`HTTP/1.1 ${status} X`) : answer(status, "no")],
          client: [WEBSOCKET + "early", got(1), ended()],
        },
      ]),
    ),
    allowed({ upgrade_type: "websocket" }),
  ),
  ...upgraded(
    "who may",
    {
      "nothing is allowed": { answers: [tunnel], client: [WEBSOCKET, ended()], more: { manager: {} } },
      "another one is allowed": {
        answers: [tunnel],
        client: [get("/", "connection: upgrade", "upgrade: foo"), ended()],
      },
      "allowed, but switched off": {
        answers: [tunnel],
        client: [get("/", "connection: upgrade", "upgrade: off"), ended()],
      },
      "several at once": {
        answers: [tunnel],
        client: [get("/", "connection: upgrade", "upgrade: websocket, foo"), ended()],
      },
      "the route allows it": {
        answers: [tunnel],
        client: [get("/", "connection: upgrade", "upgrade: foo"), got("x: y"), "ping", got("pong"), "bye", ended()],
        more: { routes: [toCluster("/", "a", { upgrade_configs: [{ upgrade_type: "FOO" }] })] },
      },
      "the route forbids it": {
        answers: [tunnel],
        client: [WEBSOCKET, ended()],
        more: { routes: [toCluster("/", "a", { upgrade_configs: [{ upgrade_type: "websocket", enabled: false }] })] },
      },
      "no route": { answers: [tunnel], client: [WEBSOCKET, ended()], more: { routes: [toCluster("/other", "a")] } },
      "upgrade without a connection header is no upgrade": {
        answers: [answer(200, "ok")],
        client: [get("/", "upgrade: websocket"), got(1)],
      },
      "h2c is no upgrade": {
        answers: [answer(200, "ok")],
        client: [get("/", "connection: upgrade", "upgrade: h2c"), got(1)],
      },
    },
    allowed({ upgrade_type: "websocket" }, { upgrade_type: "off", enabled: false }),
  ),
  ...upgraded(
    "CONNECT",
    {
      "bytes both ways": {
        answers: [[head("HTTP/1.1 200 OK"), sees("ping"), "pong", sees("bye"), CLOSE]],
        client: [CONNECT, got("200 OK"), "ping", got("pong"), "bye", ended()],
      },
      "bytes that come with the request": {
        answers: [[head("HTTP/1.1 200 OK"), sees("ping"), "pong", CLOSE]],
        client: [CONNECT + "ping", got("pong"), ended()],
      },
      "the upstream refuses": { answers: [answer(407, "who are you")], client: [CONNECT, got(1), ended()] },
      "content-length 0": {
        answers: [[head("HTTP/1.1 200 OK"), CLOSE]],
        client: [request("CONNECT", "b.test:80", "Host: b.test:80", "content-length: 0"), ended()],
      },
      "a content-length": {
        answers: [[head("HTTP/1.1 200 OK"), CLOSE]],
        client: [request("CONNECT", "b.test:80", "Host: b.test:80", "content-length: 5") + "hello", ended()],
      },
      "a route that is not for CONNECT": {
        answers: [answer(200)],
        client: [CONNECT, ended()],
        more: { routes: [toCluster("/", "a")] },
      },
      "not allowed": { answers: [answer(200)], client: [CONNECT, ended()], more: { manager: {} } },
      "by host": {
        answers: [[head("HTTP/1.1 200 OK"), CLOSE]],
        client: [CONNECT, ended()],
        more: {
          virtualHosts: [
            {
              name: "b",
              domains: ["b.test:80"],
              routes: [{ match: { connect_matcher: {} }, route: { cluster: "a" } }],
            },
          ],
        },
      },
    },
    { ...allowed({ upgrade_type: "CONNECT" }), routes: [{ match: { connect_matcher: {} }, route: { cluster: "a" } }] },
  ),
];
