/** Who may call whom, as far as policies say so of identities alone. */
import type { AccessAnswer, AccessCaller, AccessCell, AccessServer } from "@tulle/telemetry/insight";
import { authorizationsFor } from "../model/authorization.ts";
import type { PeerAuthentications } from "../model/peer-authentication.ts";
import type { PolicySubject } from "../model/policy-scope.ts";
import type { Snapshot } from "../model/snapshot.ts";
import { accessOf } from "../translate/security/access.ts";
import type { Identity } from "../translate/security/access.ts";
import type { ApiAnswer, ApiContext, ApiRequest } from "./handler.ts";
import { refTo } from "./traffic-rules.ts";

/** More of either nobody reads as a table; one namespace of a large mesh at a time does. */
const MOST = 100;

interface Server extends PolicySubject {
  readonly name: string;
}

function access(context: ApiContext, { query }: ApiRequest): ApiAnswer {
  const scope = query.get("ns") ?? "";
  const snapshot = context.pusher.current();
  const servers = new Map<string, Server>();
  const callers = new Map<string, { readonly identity: Identity; readonly workloads: Set<string> }>();
  const [trustDomain] = snapshot.mesh.trustDomains;
  const addCaller = (namespace: string, account: string, workload: string): void => {
    const key = `${namespace}/${account}`;
    const known = callers.get(key);
    if (known === undefined) {
      callers.set(key, { identity: { trustDomain, namespace, account }, workloads: new Set([workload]) });
    } else known.workloads.add(workload);
  };
  for (const { workload } of context.registry.list()) {
    const { namespace, name, labels, serviceAccount } = workload;
    addCaller(namespace, serviceAccount, name);
    if (scope === "" || namespace === scope) servers.set(`${namespace}/${name}`, { namespace, name, labels });
  }
  for (const { node } of context.pusher.proxies()) {
    if (node.type === "router") addCaller(node.namespace, node.serviceAccount, node.workload);
  }
  const rows = [...callers].sort(byKey).map(([, caller]) => caller);
  const columns = [...servers].sort(byKey).map(([, server]) => server);
  const shown = columns.slice(0, MOST);
  const answer: AccessAnswer = {
    callers: [
      ...rows.slice(0, MOST).map(({ identity, workloads }): AccessCaller => ({
        namespace: identity.namespace,
        account: identity.account,
        workloads: [...workloads],
      })),
      { namespace: "", account: "", workloads: [] },
    ],
    servers: shown.map((server): AccessServer => ({
      namespace: server.namespace,
      workload: server.name,
      mode: snapshot.peers.modesOf(server).mode,
    })),
    cells: [...rows.slice(0, MOST).map(({ identity }) => identity), undefined].map((identity) =>
      shown.map((server) => cellOf(snapshot, server, identity)),
    ),
    omitted: Math.max(0, rows.length - MOST) + Math.max(0, columns.length - MOST),
  };
  return { json: answer };
}

function cellOf(snapshot: Snapshot, server: Server, identity: Identity | undefined): AccessCell {
  const { peers, authorizations, options, mesh } = snapshot;
  const { mode, ofPorts } = peers.modesOf(server);
  const modes = new Set([mode, ...ofPorts.values()]);
  const policies = authorizationsFor(authorizations, options.rootNamespace, server);
  // Where mutual TLS is off, nobody proves who he is.
  const caller = mode === "DISABLE" ? undefined : identity;
  const { verdict, by } = accessOf(policies, caller, mesh.trustDomains);
  const found: AccessCell = { verdict, by: by.map(({ origin }) => refTo(origin)) };
  if (identity !== undefined || !modes.has("STRICT") || verdict === "denied") return found;
  const strict = peerRule(peers, server);
  return {
    verdict: modes.size === 1 ? "denied" : "depends",
    by: strict === undefined ? [] : [refTo(strict.origin)],
  };
}

/** The narrowest that says a mode. */
function peerRule(peers: PeerAuthentications, server: Server): PeerAuthentications["ofMesh"] {
  const rules = [peers.ofWorkload(server), peers.ofNamespace(server.namespace), peers.ofMesh];
  return rules.find((rule) => rule !== undefined && (rule.spec.mtls?.mode ?? "UNSET") !== "UNSET");
}

function byKey([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

export const accessHandlers = { access };
