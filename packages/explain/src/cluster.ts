/** Which clusters a route's requests are shared between, what each of them does, and who answers for it. */
import { toJson } from "@bufbuild/protobuf";
import { DurationSchema } from "@bufbuild/protobuf/wkt";
import type { Duration } from "@bufbuild/protobuf/wkt";
import type { Path } from "@tulle/api";
import { HostSet, Place, compileEndpoints, priorityLoads } from "@tulle/proxy/matchers";
import type { ClusterPlan, EndpointPlan } from "@tulle/proxy/matchers";
import {
  Cluster_DiscoveryType as DiscoveryType,
  Cluster_LbPolicy as LbPolicy,
} from "@tulle/xds/gen/envoy/config/cluster/v3/cluster_pb.js";
import type { Cluster } from "@tulle/xds/gen/envoy/config/cluster/v3/cluster_pb.js";
import type { ClusterLoadAssignment } from "@tulle/xds/gen/envoy/config/endpoint/v3/endpoint_pb.js";
import type { ExplainedEndpoint, Fact, Lost, OriginLink } from "./answer.ts";
import { clusterName, rulesFor, settingLink, subsetLink } from "./destination-rule.ts";
import type { ClusterName } from "./destination-rule.ts";
import type { HeldProxy } from "@tulle/control/explainer";
import { listAt, originOf, parsePath, textAt, valueAt } from "./origins.ts";
import type { OriginOf } from "./origins.ts";
import type { Question } from "./question.ts";
import { describeSocket } from "./transport.ts";
import type { Walk } from "./walk.ts";
import { percent } from "./walk.ts";

/** An endpoint that requests go to, and how many of those that come to the cluster. */
export interface Target {
  readonly endpoint: EndpointPlan;
  readonly explained: ExplainedEndpoint;
  readonly share: number;
  readonly proxy: HeldProxy | undefined;
  readonly cluster: Cluster;
}

/** @param written where a rule names the cluster as destination */
export function walkCluster(
  walk: Walk,
  question: Question,
  name: string,
  share: number,
  notFoundStatus: number,
  written: OriginLink | undefined,
): readonly Target[] {
  const { held, origins } = question;
  const cluster = held.cluster(name);
  const parts = clusterName(name);
  if (cluster === undefined) {
    missingCluster(walk, question, name, share, notFoundStatus, written);
    return [];
  }
  const origin = originOf(cluster.metadata);
  const link = origin && origins.link(origin, clusterPath(question, origin));
  walk.step("cluster", `cluster ${name}`, { origin: link, facts: clusterFacts(question, cluster, parts) });
  const discovery = discoveryOf(cluster);
  if (discovery === "original-dst" || discovery === "forwarding") {
    const text = discovery === "original-dst" ? "where the connection was made to" : "the host that the request names";
    walk.step("endpoints", `the endpoint is ${text}`, {});
    return [];
  }
  return walkEndpoints(walk, question, cluster, discovery, share);
}

/** Of a Service's port the number, by which the cluster is found. */
function clusterPath({ origins }: Question, origin: OriginOf): Path {
  const path = parsePath(origin.field);
  const number = [...path, origin.kind === "ServiceEntry" ? "number" : "port"];
  return valueAt(origins.find(origin)?.loaded.object, number) === undefined ? path : number;
}

function missingCluster(
  walk: Walk,
  question: Question,
  name: string,
  share: number,
  status: number,
  written: OriginLink | undefined,
): void {
  const parts = clusterName(name);
  const rules = parts === undefined ? [] : rulesFor(question, parts, undefined);
  const others =
    parts === undefined ? [] : question.held.clusters.map(clusterName).filter((each) => each?.host === parts.host);
  const lost: Lost[] = [];
  let cause = `there is no cluster ${name}`;
  if (parts !== undefined && others.length === 0) cause = `there is no service ${parts.host} that this client sees`;
  else if (parts !== undefined && !others.some((each) => each?.port === parts.port)) {
    cause = `service ${parts.host} has no port ${parts.port}`;
    const ports = new Set(others.map((each) => each?.port));
    for (const port of ports) lost.push({ what: `port ${port}`, why: "it is another" });
  } else if (parts !== undefined) {
    cause = `no DestinationRule has a subset ${parts.subset} for ${parts.host}`;
    for (const rule of rules) {
      listAt(question.origins.find(rule)?.loaded.object, ["spec", "subsets"]).forEach((subset, index) =>
        lost.push({
          what: `subset ${textAt(subset, "name")} of DestinationRule ${rule.namespace}/${rule.name}`,
          why: `it is not called ${parts.subset}`,
          origin: question.origins.link(rule, ["spec", "subsets", index, "name"]),
        }),
      );
    }
  }
  walk.step("cluster", cause, { origin: written, lost, ends: true });
  walk.answer(share, status, "NC", "cluster_not_found", cause);
  walk.remedy(cause, "Change the destination, or add what it names.", written);
}

