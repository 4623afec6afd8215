/** The home page's answer: what the telemetry thread says, and what only the main thread knows. */
import { X509Certificate } from "node:crypto";
import type { CertificateEnd, ConfigProblem, Overview } from "@tulle/telemetry/insight";
import { originOf } from "../model/origin.ts";
import { Statuses } from "../status/statuses.ts";
import type { OverviewTraffic } from "../telemetry/insight/insight.ts";
import type { ApiContext } from "./handler.ts";
import { configured } from "./mesh-facts.ts";
import { proxySyncs } from "./proxy-sync.ts";
import { refTo } from "./traffic-rules.ts";

const DAY_MS = 86_400_000;
/** A workload's certificate is renewed when half of its time is over: one that has less than an hour is late. */
const LATE_MS = 3_600_000;
const MAX_LISTED = 50;

export function overviewOf(context: ApiContext, traffic: OverviewTraffic): Overview {
  const { active } = configured(context.pusher.current()).rules;
  const proxies = proxySyncs(context);
  const late = proxies.filter(({ state }) => state !== "SYNCED");
  return {
    ...traffic,
    certificates: certificatesOf(context),
    active,
    problems: problemsOf(context),
    proxies: { total: proxies.length, synced: proxies.length - late.length, late: late.slice(0, MAX_LISTED) },
  };
}

function certificatesOf({ identities, pusher, clock }: ApiContext): readonly CertificateEnd[] {
  const now = clock.now();
  const end = (what: CertificateEnd["what"], name: string, notAfter: number): CertificateEnd => ({
    what,
    name,
    notAfter,
    daysLeft: Math.floor((notAfter - now) / DAY_MS),
  });
  const found: CertificateEnd[] = [];
  if (identities !== undefined) {
    const { roots, chain } = identities.authority.current;
    for (const pem of roots) found.push(end("root", ...nameAndEnd(pem)));
    for (const pem of chain) found.push(end("intermediate", ...nameAndEnd(pem)));
    for (const { identity, notAfter } of identities.ledger.current()) {
      if (notAfter - now < LATE_MS) found.push(end("workload", identity, notAfter));
    }
  }
  for (const [name, { certificate }] of pusher.current().credentials) {
    const pem = certificate === undefined ? undefined : firstOf(certificate);
    if (pem !== undefined) found.push(end("gateway", name, Date.parse(pem.validTo)));
  }
  return found.sort((a, b) => a.notAfter - b.notAfter).slice(0, MAX_LISTED);
}

function nameAndEnd(pem: string): [name: string, notAfter: number] {
  const { subject, validToDate } = new X509Certificate(pem);
  return [subject.split("\n").join(", "), validToDate.getTime()];
}

/** A Secret may hold anything; that it is no certificate is said by its status. */
function firstOf(pem: Uint8Array | string): X509Certificate | undefined {
  try {
    return new X509Certificate(pem);
  } catch {
    return undefined;
  }
}

/** What is wrong with the files, and objects that do not do what they say. */
function problemsOf({ directory, pusher }: ApiContext): readonly ConfigProblem[] {
  const found: ConfigProblem[] = directory.diagnostics
    .filter(({ severity }) => severity === "error")
    .map(({ kind, namespace, name, file, line, message, field }) => ({
      severity: "error",
      object: { kind, namespace, name, file, line, ...(field === "" ? {} : { field }) },
      message,
    }));
  const statuses = new Statuses(pusher.current());
  for (const stored of directory.objects) {
    if (!stored.loaded.kindInfo.isMeshConfig) continue;
    for (const { type, message, field } of statuses.of(stored)) {
      if (type === "InForce") continue;
      const object = { ...refTo(originOf(stored.loaded)), ...(field === undefined ? {} : { field }) };
      found.push({ severity: type === "Invalid" ? "error" : "warning", object, message: `${type}: ${message}` });
    }
  }
  return found.slice(0, MAX_LISTED);
}
