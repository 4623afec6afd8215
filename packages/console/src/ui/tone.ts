/** How good or bad something is. Never told by colour alone: each tone has a shape. */
import type { IconName } from "./icon.tsx";

export type Tone = "ok" | "warn" | "bad" | "info" | "none";

export const TONE_ICONS: Readonly<Record<Tone, IconName>> = {
  ok: "ok",
  warn: "warn",
  bad: "bad",
  info: "info",
  none: "none",
};

const ORDER: readonly Tone[] = ["none", "info", "ok", "warn", "bad"];

export function worst(tones: Iterable<Tone>): Tone {
  let found: Tone = "none";
  for (const tone of tones) if (ORDER.indexOf(tone) > ORDER.indexOf(found)) found = tone;
  return found;
}
