/** Base64url as Envoy reads it (absl `WebSafeBase64Unescape`). */

const PLAIN = /^[\w-]*$/;
const PADDED = /^([\w-]*)(={0,2})$/;

/** Null if it is none. White space is passed over; padding is there in full or not at all. */
export function decodeBase64Url(text: string): Buffer | null {
  const compact = PLAIN.test(text) ? text : withoutSpaceAndPadding(text);
  // One character holds less than a byte.
  return compact === null || compact.length % 4 === 1 ? null : Buffer.from(compact, "base64url");
}

function withoutSpaceAndPadding(text: string): string | null {
  const [, content, padding] = PADDED.exec(text.replaceAll(/[\t-\r ]/g, "")) ?? [];
  if (content === undefined || padding === undefined) return null;
  return padding === "" || (content.length + padding.length) % 4 === 0 ? content : null;
}