function discoveryOf(cluster: Cluster): ClusterPlan["discovery"] {
  const { clusterDiscoveryType: type } = cluster;
  if (type.case === "clusterType") return "forwarding";
  switch (type.value) {
    case DiscoveryType.EDS:
      return "eds";
    case DiscoveryType.STRICT_DNS:
      return "strict-dns";
    case DiscoveryType.LOGICAL_DNS:
      return "logical-dns";
    case DiscoveryType.ORIGINAL_DST:
      return "original-dst";
    default:
      return "static";
  }
}

const HUGE = 4_294_967_295;

/** What a cluster says of each connection and request. */
function clusterFacts(question: Question, cluster: Cluster, parts: ClusterName | undefined): readonly Fact[] {
  const facts: Fact[] = [];
  const add = (name: string, value: string, ...settings: Path[]): void => {
    const link = settings
      .map((setting) => settingLink(question, parts, cluster, setting))
      .find((each) => each !== undefined);
    facts.push({ name, value, ...(link && { origin: link }) });
  };
  add("TLS", describeSocket(cluster), ["tls", "mode"]);
  if (cluster.loadBalancingPolicy === undefined) {
    add("load balancer", LbPolicy[cluster.lbPolicy], ["loadBalancer", "simple"], ["loadBalancer", "consistentHash"]);
  }
  if (cluster.connectTimeout !== undefined) {
    add("connect timeout", durationText(cluster.connectTimeout), ["connectionPool", "tcp", "connectTimeout"]);
  }
  const limits = cluster.circuitBreakers?.thresholds[0];
  const limit = (name: string, value: number | undefined, ...settings: Path[]): void => {
    if (value !== undefined && value < HUGE) add(name, String(value), ...settings);
  };
  limit("most connections", limits?.maxConnections, ["connectionPool", "tcp", "maxConnections"]);
  limit("most waiting requests", limits?.maxPendingRequests, ["connectionPool", "http", "http1MaxPendingRequests"]);
  limit("most requests", limits?.maxRequests, ["connectionPool", "http", "http2MaxRequests"]);
  limit("most retries at a time", limits?.maxRetries, ["connectionPool", "http", "maxRetries"]);
  const outlier = cluster.outlierDetection;
  if (outlier !== undefined) {
    const errors = outlier.consecutive5xx ?? 0;
    const gateway = outlier.consecutiveGatewayFailure ?? 0;
    if (errors > 0) add("ejected after errors in a row", String(errors), ["outlierDetection", "consecutive5xxErrors"]);
    if (gateway > 0)
      add("ejected after gateway errors in a row", String(gateway), ["outlierDetection", "consecutiveGatewayErrors"]);
    if (outlier.interval !== undefined)
      add("outliers looked for every", durationText(outlier.interval), ["outlierDetection", "interval"]);
    if (outlier.baseEjectionTime !== undefined)
      add("ejected for", durationText(outlier.baseEjectionTime), ["outlierDetection", "baseEjectionTime"]);
    if (outlier.maxEjectionPercent !== undefined)
      add("ejected at most", `${outlier.maxEjectionPercent} %`, ["outlierDetection", "maxEjectionPercent"]);
  }
  return facts;
}

export function durationText(duration: Duration): string {
  return toJson(DurationSchema, duration);
}

