/** A request that there was: what its record says, in plain words, with the rules that its end comes from. */
import type { RequestRecord } from "@tulle/telemetry/records";
import { flagsInWords } from "@tulle/telemetry/response-flags";
import type { ExplainedRecord, Explanation, Fact, OriginLink, Remedy } from "./answer.ts";
import { causeOf } from "./causes.ts";
import type { Cause } from "./causes.ts";
import { clusterName, settingLink } from "./destination-rule.ts";
import { describePolicy, policyLink } from "./filters.ts";
import type { Question } from "./question.ts";

/**
 * @param stats what the proxy said of the cluster then
 * @param question of the same request by the configuration as it is now, where it is known who sent it
 */
export function explainRecord(
  record: RequestRecord,
  origins: Question["origins"],
  question: Question | undefined,
  explanation: Explanation | undefined,
  stats: ReadonlyMap<string, number>,
): ExplainedRecord {
  const cause = causeOf(record);
  return {
    proxy: record.proxy,
    reporter: record.reporter,
    startMs: record.startMs,
    durationMs: record.durationMs,
    method: record.method,
    authority: record.authority,
    path: record.path,
    status: record.status,
    flags: record.flags,
    details: record.details,
    requestId: record.requestId,
    traceId: record.traceId,
    route: record.routeName,
    cluster: record.upstreamCluster,
    endpoint: record.upstreamHost,
    attempts: record.attempts,
    text: textOf(record, cause),
    remedies: cause === undefined ? [] : [remedyOf(record, cause, origins, question, explanation)],
    facts: [...factsOf(record), ...clusterFacts(stats)],
  };
}

function textOf(record: RequestRecord, cause: Cause | undefined): string {
  const policy = deniedBy(record.details);
  if (policy !== undefined) return `denied by ${describePolicy(policy)}`;
  if (cause === undefined) return record.status === 0 ? "there was no response" : `answered with ${record.status}`;
  const words = flagsInWords(record.flags);
  const more = words !== "" && record.flags.includes(",") ? ` (${words})` : "";
  return `${cause.cause}${more}`;
}

/** Name of the policy in `rbac_access_denied_matched_policy[…]`; undefined: none is named. */
function deniedBy(details: string): string | undefined {
  const name = /^rbac_access_denied_matched_policy\[(.*)\]$/.exec(details)?.[1];
  return name === undefined || name === "none" ? undefined : name;
}

function remedyOf(
  record: RequestRecord,
  { cause, fix, look }: Cause,
  origins: Question["origins"],
  question: Question | undefined,
  explanation: Explanation | undefined,
): Remedy {
  const origin = policyOrigin(record, origins) ?? lookAt(look, record, question, explanation);
  return { cause, fix, ...(origin && { origin }) };
}

function policyOrigin({ details }: RequestRecord, origins: Question["origins"]): OriginLink | undefined {
  const policy = deniedBy(details);
  return policy === undefined ? undefined : policyLink({ origins }, policy);
}

/** The step of the way, as it is now, that the cause is about. */
function lookAt(
  look: Cause["look"],
  record: RequestRecord,
  question: Question | undefined,
  explanation: Explanation | undefined,
): OriginLink | undefined {
  if (explanation === undefined || question === undefined) return undefined;
  const steps = explanation.steps;
  const last = (fits: (step: Explanation["steps"][number]) => boolean): OriginLink | undefined =>
    steps.findLast((step) => fits(step) && step.origin !== undefined)?.origin;
  switch (look) {
    case "route": {
      const timeout = steps.flatMap(({ facts }) => facts).find(({ name }) => name === "timeout")?.origin;
      return (
        (record.flags.includes("UT") ? timeout : undefined) ??
        last(({ kind }) => kind === "route") ??
        last(({ kind }) => kind === "virtual-host")
      );
    }
    case "cluster": {
      const cluster = question.held.cluster(record.upstreamCluster);
      const name = clusterName(record.upstreamCluster);
      const pool = cluster && settingLink(question, name, cluster, ["connectionPool"]);
      return (
        (record.flags.includes("UO") ? pool : undefined) ??
        last(({ kind }) => kind === "cluster") ??
        last(({ kind }) => kind === "split")
      );
    }
    case "endpoints":
      return last(({ kind }) => kind === "endpoints");
    case "tls":
      return last(({ kind }) => kind === "filter-chain");
    case "fault":
      return last(({ title }) => title.startsWith("fault:"));
    case "policy":
      return last(({ kind, side }) => kind === "filter" && side === "destination");
    default:
      return undefined;
  }
}

const BREAKERS: Readonly<Record<string, string>> = {
  circuit_breakers_default_cx_open: "connections",
  circuit_breakers_default_rq_pending_open: "waiting requests",
  circuit_breakers_default_rq_open: "requests",
  circuit_breakers_default_rq_retry_open: "retries",
};

/** Health, ejections and breakers, as they were. */
function clusterFacts(stats: ReadonlyMap<string, number>): readonly Fact[] {
  const facts: Fact[] = [];
  const total = stats.get("membership_total");
  if (total !== undefined) {
    facts.push({ name: "healthy endpoints then", value: `${stats.get("membership_healthy") ?? 0} of ${total}` });
  }
  const ejected = stats.get("outlier_detection_ejections_active") ?? 0;
  if (ejected > 0) facts.push({ name: "ejected as outliers then", value: String(ejected) });
  const open = Object.entries(BREAKERS).flatMap(([name, what]) => (stats.get(name) === 1 ? [what] : []));
  if (open.length > 0) facts.push({ name: "circuit breaker open then", value: open.join(", ") });
  return facts;
}

function factsOf(record: RequestRecord): readonly Fact[] {
  const facts: Fact[] = [];
  const add = (name: string, value: string): void => {
    if (value !== "") facts.push({ name, value });
  };
  add("flags", flagsInWords(record.flags));
  if (record.attempts > 1) add("attempts", `${record.attempts}; the last went to ${record.upstreamHost || "nobody"}`);
  add("transport", record.transportFailure);
  add("TLS", record.tlsVersion);
  add(record.reporter === "source" ? "server" : "client", record.peerPrincipal);
  add("from", record.downstreamRemote);
  add("request id", record.requestId);
  add("trace id", record.traceId);
  return facts;
}
