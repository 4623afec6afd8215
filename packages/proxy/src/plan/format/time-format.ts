/**
 * Formats of `%START_TIME(…)%`: strftime(3) with Envoy's `%f`, `%3f` (fractions of a second) and what its time library adds (`%E3S`, `%Ez`).
 * Envoy `source/common/common/utility.cc`, DateFormatter; Abseil `absl/time/format.cc`. Requests of the same second share their text but for
 * the fraction.
 */
import { FormatError } from "./command.ts";

/** Renders one conversion. `date` is shifted so that its UTC fields are the zone's. */
type Field = (date: Date, zone: Zone) => string;

interface Zone {
  /** Minutes east of UTC. */
  readonly offset: number;
  readonly name: string;
}

const UTC: Zone = { offset: 0, name: "UTC" };

/** Digits of the fraction of a second; `trimmed`: without zeros at the end, and nothing if that is all. */
interface Fraction {
  readonly digits: number;
  readonly trimmed: boolean;
  readonly point: boolean;
}

const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const MONTHS = "January February March April May June July August September October November December".split(" ");

const two = (value: number, pad = "0"): string => String(value).padStart(2, pad);
const day = (date: Date): string => DAYS[date.getUTCDay()];
const month = (date: Date): string => MONTHS[date.getUTCMonth()];
const hour12 = (date: Date): number => date.getUTCHours() % 12 || 12;
const clock = (date: Date): string =>
  `${two(date.getUTCHours())}:${two(date.getUTCMinutes())}:${two(date.getUTCSeconds())}`;
const slashed = (date: Date): string =>
  `${two(date.getUTCMonth() + 1)}/${two(date.getUTCDate())}/${two(date.getUTCFullYear() % 100)}`;

/** From 0. */
function dayOfYear(date: Date): number {
  return Math.round(
    (Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate()) - Date.UTC(date.getUTCFullYear(), 0, 1)) /
      86_400_000,
  );
}

/** Weeks of ISO 8601: the first one has the year's first Thursday. */
function isoWeek(date: Date): { year: number; week: number } {
  const thursday = new Date(date.getTime() + (4 - (date.getUTCDay() || 7)) * 86_400_000);
  return { year: thursday.getUTCFullYear(), week: Math.floor(dayOfYear(thursday) / 7) + 1 };
}

function offset(zone: Zone, colon: string, seconds: boolean): string {
  const minutes = Math.abs(zone.offset);
  const text = `${zone.offset < 0 ? "-" : "+"}${two(Math.floor(minutes / 60))}${colon}${two(minutes % 60)}`;
  return seconds ? `${text}${colon}00` : text;
}

/** The C locale's. */
const FIELDS: Readonly<Record<string, Field>> = {
  a: (date) => day(date).slice(0, 3),
  A: day,
  b: (date) => month(date).slice(0, 3),
  B: month,
  c: (date) =>
    `${day(date).slice(0, 3)} ${month(date).slice(0, 3)} ${two(date.getUTCDate(), " ")} ${clock(date)} ${date.getUTCFullYear()}`,
  C: (date) => two(Math.floor(date.getUTCFullYear() / 100)),
  d: (date) => two(date.getUTCDate()),
  D: slashed,
  e: (date) => two(date.getUTCDate(), " "),
  F: (date) => `${date.getUTCFullYear()}-${two(date.getUTCMonth() + 1)}-${two(date.getUTCDate())}`,
  g: (date) => two(isoWeek(date).year % 100),
  G: (date) => String(isoWeek(date).year),
  h: (date) => month(date).slice(0, 3),
  H: (date) => two(date.getUTCHours()),
  I: (date) => two(hour12(date)),
  j: (date) => String(dayOfYear(date) + 1).padStart(3, "0"),
  k: (date) => two(date.getUTCHours(), " "),
  l: (date) => two(hour12(date), " "),
  m: (date) => two(date.getUTCMonth() + 1),
  M: (date) => two(date.getUTCMinutes()),
  p: (date) => (date.getUTCHours() < 12 ? "AM" : "PM"),
  P: (date) => (date.getUTCHours() < 12 ? "am" : "pm"),
  r: (date) =>
    `${two(hour12(date))}:${two(date.getUTCMinutes())}:${two(date.getUTCSeconds())} ${date.getUTCHours() < 12 ? "AM" : "PM"}`,
  R: (date) => `${two(date.getUTCHours())}:${two(date.getUTCMinutes())}`,
  s: (date, zone) => String(Math.floor(date.getTime() / 1000) - zone.offset * 60),
  S: (date) => two(date.getUTCSeconds()),
  t: () => "\t",
  T: clock,
  u: (date) => String(date.getUTCDay() || 7),
  U: (date) => two(Math.floor((dayOfYear(date) + 7 - date.getUTCDay()) / 7)),
  V: (date) => two(isoWeek(date).week),
  w: (date) => String(date.getUTCDay()),
  W: (date) => two(Math.floor((dayOfYear(date) + 7 - ((date.getUTCDay() + 6) % 7)) / 7)),
  x: slashed,
  X: clock,
  y: (date) => two(date.getUTCFullYear() % 100),
  Y: (date) => String(date.getUTCFullYear()),
  z: (_, zone) => offset(zone, "", false),
  ":z": (_, zone) => offset(zone, ":", false),
  "::z": (_, zone) => offset(zone, ":", true),
  Z: (_, zone) => zone.name,
  "%": () => "%",
  E4Y: (date) => String(date.getUTCFullYear()).padStart(4, "0"),
  ET: () => "T",
  Ez: (_, zone) => offset(zone, ":", false),
  "E*z": (_, zone) => offset(zone, ":", true),
};

