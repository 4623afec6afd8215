/** What a proxy's state means: pure. */
import type { ProxyStatus } from "../api/types.ts";
import { worst } from "../ui/tone.ts";
import type { Tone } from "../ui/tone.ts";

/** The proxy refused what it was sent. */
export const NACK = "ERROR";

const TONES: Readonly<Record<string, Tone>> = { SYNCED: "ok", STALE: "warn", NOT_SENT: "none", [NACK]: "bad" };
const NAMES: Readonly<Record<string, string>> = {
  SYNCED: "Up to date",
  STALE: "On its way",
  NOT_SENT: "Nothing sent",
  [NACK]: "Refused",
};

export function stateTone(state: string): Tone {
  return TONES[state] ?? "warn";
}

export function stateName(state: string): string {
  return NAMES[state] ?? state;
}

export function syncTone(types: ProxyStatus["types"]): Tone {
  return worst(Object.values(types).map(({ state }) => stateTone(state)));
}

/** `Up to date`, or of which types it is not: `Refused: RDS`. */
export function describeSync(types: ProxyStatus["types"]): string {
  const tone = syncTone(types);
  if (tone === "none") return "Nothing asked for";
  if (tone === "ok") return NAMES["SYNCED"]!;
  const affected = Object.entries(types).filter(([, { state }]) => stateTone(state) === tone);
  return `${stateName(affected[0]![1].state)}: ${affected.map(([type]) => type).join(", ")}`;
}

/** A workload's certificate is renewed long before it ends; one that has less than this left was not. */
const SOON_MS = 3_600_000;

export function expiryTone(atMs: number, nowMs: number): Tone {
  if (atMs <= nowMs) return "bad";
  return atMs - nowMs < SOON_MS ? "warn" : "ok";
}

/** Authorities and gateways' certificates, which people replace: 30 days' warning, 7 days' alarm. */
export function longExpiryTone(atMs: number, nowMs: number): Tone {
  const days = (atMs - nowMs) / 86_400_000;
  if (days < 7) return "bad";
  return days < 30 ? "warn" : "ok";
}
