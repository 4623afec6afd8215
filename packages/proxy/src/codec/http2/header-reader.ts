import { AUTHORITY, TOKEN } from "../http1/characters.ts";
import { HeaderBlock } from "../header-block.ts";
import {
  CONNECTION,
  CONTENT_LENGTH,
  COOKIE,
  HOST,
  HeaderClass,
  KEEP_ALIVE,
  KNOWN_HEADERS,
  PROXY_CONNECTION,
  TE,
  TRANSFER_ENCODING,
  UPGRADE,
} from "../header-names.ts";
import type { RequestHead, ResponseHead } from "../messages.ts";
import { MESSAGE_ERRORS } from "./errors.ts";
import type { FieldReceiver } from "./hpack/decoder.ts";
import { type HpackField, Pseudo } from "./hpack/field.ts";

/** What a block of headers is of. */
export const REQUEST = 0;
export const RESPONSE = 1;
export const TRAILERS = 2;

/** What bounds a message's headers. */
export interface HeaderLimits {
  readonly maxHeadersBytes: number;
  readonly maxHeadersCount: number;
  readonly allowConnect: boolean;
  readonly headersWithUnderscores: "allow" | "reject" | "drop";
}

/** Known names that need a look. */
const FORBIDDEN = 1;
const LENGTH = 2;
const OF_HOST = 3;
const CRUMB = 4;
const OF_TE = 5;
const SPECIAL = new Uint8Array(KNOWN_HEADERS);
// RFC 9113 §8.2.2.
for (const id of [CONNECTION, KEEP_ALIVE, PROXY_CONNECTION, TRANSFER_ENCODING, UPGRADE]) SPECIAL[id] = FORBIDDEN;
SPECIAL[CONTENT_LENGTH] = LENGTH;
SPECIAL[HOST] = OF_HOST;
SPECIAL[COOKIE] = CRUMB;
SPECIAL[TE] = OF_TE;

/** Bytes of a scheme (RFC 3986 §3.1), and what the library that Envoy uses takes in a path and in an authority (nghttp2_http.c, settled with Envoy 1.40). */
const SCHEME = Uint8Array.from({ length: 256 }, (_, c) => (/[-+.0-9A-Za-z]/.test(String.fromCharCode(c)) ? 1 : 0));
const PATH = Uint8Array.from({ length: 256 }, (_, c) => (c > 32 && c !== 127 ? 1 : 0));
const HOSTS = AUTHORITY.slice();
HOSTS["@".charCodeAt(0)] = 0;

const NO_LENGTH = -1;

/**
 * Makes a message's head or trailers of the fields of a block, and says what is wrong with them: RFC 9113 §8, as strict as Envoy (nghttp2's
 * verdicts). What it finds first counts.
 */
export class HeaderReader implements FieldReceiver {
  /** One of MESSAGE_ERRORS, "" while all is well. */
  error = "";
  /** Octets of names and values. */
  bytes = 0;
  /** −1: none is told. */
  contentLength = NO_LENGTH;
  status = 0;
  /** A header's name has had an underscore, and was dropped. */
  dropped = 0;
  private readonly limits: HeaderLimits;
  private readonly isServer: boolean;
  private block: HeaderBlock = UNUSED;
  private kind = REQUEST;
  private count = 0;
  /** Pseudo-headers that there were, as bits. */
  private pseudos = 0;
  private regular = false;
  private hasHost = false;
  private host = "";
  private cookies = "";
  private method = "";
  private scheme = "";
  private authority = "";
  private path = "";
  private protocol = "";

  constructor(limits: HeaderLimits, isServer: boolean) {
    this.limits = limits;
    this.isServer = isServer;
  }

  /** @param block gets the regular fields; empty */
  begin(kind: number, block: HeaderBlock): void {
    this.kind = kind;
    this.block = block;
    this.error = "";
    this.bytes = 0;
    this.count = 0;
    this.contentLength = NO_LENGTH;
    this.dropped = 0;
    this.pseudos = 0;
    this.regular = false;
    this.hasHost = false;
    this.host = "";
    this.cookies = "";
    this.protocol = "";
    this.status = 0;
  }

