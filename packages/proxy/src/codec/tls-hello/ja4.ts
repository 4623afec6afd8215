/**
 * JA4: what a client's hello is like, whatever order its lists are in. (FoxIO `technical_details/JA4.md`, as Envoy has it:
 * `source/extensions/filters/listener/tls_inspector/ja4_fingerprint.cc`)
 */
import { NOTHING, Reader, isGrease } from "./reader.ts";

export interface Ja4 {
  /** `t13d1516h2`: version, whether a host is named, how many ciphers and extensions, the first protocol. */
  readonly prefix: string;
  /** What the second part is the beginning of a hash of; "" for none. */
  readonly ciphers: string;
  /** The same of the third. */
  readonly extensions: string;
}

const SERVER_NAME = 0;
const SIGNATURE_ALGORITHMS = 13;
const PROTOCOLS = 16;
const SUPPORTED_VERSIONS = 43;

const VERSIONS: Readonly<Record<number, string>> = { 0x0304: "13", 0x0303: "12", 0x0302: "11", 0x0301: "10" };

/** Of a hello that is well-formed. */
export function readJa4(version: number, cipherSuites: Uint8Array, extensions: Uint8Array): Ja4 {
  const ciphers = shorts(cipherSuites).filter(isNoGrease);
  const contents = new Map<number, Uint8Array>();
  const reader = new Reader(extensions);
  while (reader.left > 0) contents.set(reader.number(2), reader.vector(2));
  const types = [...contents.keys()].filter(isNoGrease);
  const listed = types.filter((type) => type !== SERVER_NAME && type !== PROTOCOLS);
  const signatures = shorts(new Reader(contents.get(SIGNATURE_ALGORITHMS) ?? NOTHING).vector(2));
  const named = contents.has(SERVER_NAME) ? "d" : "i";
  return {
    prefix: `t${newest(version, contents)}${named}${count(ciphers)}${count(types)}${protocol(contents.get(PROTOCOLS))}`,
    ciphers: sorted(ciphers),
    extensions:
      listed.length === 0 || signatures.length === 0 ? sorted(listed) : `${sorted(listed)}_${hex(signatures)}`,
  };
}

function newest(version: number, contents: ReadonlyMap<number, Uint8Array>): string {
  const content = contents.get(SUPPORTED_VERSIONS);
  const offered = content === undefined ? [] : shorts(new Reader(content).vector(1)).filter(isNoGrease);
  return VERSIONS[offered.length === 0 ? version : Math.max(...offered)] ?? "00";
}

/** The first and the last letter of the first protocol, or of its bytes in hexadecimal. */
function protocol(content: Uint8Array | undefined): string {
  const first = new Reader(content?.subarray(2) ?? NOTHING).vector(1);
  if (first.length === 0) return "00";
  const text = String.fromCharCode(first[0], first[first.length - 1]);
  if (/^[0-9A-Za-z]{2}$/.test(text)) return text;
  const [one, last] = [first[0], first[first.length - 1]].map((byte) => byte.toString(16).padStart(2, "0"));
  return one[0] + last[1];
}

const count = (values: readonly unknown[]): string => String(Math.min(values.length, 99)).padStart(2, "0");
const sorted = (values: readonly number[]): string => hex(values.toSorted((a, b) => a - b));
const isNoGrease = (value: number): boolean => !isGrease(value);

function hex(values: readonly number[]): string {
  return values.map((value) => value.toString(16).padStart(4, "0")).join(",");
}

function shorts(bytes: Uint8Array): number[] {
  const values: number[] = [];
  for (let at = 0; at + 2 <= bytes.length; at += 2) values.push((bytes[at] << 8) | bytes[at + 1]);
  return values;
}