function walkEndpoints(
  walk: Walk,
  question: Question,
  cluster: Cluster,
  discovery: ClusterPlan["discovery"],
  share: number,
): readonly Target[] {
  const assignment = assignmentOf(question, cluster, discovery);
  const parts = clusterName(cluster.name);
  const { link, labels } = endpointsLink(question, parts, cluster);
  const place = new Place("", []);
  const { endpoints, policy } =
    assignment === undefined
      ? { endpoints: [], policy: { overprovisioningFactor: 140, weightedPriorityHealth: false } }
      : compileEndpoints(assignment, discovery, place);
  const used = sharesOf(endpoints, policy, cluster.commonLbConfig?.healthyPanicThreshold?.value ?? 50);
  const targets = endpoints.map((endpoint, index): Target => {
    const proxy = proxyAt(question, endpoint);
    const explained = explainEndpoint(endpoint, cluster.name, used[index]! > 0, proxy);
    return { endpoint, explained, share: used[index]!, proxy, cluster };
  });
  const going = targets.filter((target) => target.share > 0);
  const title =
    going.length === 0
      ? `none of ${count(endpoints.length, "endpoint")} of ${cluster.name} can take requests`
      : `${going.length} of ${count(endpoints.length, "endpoint")}: ${going.map(describeTarget).join(", ")}`;
  walk.step("endpoints", title, {
    origin: link,
    reasons: labels.map((label) => ({
      text: `they have the label ${label.text}`,
      ...(label.link && { origin: label.link }),
    })),
    lost: [
      ...targets.filter((target) => target.share === 0).map(whyUnused),
      ...outsideSubset(question, parts, endpoints, labels.map(({ text }) => text).join(", ")),
    ],
    ends: going.length === 0,
  });
  if (going.length === 0) {
    const text = endpoints.length === 0 ? "no endpoint is registered" : "no endpoint is healthy";
    walk.answer(share, 503, "UH", "no_healthy_upstream", text);
    walk.remedy(
      `${text} for ${cluster.name}`,
      endpoints.length === 0 && parts?.subset !== undefined && parts.subset !== ""
        ? "Start a workload with the subset's labels, or change the labels."
        : "Start a workload of the service, or see why it is not healthy: `tulle proxies`.",
      link,
    );
  }
  return going;
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? "" : "s"}`;
}

function describeTarget({ explained: { address, workload }, share }: Target): string {
  return `${address}${workload === "" ? "" : ` (${workload})`} ${percent(share)}`;
}

function whyUnused({ explained, endpoint }: Target): Lost {
  const why =
    endpoint.health === "healthy"
      ? `its priority ${endpoint.priority} is behind others that suffice`
      : `it is ${endpoint.health}`;
  return { what: `endpoint ${explained.address}`, why };
}

/** What a service has and a subset of it leaves out. */
function outsideSubset(
  question: Question,
  parts: ClusterName | undefined,
  endpoints: readonly EndpointPlan[],
  labels: string,
): readonly Lost[] {
  if (parts === undefined || parts.subset === "") return [];
  const all = question.held.assignment(`outbound|${parts.port}||${parts.host}`);
  if (all === undefined) return [];
  const inside = new Set(endpoints.map(addressOf));
  return compileEndpoints(all, "eds", new Place("", []))
    .endpoints.filter((endpoint) => !inside.has(addressOf(endpoint)))
    .map((endpoint) => {
      const proxy = proxyAt(question, endpoint);
      const who = proxy === undefined ? "" : ` (${proxy.node.workload})`;
      return {
        what: `endpoint ${addressOf(endpoint)}${who}`,
        why: `it does not have the labels of subset ${parts.subset}: ${labels}`,
      };
    });
}

/** Where it is said who answers: the labels of a subset, the selector of a Service. */
function endpointsLink(
  question: Question,
  parts: ClusterName | undefined,
  cluster: Cluster,
): { link: OriginLink | undefined; labels: readonly { readonly text: string; readonly link?: OriginLink }[] } {
  const { origins } = question;
  const named = (
    rule: Pick<OriginLink, "kind" | "namespace" | "name">,
    path: Path,
    keys: readonly string[],
  ): readonly { text: string; link: OriginLink }[] =>
    keys.map((key) => ({
      text: `${key}=${textAt(origins.find(rule)?.loaded.object, ...path, key)}`,
      link: origins.link(rule, [...path, key]),
    }));
  if (parts !== undefined && parts.subset !== "") {
    const subset = subsetLink(question, parts, cluster);
    if (subset !== undefined) {
      const path = [...subset.path, "labels"];
      return { link: origins.link(subset.rule, path), labels: named(subset.rule, path, subset.labels) };
    }
  }
  const service = parts && serviceOf(question, parts);
  if (service === undefined) return { link: origins.of(cluster.metadata), labels: [] };
  const path = service.kind === "ServiceEntry" ? ["spec", "workloadSelector", "labels"] : ["spec", "selector"];
  const selector = listKeys(origins.find(service)?.loaded.object, path);
  return { link: origins.link(service, path), labels: named(service, path, selector) };
}

function listKeys(object: Parameters<typeof listAt>[0], path: Path): readonly string[] {
  let value: unknown = object;
  for (const step of path) value = (value as Readonly<Record<string, unknown>> | undefined)?.[step];
  return typeof value === "object" && value !== null ? Object.keys(value) : [];
}

function serviceOf(
  { origins, world }: Question,
  { host }: ClusterName,
): Pick<OriginLink, "kind" | "namespace" | "name"> | undefined {
  for (const { loaded } of origins.ofKind("Service")) {
    const { kind, metadata } = loaded.object;
    if (`${metadata.name}.${metadata.namespace}.svc.${world.domain}`.toLowerCase() === host) {
      return { kind, namespace: metadata.namespace, name: metadata.name };
    }
  }
  for (const { loaded } of origins.ofKind("ServiceEntry")) {
    const { kind, metadata } = loaded.object;
    if (
      listAt(loaded.object, ["spec", "hosts"]).some((each) => typeof each === "string" && each.toLowerCase() === host)
    ) {
      return { kind, namespace: metadata.namespace, name: metadata.name };
    }
  }
  return undefined;
}

function assignmentOf(
  { held }: Question,
  cluster: Cluster,
  discovery: ClusterPlan["discovery"],
): ClusterLoadAssignment | undefined {
  if (discovery !== "eds") return cluster.loadAssignment;
  return held.assignment(cluster.edsClusterConfig?.serviceName || cluster.name);
}

/** What each endpoint gets of all requests, by the balancer's own priorities; within one, by weight. */
function sharesOf(
  endpoints: readonly EndpointPlan[],
  policy: ConstructorParameters<typeof HostSet>[1],
  panicThreshold: number,
): readonly number[] {
  const hosts = endpoints.map((endpoint, index) => ({
    ...endpoint,
    index,
    health: endpoint.health === "draining" ? ("unhealthy" as const) : endpoint.health,
    activeRequests: 0,
    excluded: false,
    lastPassedAt: Number.NaN,
  }));
  const priorities = Math.max(0, ...endpoints.map(({ priority }) => priority + 1));
  const sets = Array.from(
    { length: priorities },
    (_, priority) =>
      new HostSet(
        hosts.filter((host) => host.priority === priority),
        policy,
      ),
  );
  const shares = endpoints.map(() => 0);
  if (sets.length === 0) return shares;
  const { healthy, degraded, panic } = priorityLoads(sets, panicThreshold);
  sets.forEach((set, priority) => {
    const give = (among: readonly { index: number; weight: number }[], load: number): void => {
      const total = among.reduce((sum, { weight }) => sum + weight, 0);
      for (const { index, weight } of among) shares[index]! += ((load / 100) * weight) / total;
    };
    give(panic[priority]! ? set.hosts : set.healthy, healthy[priority]!);
    give(set.degraded, degraded[priority]!);
  });
  return shares;
}

function addressOf({ address, port }: EndpointPlan): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

function explainEndpoint(
  endpoint: EndpointPlan,
  cluster: string,
  used: boolean,
  proxy: HeldProxy | undefined,
): ExplainedEndpoint {
  const { region, zone, subZone } = endpoint.locality;
  return {
    address: addressOf(endpoint),
    cluster,
    health: endpoint.health,
    used,
    weight: endpoint.weight,
    priority: endpoint.priority,
    locality: [region, zone, subZone].filter((part) => part !== "").join("/"),
    proxy: proxy?.node.id ?? "",
    workload: proxy?.node.workload ?? endpoint.workload.split(";")[0] ?? "",
    version: proxy?.node.labels["version"] ?? "",
  };
}

/** Whose application's port it is. */
function proxyAt({ world }: Question, { address, port }: EndpointPlan): HeldProxy | undefined {
  return world.proxies.find(({ node }) =>
    node.inbound.some(
      (inbound) => inbound.bindPort === port && (inbound.address === address || node.address === address),
    ),
  );
}
