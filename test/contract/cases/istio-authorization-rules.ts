/** What the rules of AuthorizationPolicies ask of a request and its connection: operations, sources, conditions. */
import { type Row, from, row, to, when } from "../harness/authorization-policy.ts";
import type { ContractCase } from "../harness/case.ts";

const OPERATIONS: readonly Row[] = [
  {
    name: "paths: exact, prefix, suffix, any",
    feature: "paths",
    specs: [to('paths: ["/exact", "/pre*", "*.css"]')],
    asks: [
      ["ok", "/exact"],
      ["ok", "/exact?query"],
      ["no", "/exact/"],
      ["no", "/Exact"],
      ["ok", "/prefixed/x"],
      ["ok", "/a/b.css"],
      ["no", "/a/b.css.x"],
    ],
  },
  { name: "paths: *", feature: "paths", specs: [to('paths: ["*"]')], asks: [["ok", "/anything"]] },
  {
    name: "paths are compared in normal form",
    feature: "paths",
    specs: [to('paths: ["/admin"]', "DENY")],
    asks: [
      ["no", "/admin"],
      ["no", "/x/../admin"],
      ["no", "/./admin"],
      ["no", "/%61dmin"],
      ["ok", "//admin"],
      ["ok", "/%2Fadmin"],
      ["no", "/admin?x"],
    ],
  },
  {
    name: "notPaths",
    feature: "paths",
    specs: [to('notPaths: ["/private*"]')],
    asks: [
      ["ok", "/"],
      ["no", "/private"],
    ],
  },
  {
    name: "templates of one segment",
    feature: "path templates",
    specs: [to('paths: ["/a/{*}/c"]')],
    asks: [
      ["ok", "/a/b/c"],
      ["no", "/a/b/b/c"],
      ["no", "/a/c"],
      ["no", "/a//c"],
      ["ok", "/a/b/c?d"],
    ],
  },
  {
    name: "templates of many segments",
    feature: "path templates",
    specs: [to('paths: ["/a/{**}"]', "DENY")],
    asks: [
      ["no", "/a/b"],
      ["no", "/a/b/c"],
      ["ok", "/ab"],
      ["no", "/a/"],
    ],
  },
  {
    name: "templates of many segments in the middle",
    feature: "path templates",
    specs: [to('paths: ["/a/{**}/z"]')],
    asks: [
      ["ok", "/a/b/c/z"],
      ["no", "/a/b/c"],
      ["no", "/z"],
    ],
  },
  {
    name: "methods",
    feature: "methods",
    specs: [to('methods: ["GET", "P*"]')],
    asks: [
      ["ok", "/"],
      ["ok", "POST /", "content-length: 0"],
      ["ok", "PUT /", "content-length: 0"],
      ["no", "DELETE /"],
    ],
  },
  {
    name: "notMethods",
    feature: "methods",
    specs: [to('notMethods: ["DELETE"]')],
    asks: [
      ["ok", "/"],
      ["no", "DELETE /"],
    ],
  },
  {
    name: "hosts, in any case, with the port as it is written",
    feature: "hosts",
    specs: [to('hosts: ["a.test", "*.b.test", "c.test:*"]')],
    asks: [
      ["ok", "/", "Host: a.test"],
      ["ok", "/", "Host: A.Test"],
      ["no", "/", "Host: a.test:80"],
      ["ok", "/", "Host: x.b.test"],
      ["no", "/", "Host: x.b.test:80"],
      ["no", "/", "Host: b.test"],
      ["ok", "/", "Host: c.test:80"],
      ["no", "/", "Host: c.test"],
    ],
  },
  {
    name: "notHosts",
    feature: "hosts",
    specs: [to('notHosts: ["a.test"]')],
    asks: [
      ["no", "/", "Host: a.test"],
      ["ok", "/", "Host: b.test"],
    ],
  },
  {
    name: "ports are the workload's",
    feature: "ports",
    specs: [to('ports: ["8080"]')],
    asks: [["ok", "/"]],
  },
  { name: "other ports", feature: "ports", specs: [to('ports: ["80", "8081"]')], asks: [["no", "/"]] },
  { name: "notPorts", feature: "ports", specs: [to('notPorts: ["8080"]')], asks: [["no", "/"]] },
  {
    name: "all fields of an operation must match, one operation is enough",
    feature: "rules",
    specs: [
      '{ rules: [{ to: [{ operation: { methods: ["GET"], paths: ["/a"] } }, { operation: { methods: ["POST"], paths: ["/b"] } }] }] }',
    ],
    asks: [
      ["ok", "/a"],
      ["no", "/b"],
      ["ok", "POST /b", "content-length: 0"],
      ["no", "POST /a", "content-length: 0"],
    ],
  },
];