  onField(field: HpackField): void {
    this.bytes += field.name.length + field.value.length;
    this.count++;
    if (this.error !== "") return;
    if (this.bytes > this.limits.maxHeadersBytes) this.error = MESSAGE_ERRORS.headersTooLarge;
    else if (this.count > this.limits.maxHeadersCount) this.error = MESSAGE_ERRORS.tooManyHeaders;
    else if (field.faults !== 0) this.error = MESSAGE_ERRORS.header;
    else if (field.pseudo !== 0) this.readPseudo(field);
    else this.readRegular(field);
  }

  private readRegular({ id, name, value }: HpackField): void {
    this.regular = true;
    if (id === 0) {
      if (this.isServer && this.limits.headersWithUnderscores !== "allow" && name.includes("_")) {
        this.dropped++;
        if (this.limits.headersWithUnderscores === "reject") this.error = MESSAGE_ERRORS.underscore;
      } else this.block.appendNamed(name, value);
      return;
    }
    const special = SPECIAL[id];
    if (special !== 0 && !this.readSpecial(special, value)) return;
    this.block.append(id, value);
  }

  /** False if it is none of the fields that go on. */
  private readSpecial(special: number, value: string): boolean {
    switch (special) {
      case FORBIDDEN:
        return this.fail(MESSAGE_ERRORS.header);
      case OF_TE:
        return value.toLowerCase() === "trailers" || this.fail(MESSAGE_ERRORS.header);
      case LENGTH:
        if (this.contentLength >= 0) return this.fail(MESSAGE_ERRORS.header);
        this.contentLength = lengthOf(value);
        return this.contentLength >= 0 || this.fail(MESSAGE_ERRORS.header);
      case OF_HOST:
        if (this.kind !== REQUEST) return true;
        if (this.hasHost || !consistsOf(HOSTS, value)) return this.fail(MESSAGE_ERRORS.header);
        this.hasHost = true;
        this.host = value;
        return false;
      default:
        // RFC 9113 §8.2.3: one cookie may come in several fields.
        if (this.kind !== REQUEST) return true;
        this.cookies = this.cookies === "" ? value : this.cookies + "; " + value;
        return false;
    }
  }

  private fail(error: string): false {
    this.error = error;
    return false;
  }

  private readPseudo({ pseudo, value }: HpackField): void {
    const bit = 1 << pseudo;
    const allowed = this.kind === REQUEST ? REQUEST_PSEUDOS : this.kind === RESPONSE ? RESPONSE_PSEUDOS : 0;
    if (this.regular || (allowed & bit) === 0 || (this.pseudos & bit) !== 0 || value === "") {
      this.error = MESSAGE_ERRORS.header;
      return;
    }
    this.pseudos |= bit;
    let valid = true;
    switch (pseudo) {
      case Pseudo.method:
        valid = value === this.method || isMethod(value);
        this.method = value;
        break;
      case Pseudo.scheme:
        valid = value === this.scheme || isScheme(value);
        this.scheme = value;
        break;
      case Pseudo.authority:
        valid = value === this.authority || consistsOf(HOSTS, value);
        this.authority = value;
        break;
      case Pseudo.path:
        valid = consistsOf(PATH, value);
        this.path = value;
        break;
      case Pseudo.protocol:
        valid = this.limits.allowConnect;
        this.protocol = value;
        break;
      default:
        this.status = statusOf(value);
        valid = this.status >= 0;
    }
    if (valid) return;
    this.error = MESSAGE_ERRORS.header;
    // What is remembered from one message to the next is valid.
    this.method = "";
    this.scheme = "";
    this.authority = "";
  }

  private has(pseudo: number): boolean {
    return (this.pseudos & (1 << pseudo)) !== 0;
  }

