/** Whether something is well, by Kiali's rules. (kiali config/config.go `HealthConfig`, models/health_status.go; console-and-cli §1.1.7) */
import type { Health, HealthReport } from "@tulle/telemetry/insight";
import type { WorkloadFacts } from "./facts.ts";
import type { RequestCounts, SideCounts } from "./traffic-cell.ts";

/** Shares in percent from which on requests are degraded or failing; 0: any at all. */
interface Tolerance {
  readonly of: string;
  readonly protocol: "http" | "grpc";
  readonly matches: (code: string) => boolean;
  readonly degraded: number;
  readonly failure: number;
}

const TOLERANCES: readonly Tolerance[] = [
  { of: "5xx", protocol: "http", matches: (code) => code.startsWith("5"), degraded: 0, failure: 10 },
  { of: "4xx", protocol: "http", matches: (code) => code.startsWith("4"), degraded: 10, failure: 20 },
  { of: "no answer", protocol: "http", matches: (code) => code === "-", degraded: 0, failure: 10 },
  { of: "gRPC errors", protocol: "grpc", matches: (code) => code.startsWith("grpc-"), degraded: 0, failure: 10 },
  { of: "no answer", protocol: "grpc", matches: (code) => code === "-", degraded: 0, failure: 10 },
];

/** (kiali models/health_status.go: Failure 4 > Degraded 3 > Not Ready 2 > Healthy 1 > NA 0) */
const ORDER: Readonly<Record<Health, number>> = { failure: 4, degraded: 3, "not-ready": 2, healthy: 1, idle: 0 };

export const IDLE: HealthReport = { state: "idle", reasons: [] };

export function trafficHealth(side: SideCounts): HealthReport {
  if (side.requests === 0) return side.hasTcp ? { state: "healthy", reasons: [] } : IDLE;
  return worst([requestHealth("http", side.http), requestHealth("grpc", side.grpc)]);
}

function requestHealth(protocol: "http" | "grpc", counts: RequestCounts): HealthReport {
  if (counts.requests === 0) return IDLE;
  const reports = TOLERANCES.filter((tolerance) => tolerance.protocol === protocol).map((tolerance): HealthReport => {
    let matched = 0;
    for (const [code, count] of counts.byCode) if (tolerance.matches(code)) matched += count;
    const percent = (matched / counts.requests) * 100;
    if (matched === 0 || percent < tolerance.degraded) return { state: "healthy", reasons: [] };
    const reason = `${percentText(percent)} of the requests: ${tolerance.of}`;
    return { state: percent >= tolerance.failure ? "failure" : "degraded", reasons: [reason] };
  });
  return worst(reports);
}

/** (kiali business/health_calculator.go, workload status) */
export function workloadHealth({ instances, ready, proxies }: WorkloadFacts): HealthReport {
  if (instances === 0) return { state: "not-ready", reasons: ["no instance is registered"] };
  if (ready === 0) return { state: "failure", reasons: ["no instance is ready"] };
  if (ready < instances) return { state: "degraded", reasons: [`${ready} of ${instances} instances are ready`] };
  const late = proxies.filter(({ state }) => state === "NACKED");
  if (late.length > 0) {
    return { state: "degraded", reasons: [`${late.length} proxies have refused their configuration`] };
  }
  return { state: "healthy", reasons: [] };
}

/** The worst counts, with all its reasons. */
export function worst(reports: readonly HealthReport[]): HealthReport {
  let state: Health = "idle";
  for (const report of reports) if (ORDER[report.state] > ORDER[state]) state = report.state;
  const reasons = reports.filter((report) => report.state === state).flatMap((report) => report.reasons);
  return { state, reasons: [...new Set(reasons)] };
}

function percentText(percent: number): string {
  return `${percent < 10 ? percent.toFixed(1) : Math.round(percent)} %`;
}
