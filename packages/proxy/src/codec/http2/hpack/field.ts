import { VALUE, TOKEN } from "../../http1/characters.ts";
import { headerId } from "../../header-names.ts";

/** Which pseudo-header a name is; 0 for none. */
export const Pseudo = {
  none: 0,
  method: 1,
  scheme: 2,
  authority: 3,
  path: 4,
  status: 5,
  protocol: 6,
  unknown: 7,
} as const;

/** The pseudo-headers' names by what they are. */
export const PSEUDO_NAMES: readonly string[] = [
  "",
  ":method",
  ":scheme",
  ":authority",
  ":path",
  ":status",
  ":protocol",
];

/** A byte is in it that may not be. */
const BAD_NAME = 1;
const BAD_VALUE = 2;

/** RFC 7541 §4.1: what an entry counts beside its name and value. */
export const ENTRY_OVERHEAD = 32;

/** A header field as HPACK has it. Entries of a table are made once and looked at often, so they know what there is to know of them. */
export class HpackField {
  name = "";
  value = "";
  /** Of a known name (header-names.ts), else 0. */
  id = 0;
  pseudo = 0;
  /** BAD_NAME, BAD_VALUE. */
  faults = 0;

  /** Octets of name and value, and 32. */
  get size(): number {
    return this.name.length + this.value.length + ENTRY_OVERHEAD;
  }

  setName(name: string): void {
    this.name = name;
    this.pseudo = 0;
    this.id = 0;
    if (name.charCodeAt(0) === COLON) {
      const at = PSEUDO_NAMES.indexOf(name);
      this.pseudo = at < 0 ? Pseudo.unknown : at;
      this.faults = 0;
      return;
    }
    this.id = headerId(name);
    this.faults = this.id !== 0 || isName(name) ? 0 : BAD_NAME;
  }

  nameOf(other: HpackField): void {
    this.name = other.name;
    this.id = other.id;
    this.pseudo = other.pseudo;
    this.faults = other.faults & BAD_NAME;
  }

  setValue(value: string): void {
    this.value = value;
    if (!isValue(value)) this.faults |= BAD_VALUE;
  }
}

export function fieldOf(name: string, value: string): HpackField {
  const field = new HpackField();
  field.setName(name);
  field.setValue(value);
  return field;
}

const COLON = 58;

/** A token in lower case (RFC 9113 §8.2.1). */
function isName(name: string): boolean {
  for (let i = 0; i < name.length; i++) {
    const c = name.charCodeAt(i);
    if (TOKEN[c] !== c || c === 0) return false;
  }
  return name !== "";
}

function isValue(value: string): boolean {
  for (let i = 0; i < value.length; i++) if (VALUE[value.charCodeAt(i)] === 0) return false;
  return true;
}