/** A conversion. `E` and `O` before strftime's own change nothing in the C locale. */
const CONVERSION =
  /%(?:([1-9]?)f|E(\d{1,2}|\*)([Sf])|(E4Y|ET|Ez|E\*z|::?z)|(?:E(?=[cCxXyY])|O(?=[deHImMSuUVwWy]))?([a-zA-DF-NP-Z%]))/y;

/** Throws FormatError where a conversion is not known. @param format "" for ISO 8601 with milliseconds */
export function compileTimeFormat(format: string, local: boolean): TimeFormat {
  // Such a line end could come into a header. Source: Envoy stream_info_formatter.cc, getSystemTimeFormatNewlinePattern.
  if (/%[-_0^#]*[1-9]*[EO]?n/.test(format)) {
    throw new FormatError("Invalid header configuration. Format string contains newline.");
  }
  const pieces: (Field | Fraction)[] = [];
  const text = format === "" ? (local ? "%Y-%m-%dT%H:%M:%E3S%z" : "%Y-%m-%dT%H:%M:%E3SZ") : format;
  for (let i = 0; i < text.length;) {
    const next = text.indexOf("%", i);
    const literal = text.slice(i, next < 0 ? undefined : next);
    if (literal !== "") pieces.push(() => literal);
    if (next < 0) break;
    CONVERSION.lastIndex = next;
    const match = CONVERSION.exec(text);
    if (match === null) throw unknownConversion(text.slice(next, next + 3));
    pieces.push(...conversion(match, local));
    i = CONVERSION.lastIndex;
  }
  return new TimeFormat(pieces, local);
}

function conversion(match: RegExpExecArray, local: boolean): (Field | Fraction)[] {
  const [text, width, abseilWidth, abseilKind, extension, letter] = match;
  if (abseilWidth !== undefined) {
    const trimmed = abseilWidth === "*";
    const digits = trimmed ? 15 : Math.min(Number(abseilWidth), 15);
    if (abseilKind === "f") return digits === 0 ? [] : [{ digits, trimmed, point: false }];
    return digits === 0 ? [FIELDS["S"]] : [FIELDS["S"], { digits, trimmed, point: true }];
  }
  if (extension !== undefined) return [FIELDS[extension]];
  if (letter === undefined) return [{ digits: width === "" ? 9 : Number(width), trimmed: false, point: false }];
  const field = FIELDS[letter];
  if (field === undefined) throw unknownConversion(text);
  // JavaScript knows zones by their offset only.
  if (letter === "Z" && local && new Date().getTimezoneOffset() !== 0) throw unknownConversion(text);
  return [field];
}

function unknownConversion(text: string): FormatError {
  return new FormatError(`time format: ${text} is not supported`);
}

export class TimeFormat {
  /** What is the same for a whole second, around the fractions: one more than those. */
  private readonly groups: readonly (readonly Field[])[];
  private readonly fractions: readonly Fraction[];
  private readonly local: boolean;
  private second = NaN;
  private readonly texts: string[];

  constructor(pieces: readonly (Field | Fraction)[], local: boolean) {
    const groups: Field[][] = [[]];
    const fractions: Fraction[] = [];
    for (const piece of pieces) {
      if (typeof piece === "function") groups[groups.length - 1].push(piece);
      else {
        fractions.push(piece);
        groups.push([]);
      }
    }
    this.groups = groups;
    this.fractions = fractions;
    this.local = local;
    this.texts = groups.map(() => "");
  }

  /** @param wallMs since 1970, with fractions */
  format(wallMs: number): string {
    const second = Math.floor(wallMs / 1000);
    if (second !== this.second) this.render(second);
    const { texts, fractions } = this;
    let text = texts[0];
    for (let i = 0; i < fractions.length; i++) text += fraction(fractions[i], wallMs - second * 1000) + texts[i + 1];
    return text;
  }

  private render(second: number): void {
    this.second = second;
    const utc = new Date(second * 1000);
    const zone = this.local ? localZone(utc) : UTC;
    const date = zone.offset === 0 ? utc : new Date(utc.getTime() + zone.offset * 60_000);
    this.groups.forEach((fields, i) => {
      this.texts[i] = fields.map((field) => field(date, zone)).join("");
    });
  }
}

function localZone(date: Date): Zone {
  return { offset: -date.getTimezoneOffset(), name: "UTC" };
}

/** "000" to "999". */
const MILLIS = Array.from({ length: 1000 }, (_, ms) => String(ms).padStart(3, "0"));

/** @param ms in [0, 1000) */
function fraction({ digits, trimmed, point }: Fraction, ms: number): string {
  const whole = Math.floor(ms);
  if (digits === 3 && !trimmed) return point ? `.${MILLIS[whole]}` : MILLIS[whole];
  // The clock's own resolution is no finer than a microsecond.
  const micros = Math.floor((ms - whole) * 1000);
  let text = (MILLIS[whole] + MILLIS[micros]).padEnd(digits, "0").slice(0, digits);
  if (trimmed) text = text.replace(/0+$/, "");
  if (text === "" && !point) return "0";
  return point && text !== "" ? `.${text}` : text;
}