  /** The block is over. False: `error` says why the request is malformed. */
  finishRequest(head: RequestHead): boolean {
    if (this.error !== "") return false;
    const hasAuthority = this.has(Pseudo.authority);
    const extended = this.has(Pseudo.protocol);
    if (!this.has(Pseudo.method) || !(hasAuthority || this.hasHost)) return this.fail(MESSAGE_ERRORS.messaging);
    const { method } = this;
    if (method === "CONNECT" && !extended) {
      if (this.has(Pseudo.scheme) || this.has(Pseudo.path) || !hasAuthority) return this.fail(MESSAGE_ERRORS.messaging);
    } else {
      if (!this.has(Pseudo.scheme) || !this.has(Pseudo.path) || !this.isPathFor(method)) {
        return this.fail(MESSAGE_ERRORS.messaging);
      }
      if (extended && (method !== "CONNECT" || !hasAuthority)) return this.fail(MESSAGE_ERRORS.messaging);
      head.path = this.path;
      // Others say nothing that Envoy would go by (`Utility::schemeIsValid`).
      head.scheme = this.scheme === "http" || this.scheme === "https" ? this.scheme : schemeOfWeb(this.scheme);
    }
    head.method = extended ? "GET" : method;
    head.authority = hasAuthority ? this.authority : this.host;
    head.hasAuthority = true;
    const { block } = this;
    if (this.cookies !== "") block.append(COOKIE, this.cookies);
    if ((block.classes & HeaderClass.repeated) !== 0) block.joinRepeated(true);
    if (extended) {
      // Envoy `Utility::transformUpgradeRequestFromH2toH1`.
      head.upgrade = this.protocol;
      block.append(UPGRADE, this.protocol);
      block.append(CONNECTION, "upgrade");
    }
    return true;
  }

  private isPathFor(method: string): boolean {
    const { scheme, path } = this;
    if (scheme !== "http" && scheme !== "https" && !/^https?$/i.test(scheme)) return true;
    return path.charCodeAt(0) === SLASH || (path === "*" && method === "OPTIONS");
  }

  /** False: `error` says why the response is malformed. */
  finishResponse(head: ResponseHead): boolean {
    if (this.error !== "") return false;
    if (!this.has(Pseudo.status)) return this.fail(MESSAGE_ERRORS.messaging);
    head.status = this.status;
    const { block } = this;
    if ((block.classes & HeaderClass.repeated) !== 0) block.joinRepeated(false);
    // A length of nothing is prohibited, and harmless.
    if (this.contentLength >= 0 && (this.status === 204 || this.status < 200)) {
      if (this.contentLength > 0) return this.fail(MESSAGE_ERRORS.header);
      block.remove(CONTENT_LENGTH);
    }
    return true;
  }

  /** False: `error` says why the trailers are malformed. */
  finishTrailers(): boolean {
    return this.error === "";
  }
}

const REQUEST_PSEUDOS =
  (1 << Pseudo.method) | (1 << Pseudo.scheme) | (1 << Pseudo.authority) | (1 << Pseudo.path) | (1 << Pseudo.protocol);
const RESPONSE_PSEUDOS = 1 << Pseudo.status;
const SLASH = 0x2f;
const UNUSED = new HeaderBlock();

function consistsOf(table: Uint8Array, value: string): boolean {
  for (let i = 0; i < value.length; i++) if (table[value.charCodeAt(i)] === 0) return false;
  return true;
}

function isMethod(value: string): boolean {
  return value === "GET" || value === "POST" || consistsOf(TOKEN, value);
}

function isScheme(value: string): boolean {
  return value === "http" || value === "https" || (/^[A-Za-z]/.test(value) && consistsOf(SCHEME, value));
}

function schemeOfWeb(scheme: string): string {
  return /^https?$/i.test(scheme) ? scheme.toLowerCase() : "";
}

/** 1*DIGIT up to 2^53 − 1; −1 otherwise. */
function lengthOf(text: string): number {
  if (text === "" || text.length > 16) return NO_LENGTH;
  let length = 0;
  for (let i = 0; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 48;
    if (digit < 0 || digit > 9) return NO_LENGTH;
    length = length * 10 + digit;
  }
  return length <= Number.MAX_SAFE_INTEGER ? length : NO_LENGTH;
}

/** Three digits from 100 on; 101 is not for HTTP/2 (RFC 9113 §8.6). −1 otherwise. */
function statusOf(value: string): number {
  if (value === "200") return 200;
  if (value.length !== 3) return -1;
  const status = lengthOf(value);
  return status < 100 || status === 101 ? -1 : status;
}
