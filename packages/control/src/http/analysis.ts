/** What is probably not meant in the configuration that is in force, or in what would be if files were applied. */
import { DEFAULT_NAMESPACE } from "@tulle/api";
import type { Labels } from "@tulle/api";
import { analyze } from "../analysis/index.ts";
import type { AnalysisMessage } from "../analysis/index.ts";
import { SnapshotBuilder } from "../model/snapshot.ts";
import { objectKey } from "../model/stored-object.ts";
import { readWanted, REQUEST } from "../source/files/apply.ts";
import type { ApiAnswer, ApiContext, ApiRequest } from "./handler.ts";

function list({ pusher, directory }: ApiContext): ApiAnswer {
  return { json: { items: analyze(pusher.current(), directory.diagnostics, gatewayProxies(pusher)) } };
}

/** They register nowhere. */
function gatewayProxies(pusher: ApiContext["pusher"]): readonly Labels[] {
  return pusher.proxies().flatMap(({ node }) => (node.type === "router" ? [node.labels] : []));
}

/** Of the stream's objects, together with what is in force; of others, what would be new. Nothing is changed. */
async function ofStream({ pusher, directory, clock }: ApiContext, request: ApiRequest): Promise<ApiAnswer> {
  const namespace = request.query.get("namespace") ?? DEFAULT_NAMESPACE;
  const { wanted, diagnostics, objects: written } = readWanted(await request.body(), namespace);
  const objects = new Map(directory.objects.map((stored) => [stored.key, stored]));
  for (const { object } of wanted) {
    const key = objectKey(object);
    // Also where nothing would change: it is of the stream that something is said.
    const loaded = { ...written.get(key)!, object };
    objects.set(key, { key, loaded, createdAt: objects.get(key)?.createdAt ?? clock.now() });
  }
  const now = pusher.current();
  const { options, workloads, issuers } = now;
  const then = new SnapshotBuilder(options).next({ objects: [...objects.values()], workloads, issuers: issuers! });
  const gateways = gatewayProxies(pusher);
  const before = new Set(analyze(now, directory.diagnostics, gateways).map(identityOf));
  const items = analyze(then, diagnostics, gateways).filter(
    (each) => each.file === REQUEST || !before.has(identityOf(each)),
  );
  return { json: { items } };
}

function identityOf({ code, kind, namespace, resource, field, message }: AnalysisMessage): string {
  return [code, kind, namespace, resource, field, message].join("\n");
}

export const analysisHandlers = { list, ofStream };
