/** How the names of header lines are written. Envoy: `header_key_format`, `source/common/http/http1/header_formatter.cc`. */
import type { HeaderCasing } from "../header-block.ts";

/** null: in lower case; "proper": `Content-Type`; else as they came. */
export type HeaderCase = null | "proper" | PreservedCase;

/** What a peer sends is sent on as it wrote it, to whomever. (`source/extensions/http/header_formatters/preserve_case`) */
export interface PreservedCase {
  /** Names that the peer did not send are in proper case. */
  readonly othersProper: boolean;
  /** The reason phrase of a response, too. */
  readonly reasonPhrase: boolean;
}

/** The first letter and each one behind a character that is no letter or digit. Trailers stay as they are. */
const PROPER_CASE: HeaderCasing = {
  apply: (lines) => lines.replace(NAMES, properCased),
  reasonPhrase: "",
};

/** What a connection does to names of which nobody remembers how they came. */
export function ownCasing(headerCase: HeaderCase): HeaderCasing | null {
  return headerCase === "proper" ? PROPER_CASE : null;
}

/** Remembers how a head was written. */
export class ReceivedCase implements HeaderCasing {
  readonly reasonPhrase: string;
  private readonly head: string;
  private readonly othersProper: boolean;
  private names: ReadonlyMap<string, string> | null = null;

  /** @param head start line and header lines as they came */
  constructor(head: string, { othersProper, reasonPhrase }: PreservedCase) {
    this.head = head;
    this.othersProper = othersProper;
    this.reasonPhrase = reasonPhrase ? (REASON_PHRASE.exec(head)?.[1] ?? "") : "";
  }

  apply(lines: string): string {
    const names = (this.names ??= namesIn(this.head));
    return lines.replace(NAMES, (name) => names.get(name) ?? (this.othersProper ? properCased(name) : name));
  }
}

/** By lower-case name; what came first counts. */
function namesIn(head: string): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  for (const name of head.slice(head.indexOf("\n") + 1).match(NAMES) ?? []) {
    const lower = name.toLowerCase();
    if (!names.has(lower)) names.set(lower, name);
  }
  return names;
}

/** A line's name, of a line that begins one; compiled here, once. */
const NAMES = /^[^:\r\n \t][^:\r\n]*(?=:)/gm;
const FIRST_LETTERS = /(?<![a-z0-9])[a-z]/g;
const REASON_PHRASE = /^HTTP\/1\.[01] \d{3} ([^\r\n]*)/;

function properCased(name: string): string {
  return name.replace(FIRST_LETTERS, upperCased);
}

function upperCased(letter: string): string {
  return letter.toUpperCase();
}