const SOURCES: readonly Row[] = [
  { name: "ipBlocks", feature: "ipBlocks", specs: [from('ipBlocks: ["127.0.0.0/8"]')], asks: [["ok", "/"]] },
  { name: "ipBlocks, one address", feature: "ipBlocks", specs: [from('ipBlocks: ["127.0.0.1"]')], asks: [["ok", "/"]] },
  {
    name: "ipBlocks of others",
    feature: "ipBlocks",
    specs: [from('ipBlocks: ["10.0.0.0/8", "::1"]')],
    asks: [["no", "/"]],
  },
  { name: "notIpBlocks", feature: "ipBlocks", specs: [from('notIpBlocks: ["127.0.0.1"]')], asks: [["no", "/"]] },
  {
    name: "ipBlocks are about the connection, whatever headers say",
    feature: "ipBlocks",
    specs: [from('ipBlocks: ["10.0.0.0/8"]', "DENY")],
    asks: [["ok", "/", "x-forwarded-for: 10.0.0.1"]],
  },
  {
    name: "remoteIpBlocks",
    feature: "remoteIpBlocks",
    specs: [from('remoteIpBlocks: ["10.1.0.0/16"]')],
    asks: [
      ["ok", "/", "x-forwarded-for: 10.1.2.3"],
      ["no", "/", "x-forwarded-for: 10.2.2.3"],
      ["no", "/"],
      ["ok", "/", "x-forwarded-for: 10.2.2.3, 10.1.1.1"],
    ],
  },
  {
    name: "notRemoteIpBlocks",
    feature: "remoteIpBlocks",
    specs: [from('notRemoteIpBlocks: ["10.1.0.0/16"]')],
    asks: [
      ["no", "/", "x-forwarded-for: 10.1.2.3"],
      ["ok", "/"],
    ],
  },
  {
    name: "nobody is anybody without mutual TLS",
    feature: "principals",
    specs: [from('principals: ["*"]')],
    asks: [["no", "/"]],
  },
  {
    name: "who is nobody is not somebody",
    feature: "principals",
    specs: [from('notPrincipals: ["cluster.local/ns/default/sa/a"]', "DENY")],
    asks: [["no", "/"]],
  },
  {
    name: "namespaces of nobody",
    feature: "namespaces",
    specs: [from('namespaces: ["default"]')],
    asks: [["no", "/"]],
  },
  {
    name: "notNamespaces of nobody",
    feature: "namespaces",
    specs: [from('notNamespaces: ["default"]')],
    asks: [["ok", "/"]],
  },
  {
    name: "serviceAccounts of nobody",
    feature: "serviceAccounts",
    specs: [from('serviceAccounts: ["default/a"]')],
    asks: [["no", "/"]],
  },
  {
    name: "trustDomains of nobody",
    feature: "trustDomains",
    specs: [from('trustDomains: ["*"]')],
    asks: [["no", "/"]],
  },
  {
    name: "no token: no request principal",
    feature: "requestPrincipals",
    specs: [from('requestPrincipals: ["*"]')],
    asks: [["no", "/"]],
  },
  {
    name: "no token is not a token",
    feature: "requestPrincipals",
    specs: [from('notRequestPrincipals: ["*"]', "DENY")],
    asks: [["no", "/"]],
  },
  {
    name: "one source is enough, all its fields must match",
    feature: "rules",
    specs: [
      '{ rules: [{ from: [{ source: { ipBlocks: ["10.0.0.1"] } }, { source: { ipBlocks: ["127.0.0.1"], remoteIpBlocks: ["10.1.1.1"] } }] }] }',
    ],
    asks: [
      ["no", "/"],
      ["ok", "/", "x-forwarded-for: 10.1.1.1"],
    ],
  },
];

