/** What the server's own proxy does with a request that has come to it. */
import type { HeldProxy } from "@tulle/control/explainer";
import type { Listener } from "@tulle/xds/gen/envoy/config/listener/v3/listener_pb.js";
import type { Target } from "./cluster.ts";
import { metadataOf, walkFilters } from "./filters.ts";
import { addressOf, findChain, managerOf } from "./listener.ts";
import type { OriginLink } from "./answer.ts";
import { matchesLabels, valueAt } from "./origins.ts";
import type { Question } from "./question.ts";
import type { ImaginedRequest } from "./request.ts";
import { requestView } from "./request.ts";
import { tlsToEndpoint } from "./transport.ts";
import type { Walk } from "./walk.ts";

/** @param request as it left the client's proxy */
export function walkInbound(walk: Walk, question: Question, target: Target, request: ImaginedRequest): void {
  const { proxy, explained, endpoint, cluster } = target;
  const tls = tlsToEndpoint(cluster, endpoint);
  if (proxy === undefined) {
    walk.step("application", `${explained.address} has no proxy of the mesh; the application answers`, {});
    answered(walk, `${explained.address} answers`);
    return;
  }
  const held = question.heldBy(proxy);
  const listener = listenerFor(held.listeners, proxy, endpoint.port);
  const name = `${proxy.node.workload}.${proxy.node.namespace}`;
  if (listener === undefined) {
    walk.step("listener", `the proxy of ${name} has no listener for port ${endpoint.port}`, { ends: true });
    walk.answer(
      1,
      503,
      "UF",
      "upstream_reset_before_response_started{remote_connection_failure}",
      "nobody listens there",
    );
    return;
  }
  const port = proxy.node.inbound.find(({ bindPort }) => bindPort === endpoint.port)?.port ?? endpoint.port;
  const connection = {
    localAddress: endpoint.address,
    localPort: endpoint.port,
    remoteAddress: question.client.node.address || "127.0.0.1",
    tls,
  };
  const chain = findChain(listener, connection);
  const mode = modeLink(question, proxy, port);
  const secured = tls === undefined ? "plaintext" : tls.showsCertificate ? "mutual TLS" : "TLS";
  if (chain === undefined) {
    const title = `${name} does not take ${secured} at port ${port}`;
    walk.step("filter-chain", title, { origin: mode, ends: true });
    walk.answer(1, 503, "UC", "upstream_reset_before_response_started{connection_termination}", title);
    walk.remedy(
      title,
      tls === undefined
        ? "Give the client a certificate (`tulle run` does), take a DestinationRule with tls.mode DISABLE away, or make the PeerAuthentication PERMISSIVE."
        : "Let the DestinationRule's tls.mode be what the server takes.",
      mode,
    );
    return;
  }
  walk.step("filter-chain", `${name} takes ${secured} at port ${port}`, { origin: mode });
  const manager = managerOf(chain);
  if (manager === undefined) {
    walk.step("application", "the connection is passed on to the application as it is", {});
    answered(walk, `${name} answers`);
    return;
  }
  const principal = tls === undefined ? undefined : tls.showsCertificate ? (question.principal ?? "") : "";
  const view = requestView(request, request.path, metadataOf(question, manager), [
    ["x-forwarded-proto", request.scheme],
  ]);
  const passed = walkFilters(walk, {
    question,
    manager,
    connection: { ...connection, serverName: tls?.sni ?? "", principal },
    request: view,
    configs: null,
    targetConfigs: [],
    route: undefined,
    forwards: true,
    clusters: [],
  });
  if (!passed) return;
  const inbound = proxy.node.inbound.find(({ bindPort }) => bindPort === endpoint.port);
  const at = inbound === undefined ? "" : ` at ${inbound.appAddress}:${inbound.appPort}`;
  walk.step("application", `the application of ${name}${at}`, {});
  answered(walk, `${name} answers`);
}

function answered(walk: Walk, text: string): void {
  walk.outcomes.push({ share: walk.left, by: "application", status: 0, flags: "", details: "via_upstream", text });
  walk.left = 0;
}

function listenerFor(listeners: readonly Listener[], { node }: HeldProxy, port: number): Listener | undefined {
  const inbound = node.inbound.find(({ bindPort }) => bindPort === port);
  const own = listeners.find((listener) => {
    const bound = addressOf(listener);
    return bound?.port === port && (inbound === undefined || bound.address === inbound.address);
  });
  // Of captured workloads one takes all.
  return own ?? listeners.find(({ name }) => name === "virtualInbound");
}

/** The PeerAuthentication that says it: for the workload before its namespace before the mesh. */
function modeLink({ origins }: Question, { node }: HeldProxy, port: number): OriginLink | undefined {
  const rules = origins.ofKind("PeerAuthentication").map(({ loaded: { object } }) => {
    const { kind, metadata } = object;
    const labels = valueAt(object, ["spec", "selector", "matchLabels"]) as Readonly<Record<string, string>> | undefined;
    const selects = labels !== undefined && Object.keys(labels).length > 0;
    const own = metadata.namespace === node.namespace;
    const rank = !own ? 1 : selects ? 3 : 2;
    const fits = own
      ? !selects || matchesLabels(labels, node.labels)
      : metadata.namespace === "istio-system" && !selects;
    const paths = [
      ["spec", "portLevelMtls", String(port), "mode"],
      ["spec", "mtls", "mode"],
    ];
    const path = paths.find((each) => valueAt(object, each) !== undefined);
    return {
      rank: fits && path !== undefined ? rank : 0,
      origin: { kind, namespace: metadata.namespace, name: metadata.name },
      path,
    };
  });
  const [best] = rules.filter(({ rank }) => rank > 0).sort((a, b) => b.rank - a.rank);
  return best === undefined ? undefined : origins.link(best.origin, best.path!);
}
