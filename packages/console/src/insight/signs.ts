/** What stands for a state, in tables and in the graph alike: a tone, a shape and a word. Pure. */
import type { BadgeKind, GraphEdge, Health, MutualTls, RequestStats, TcpStats } from "@tulle/telemetry/insight";
import { formatBytes, formatRate } from "../format/numbers.ts";
import type { IconName } from "../ui/icon.tsx";
import type { Tone } from "../ui/tone.ts";

/** Worst first. */
export const HEALTH_ORDER: readonly Health[] = ["failure", "degraded", "not-ready", "healthy", "idle"];

export const HEALTH: Readonly<Record<Health, { readonly tone: Tone; readonly name: string }>> = {
  failure: { tone: "bad", name: "Failing" },
  degraded: { tone: "warn", name: "Degraded" },
  "not-ready": { tone: "warn", name: "Not ready" },
  healthy: { tone: "ok", name: "Healthy" },
  idle: { tone: "none", name: "No traffic" },
};

export const MTLS: Readonly<
  Record<MutualTls["state"], { readonly tone: Tone; readonly icon: IconName; readonly name: string }>
> = {
  all: { tone: "ok", icon: "lock", name: "mTLS" },
  some: { tone: "warn", icon: "unlock", name: "mTLS in part" },
  none: { tone: "bad", icon: "unlock", name: "Plaintext" },
  unknown: { tone: "none", icon: "none", name: "Not known" },
};

export const BADGE_ICONS: Readonly<Record<BadgeKind, IconName>> = {
  "virtual-service": "config",
  shifting: "shift",
  "tcp-shifting": "shift",
  fault: "fault",
  mirror: "mirror",
  timeout: "timeout",
  retries: "undo",
  "circuit-breaker": "breaker",
  fallback: "security",
  "rate-limit": "timeout",
  "missing-sidecar": "unlock",
  gateway: "proxy",
};

/** Badges that somebody should look at. */
export function isWarning(kind: BadgeKind): boolean {
  return kind === "fault" || kind === "missing-sidecar";
}

/** What is counted where it is asked for and where it arrives; TCP connections have bytes and no requests. */
interface Volume {
  readonly http: RequestStats | null;
  readonly grpc?: GraphEdge["grpc"];
  readonly tcp: TcpStats | null;
}

export function requestsOf({ http, grpc }: Pick<Volume, "http" | "grpc">): RequestStats | null {
  return http ?? grpc ?? null;
}

/** Requests a second, or bytes where there are none. */
export function formatVolume(volume: Volume): string {
  const requests = requestsOf(volume);
  if (requests !== null || volume.tcp === null) return formatRate(requests?.rps);
  return `${formatBytes(volume.tcp.sentBytesPerSecond + volume.tcp.receivedBytesPerSecond)}/s`;
}