const CONDITIONS: readonly Row[] = [
  {
    name: "request.headers: exact, prefix, suffix",
    feature: "when",
    specs: [when('key: "request.headers[x-a]", values: ["one", "two*", "*three"]')],
    asks: [
      ["ok", "/", "x-a: one"],
      ["no", "/", "x-a: One"],
      ["ok", "/", "x-a: twofold"],
      ["ok", "/", "x-a: minusthree"],
      ["no", "/", "x-a: four"],
      ["no", "/"],
    ],
  },
  {
    name: "request.headers: there or not",
    feature: "when",
    specs: [when('key: "request.headers[X-A]", values: ["*"]')],
    asks: [
      ["ok", "/", "x-a: "],
      ["no", "/"],
    ],
  },
  {
    name: "request.headers: notValues",
    feature: "when",
    specs: [when('key: "request.headers[x-a]", notValues: ["bad"]')],
    asks: [
      ["ok", "/"],
      ["no", "/", "x-a: bad"],
      ["ok", "/", "x-a: good"],
    ],
  },
  {
    name: "request.headers: several values of one header",
    feature: "when",
    specs: [when('key: "request.headers[x-a]", values: ["bad"]', "DENY")],
    asks: [
      ["no", "/", "x-a: bad"],
      ["no", "/", "x-a: good", "x-a: bad"],
    ],
  },
  { name: "source.ip", feature: "when", specs: [when('key: source.ip, values: ["127.0.0.1"]')], asks: [["ok", "/"]] },
  {
    name: "remote.ip",
    feature: "when",
    specs: [when('key: remote.ip, notValues: ["10.0.0.0/8"]')],
    asks: [
      ["ok", "/"],
      ["no", "/", "x-forwarded-for: 10.1.1.1"],
    ],
  },
  {
    name: "destination.ip",
    feature: "when",
    specs: [when('key: destination.ip, values: ["127.0.0.1/32"]')],
    asks: [["ok", "/"]],
  },
  {
    name: "destination.port is the workload's",
    feature: "when",
    specs: [when('key: destination.port, values: ["8080"]', "DENY")],
    asks: [["no", "/"]],
  },
  {
    name: "connection.sni without TLS",
    feature: "when",
    specs: [when('key: connection.sni, values: ["*"]')],
    asks: [["no", "/"]],
  },
  {
    name: "connection.sni that it is not",
    feature: "when",
    specs: [when('key: connection.sni, notValues: ["a.test"]')],
    asks: [["ok", "/"]],
  },
  {
    name: "source.principal, source.namespace, source.serviceAccount, source.trustDomain of nobody",
    feature: "when",
    specs: [
      when('key: source.principal, values: ["*"]', "DENY"),
      when('key: source.namespace, values: ["*"]', "DENY"),
      when('key: source.serviceAccount, values: ["default/a"]', "DENY"),
      when('key: source.trustDomain, values: ["*"]', "DENY"),
    ],
    asks: [["ok", "/"]],
  },
  {
    name: "request.auth without token",
    feature: "when",
    specs: [
      when('key: request.auth.principal, values: ["*"]', "DENY"),
      when('key: request.auth.audiences, values: ["*"]', "DENY"),
      when('key: request.auth.presenter, values: ["*"]', "DENY"),
      when('key: "request.auth.claims[groups]", values: ["*"]', "DENY"),
    ],
    asks: [["ok", "/"]],
  },
  {
    name: "a claim that is not there is not one of the values",
    feature: "when",
    specs: [when('key: "request.auth.claims[a][b]", notValues: ["x"]', "DENY")],
    asks: [["no", "/"]],
  },
  {
    name: "experimental.envoy.filters",
    feature: "when",
    specs: [
      to('paths: ["/a"]', "AUDIT"),
      when('key: "experimental.envoy.filters.http.rbac[enforced_engine_result]", values: ["allowed"]'),
    ],
    asks: [["ok", "/"]],
  },
  {
    name: "every condition must hold",
    feature: "when",
    specs: [
      '{ rules: [{ when: [{ key: "request.headers[x-a]", values: ["1"] }, { key: "request.headers[x-b]", values: ["2"] }] }] }',
    ],
    asks: [
      ["ok", "/", "x-a: 1", "x-b: 2"],
      ["no", "/", "x-a: 1"],
      ["no", "/", "x-b: 2"],
    ],
  },
  {
    name: "conditions hold for each source and operation",
    feature: "rules",
    specs: [
      '{ rules: [{ from: [{ source: { ipBlocks: ["127.0.0.1"] } }], to: [{ operation: { paths: ["/a"] } }, { operation: { paths: ["/b"] } }], when: [{ key: "request.headers[x-a]", values: ["1"] }] }] }',
    ],
    asks: [
      ["ok", "/a", "x-a: 1"],
      ["ok", "/b", "x-a: 1"],
      ["no", "/b"],
      ["no", "/c", "x-a: 1"],
    ],
  },
];

export const CASES: readonly ContractCase[] = [...OPERATIONS, ...SOURCES, ...CONDITIONS].map(row);
