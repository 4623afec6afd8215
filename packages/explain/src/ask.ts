/** From a question of the HTTP API to what is to be explained. */
import type { JsonObject } from "@bufbuild/protobuf";
import { ExplainProblem } from "@tulle/control/explainer";
import type { ExplainWorld, HeldProxy } from "@tulle/control/explainer";
import type { ExplainQuestion } from "./answer.ts";
import { heldOf, heldOfDump } from "./held.ts";
import { Origins } from "./origins.ts";
import type { Question } from "./question.ts";
import { imaginedRequest } from "./request.ts";

/** Throws ExplainProblem where the client or the request cannot be meant. */
export function questionOf(asked: ExplainQuestion, world: ExplainWorld): Question {
  const { method = "GET", url, headers = [], claims, configDump } = asked;
  if (url === undefined) throw new ExplainProblem(400, "say which request: `request`, or `from` and `url`");
  const client = clientOf(asked, world);
  return {
    world,
    origins: new Origins(world),
    client,
    held: configDump === undefined ? heldOf(client.view) : refusing(() => heldOfDump(configDump)),
    request: refusing(() => imaginedRequest(method, url, headers, claims as JsonObject | undefined)),
    principal: asked.principal ?? identityOf(client, world),
    heldBy: ({ view }) => heldOf(view),
  };
}

function refusing<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new ExplainProblem(400, error instanceof Error ? error.message : String(error));
  }
}

function identityOf({ identity, node }: HeldProxy, { trustDomain }: ExplainWorld): string | undefined {
  if (identity !== undefined || node.secrets === undefined) return identity;
  return `spiffe://${trustDomain}/ns/${node.namespace}/sa/${node.serviceAccount}`;
}

/** By node id, workload, service or `app` label; with the namespace behind a slash or a dot where it is not `default`. */
function clientOf({ from, configDump }: ExplainQuestion, world: ExplainWorld): HeldProxy {
  if (from === undefined || from === "") {
    if (configDump !== undefined) return world.imagine({ namespace: "default", workload: "client", labels: {} });
    throw new ExplainProblem(400, "say who sends it: `from`, such as productpage");
  }
  const exact = world.proxies.find(({ node }) => node.id === from);
  if (exact !== undefined) return exact;
  const [name = "", namespace] = from.includes("/") ? from.split("/") : from.split(".");
  const inNamespace = world.proxies.filter(({ node }) => namespace === undefined || node.namespace === namespace);
  const names = (({ node }: HeldProxy) => [node.workload, node.service, node.labels["app"]]) satisfies (
    proxy: HeldProxy,
  ) => (string | undefined)[];
  const found = inNamespace.filter((proxy) => names(proxy).includes(name));
  const similar = found.length > 0 ? found : inNamespace.filter(({ node }) => node.workload.startsWith(`${name}-`));
  const spaces = new Set(similar.map(({ node }) => node.namespace));
  if (spaces.size > 1 && !spaces.has("default")) {
    throw new ExplainProblem(409, `${name} is in ${[...spaces].join(" and ")}: say ${name}.NAMESPACE`);
  }
  const [first] = spaces.size > 1 ? similar.filter(({ node }) => node.namespace === "default") : similar;
  if (first !== undefined) return first;
  const declared = declaredWorkload(name, namespace ?? "default", world);
  if (declared !== undefined) return world.imagine(declared);
  // Of a mesh that is not this one: the dump says what it holds.
  if (configDump !== undefined) return world.imagine({ namespace: namespace ?? "default", workload: name, labels: {} });
  const known = [...new Set(world.proxies.map(({ node }) => `${node.workload}.${node.namespace}`))].slice(0, 8);
  throw new ExplainProblem(
    404,
    `no proxy of ${from} is connected, and no object describes such a workload${known.length === 0 ? "" : `; there are ${known.join(", ")}`}`,
  );
}

/** A workload that YAML describes and that does not run here. */
function declaredWorkload(name: string, namespace: string, world: ExplainWorld) {
  for (const { loaded } of world.objects) {
    const { kind, metadata } = loaded.object;
    if (metadata.namespace !== namespace) continue;
    const labels = metadata.labels ?? {};
    const isPod = kind === "Pod" && (metadata.name === name || metadata.name.startsWith(`${name}-`));
    if (isPod || (kind === "Pod" && labels["app"] === name) || (kind === "WorkloadEntry" && metadata.name === name)) {
      return { namespace, workload: name, labels };
    }
    if (kind === "Service" && metadata.name === name) return { namespace, workload: name, labels: { app: name } };
  }
  return undefined;
}
