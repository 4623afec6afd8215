/** A proxy with the filter `tulle.fallback`, and what its tests ask. */
import type { TestContext } from "node:test";
import { fromJson, type JsonObject } from "@bufbuild/protobuf";
import { FallbackPolicySchema } from "@tulle/xds/gen/tulle/filters/http/fallback/v1/fallback_pb.js";
import { checkMessage } from "../../src/plan/check.ts";
import { fallback } from "../../src/plan/filters/fallback.ts";
import type { Extension } from "../../src/plan/schemas.ts";
import { FALLBACK, FALLBACK_POLICY } from "../../src/plan/supported-fields/index.ts";
import { compileTextFormat } from "../../src/plan/format/format.ts";
import type { HeaderMutation, RouteAction } from "../../src/plan/route-plan.ts";
import { Place, type Problem, throwProblems } from "../../src/plan/problems.ts";
import { clusterPlan, endpoint, forwardTo, managerOf, prefixTable, routePlan } from "../support/plans.ts";
import {
  type Backend,
  type BackendConnection,
  type Client,
  type Proxy,
  type ProxyOptions,
  startBackend,
  startProxy,
  until,
} from "../support/proxy.ts";

export function compile(json: JsonObject): unknown {
  const problems: Problem[] = [];
  const place = new Place("", problems);
  const message = fromJson(FallbackPolicySchema, json);
  checkMessage(FallbackPolicySchema, message, place);
  const extension: Extension = {
    typeUrl: FALLBACK_POLICY,
    typeName: FALLBACK_POLICY,
    schema: FallbackPolicySchema,
    message,
    content: null,
  };
  const plan = fallback.compileRoute?.compile(extension, place);
  throwProblems(problems);
  return plan;
}

const NO_EXTENSIONS: ReadonlySet<string> = new Set();
const DETAILS: HeaderMutation = {
  op: "overwrite",
  name: "x-details",
  value: null,
  format: compileTextFormat("%RESPONSE_CODE_DETAILS% %RESPONSE_FLAGS%", { omitEmpty: true, extensions: NO_EXTENSIONS }),
  keepEmpty: false,
  together: 0,
};

export interface Mesh {
  readonly proxy: Proxy;
  /** Where cluster `other` is. */
  readonly other: Backend;
  readonly client: Client;
  /** Sends a request and gives its whole answer. */
  readonly ask: (request: string) => Promise<string>;
}

export async function mesh(
  t: TestContext,
  rules: readonly JsonObject[],
  options: ProxyOptions = {},
  action: Partial<RouteAction> = {},
): Promise<Mesh> {
  const proxy = await startProxy(t, {
    ...options,
    manager: { filters: [{ name: "tulle.fallback", typeName: FALLBACK, disabled: false, config: null }] },
  });
  const { plane } = proxy;
  const other = await startBackend(t);
  plane.setCluster(clusterPlan("other"));
  plane.setEndpoints("other", [endpoint(other.port)]);
  const config = compile({ name: "default/reviews", rules: [...rules] });
  const filterConfigs = new Map([["tulle.fallback", { typeName: FALLBACK_POLICY, disabled: false, config }]]);
  const route = routePlan(forwardTo(plane.clusterRef("b"), action), { filterConfigs, responseHeaders: [DETAILS] });
  const [listener] = plane.listeners();
  managerOf(listener.plan).routes.current = prefixTable([{ prefix: "/", route }]);
  const client = await proxy.client(t);
  return {
    proxy,
    other,
    client,
    ask: async (request) => {
      const { statuses, received } = client;
      client.send(request);
      const isHead = request.startsWith("HEAD");
      const answer = (): string => client.received.slice(received.length);
      await until(() => client.statuses.length > statuses.length && isWhole(answer(), isHead));
      return answer();
    },
  };
}

function isWhole(answer: string, isHead: boolean): boolean {
  const end = answer.indexOf("\r\n\r\n");
  if (end < 0 || isHead) return end >= 0;
  const length = /\r\ncontent-length: (\d+)/.exec(answer)?.[1];
  return length === undefined
    ? answer.endsWith("0\r\n\r\n") || end === answer.length - 4
    : answer.length === end + 4 + Number(length);
}

export function body(answer: string): string {
  return answer.slice(answer.indexOf("\r\n\r\n") + 4);
}

export function header(answer: string, name: string): string | undefined {
  return new RegExp(`\r\n${name}: ([^\r]*)`).exec(answer)?.[1];
}

export const respond = (failures: readonly string[], fields: JsonObject = { status: 200, text_format: "instead" }) => ({
  failures: [...failures],
  respond: fields,
});

export function answering(status: number, text: string, ...lines: readonly string[]): Backend["onData"] {
  return (connection) => {
    const head = [`HTTP/1.1 ${status} X`, `content-length: ${text.length}`, ...lines].join("\r\n");
    connection.socket.write(`${head}\r\n\r\n${text}`);
  };
}

export const RESET = (connection: BackendConnection): void => void connection.socket.resetAndDestroy();

export const LAST_GOOD = { max_age: "60s", max_entry_bytes: 10_000, max_bytes: 20_000 };
