import { X_FORWARDED_FOR } from "../codec/header-names.ts";
import type { RequestHead } from "../codec/messages.ts";
import { canonicalAddress } from "../ip-address.ts";
import type { AddressDetector } from "../plan/compile-address-detection.ts";

export const NOT_DETECTED = 0;
const DETECTED = 1;
/** And it may be one of our own. */
export const DETECTED_TRUSTED = 2;

/** Where the request says that it comes from, in `forwardedFor`. Gives what has come of it, or the status to turn the request away with. */
export function detectAddress(request: RequestHead, detectors: readonly AddressDetector[]): number {
  request.forwardedFor = "";
  for (let i = 0; i < detectors.length; i++) {
    const detector = detectors[i];
    if (detector.kind === "header") {
      request.forwardedFor = canonicalAddress(request.headers.first(detector.name) ?? "");
      if (request.forwardedFor !== "") return detector.trusted ? DETECTED_TRUSTED : DETECTED;
      if (detector.rejection > 0) return detector.rejection;
    } else {
      const forwardedFor = request.headers.get(X_FORWARDED_FOR);
      request.forwardedFor = canonicalAddress(nthFromRight(forwardedFor, detector.trustedHops + 1));
      // With several addresses nobody knows who added which.
      if (request.forwardedFor !== "") return forwardedFor.includes(",") ? DETECTED : DETECTED_TRUSTED;
    }
  }
  return NOT_DETECTED;
}

/** The N-th address from the right of an x-forwarded-for, "" if there are fewer. */
export function nthFromRight(forwardedFor: string, n: number): string {
  let end = forwardedFor.length;
  let comma = forwardedFor.lastIndexOf(",");
  for (; n > 1; n--) {
    if (comma < 0) return "";
    end = comma;
    comma = end === 0 ? -1 : forwardedFor.lastIndexOf(",", end - 1);
  }
  return forwardedFor.slice(comma + 1, end).trim();
}
