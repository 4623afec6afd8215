/**
 * Why a host is not simply healthy: several reasons may hold at once. In Envoy's order, with what `/clusters` writes for each.
 * Source: Envoy `envoy/upstream/upstream.h`, HEALTH_FLAG_ENUM_VALUES; `source/common/upstream/host_utility.cc`.
 */
export const HealthFlag = {
  FAILED_ACTIVE_HC: 0x1,
  FAILED_OUTLIER_CHECK: 0x2,
  FAILED_EDS_HEALTH: 0x4,
  DEGRADED_ACTIVE_HC: 0x8,
  DEGRADED_EDS_HEALTH: 0x10,
  PENDING_DYNAMIC_REMOVAL: 0x20,
  PENDING_ACTIVE_HC: 0x40,
  EXCLUDED_VIA_IMMEDIATE_HC_FAIL: 0x80,
  ACTIVE_HC_TIMEOUT: 0x100,
  EDS_STATUS_DRAINING: 0x200,
} as const;

export type HealthFlag = (typeof HealthFlag)[keyof typeof HealthFlag];

const { FAILED_ACTIVE_HC, FAILED_OUTLIER_CHECK, FAILED_EDS_HEALTH, EDS_STATUS_DRAINING } = HealthFlag;
const UNHEALTHY = FAILED_ACTIVE_HC | FAILED_OUTLIER_CHECK | FAILED_EDS_HEALTH | EDS_STATUS_DRAINING;
const DEGRADED = HealthFlag.DEGRADED_ACTIVE_HC | HealthFlag.DEGRADED_EDS_HEALTH;
/** Of no account at all: neither among the hosts that there are nor among the healthy ones. */
const EXCLUDED =
  HealthFlag.PENDING_ACTIVE_HC | HealthFlag.EXCLUDED_VIA_IMMEDIATE_HC_FAIL | HealthFlag.EDS_STATUS_DRAINING;

/** Envoy `Host::Health`. */
export type Health = "healthy" | "degraded" | "unhealthy";

export function healthOf(flags: number): Health {
  if ((flags & UNHEALTHY) !== 0) return "unhealthy";
  return (flags & DEGRADED) !== 0 ? "degraded" : "healthy";
}

export function isExcluded(flags: number): boolean {
  return (flags & EXCLUDED) !== 0;
}

/** As admin `/clusters` writes them; `healthy` if there are none. */
export function healthFlagsText(flags: number): string {
  let text = "";
  // cold: for the admin endpoint
  for (const [name, flag] of Object.entries(HealthFlag)) if ((flags & flag) !== 0) text += `/${name.toLowerCase()}`;
  return text === "" ? "healthy" : text;
}
