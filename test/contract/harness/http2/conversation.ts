/**
 * One end of an HTTP/2 connection: reads what the proxy sends, keeps what a person wants to see of it, and answers what every peer
 * answers by itself (SETTINGS, PING, windows), unless a case does that by hand.
 */
import { ERROR_CODES, FLAG, FRAME_TYPES, PREFACE, SETTINGS_ACK, ping, windowUpdate } from "./frames.ts";
import { type HeaderField, HpackDecoder } from "./hpack.ts";

/** What is answered without being asked for. */
export type Duty = "settings" | "pings" | "windows";

interface H2Stream {
  readonly id: number;
  /** Heads, trailers and pieces of data, as they came. */
  readonly parts: Part[];
  /** Its peer has said its last: END_STREAM, or RST_STREAM. */
  end: "" | "{end}" | `{RST_STREAM ${string}}`;
}

type Part = readonly HeaderField[] | string;

export interface ConversationParts {
  /** True: the peer is a client, and begins with the preface. */
  readonly server: boolean;
  readonly write: (frames: string) => void;
  readonly duties: ReadonlySet<Duty>;
}

export class Conversation {
  private readonly parts: ConversationParts;
  private readonly decoder = new HpackDecoder();
  private readonly streams = new Map<number, H2Stream>();
  /** Everything, a line each, in order. */
  private readonly sequence: string[] = [];
  /** Of the connection, what is always shown. */
  private readonly noted: string[] = [];
  private rest: Buffer = Buffer.alloc(0);
  private greeted: boolean;
  /** A block that is not complete, and the flags of its HEADERS. */
  private open: { readonly stream: number; readonly flags: number; block: Buffer } | null = null;

  constructor(parts: ConversationParts) {
    this.parts = parts;
    this.greeted = !parts.server;
  }

  feed(bytes: Buffer): void {
    this.rest = Buffer.concat([this.rest, bytes]);
    if (!this.greeted) {
      if (this.rest.length < PREFACE.length) return;
      this.greeted = true;
      this.rest = this.rest.subarray(PREFACE.length);
    }
    while (this.rest.length >= 9) {
      const length = this.rest.readUIntBE(0, 3);
      if (this.rest.length < 9 + length) return;
      const [type, flags] = [this.rest[3]!, this.rest[4]!];
      const stream = this.rest.readUInt32BE(5) & 0x7fff_ffff;
      const payload = this.rest.subarray(9, 9 + length);
      this.rest = this.rest.subarray(9 + length);
      this.take(type, flags, stream, payload);
    }
  }

  private take(type: number, flags: number, id: number, payload: Buffer): void {
    const { write, duties } = this.parts;
    const ends = (flags & FLAG.endStream) !== 0;
    switch (FRAME_TYPES[type]) {
      case "DATA": {
        const content = unpadded(payload, flags);
        const stream = this.stream(id);
        stream.parts.push(content.toString("latin1"));
        this.sequence.push(`DATA ${id}${ends ? " END_STREAM" : ""} ${content.toString("latin1")}`.trimEnd());
        if (duties.has("windows") && payload.length > 0) {
          write(windowUpdate(0, payload.length) + (ends ? "" : windowUpdate(id, payload.length)));
        }
        if (ends) stream.end = "{end}";
        return;
      }
      case "HEADERS": {
        let content = unpadded(payload, flags);
        if ((flags & FLAG.priority) !== 0) content = content.subarray(5);
        this.open = { stream: id, flags, block: content };
        if ((flags & FLAG.endHeaders) !== 0) this.takeBlock();
        return;
      }
      case "CONTINUATION":
        this.open!.block = Buffer.concat([this.open!.block, payload]);
        if ((flags & FLAG.endHeaders) !== 0) this.takeBlock();
        return;
      case "RST_STREAM": {
        const code = codeOf(payload.readUInt32BE(0));
        this.stream(id).end = `{RST_STREAM ${code}}`;
        this.sequence.push(`RST_STREAM ${id} ${code}`);
        return;
      }
      case "SETTINGS": {
        if ((flags & FLAG.ack) !== 0) {
          this.sequence.push("SETTINGS ack");
          return;
        }
        const values: string[] = [];
        for (let at = 0; at + 6 <= payload.length; at += 6)
          values.push(` ${payload.readUInt16BE(at)}=${payload.readUInt32BE(at + 2)}`);
        this.sequence.push(`SETTINGS${values.join("")}`);
        if (duties.has("settings")) write(SETTINGS_ACK);
        return;
      }
      case "PING": {
        const ack = (flags & FLAG.ack) !== 0;
        const text = ack ? `PING ack ${payload.toString("latin1")}` : "PING";
        this.sequence.push(text);
        this.noted.push(`{${text}}`);
        if (!ack && duties.has("pings")) write(ping(payload.toString("latin1"), FLAG.ack));
        return;
      }
      case "GOAWAY": {
        const debug = payload.subarray(8).toString("latin1");
        const code = codeOf(payload.readUInt32BE(4));
        const text = `GOAWAY ${code}, last stream ${payload.readUInt32BE(0)}${debug === "" ? "" : `, ${debug}`}`;
        this.sequence.push(text);
        // Whether it is said why a connection ends by an error, and in which words, is a library's affair.
        if (code === "NO_ERROR") this.noted.push(`{${text}}`);
        return;
      }
      case "WINDOW_UPDATE":
        this.sequence.push(`WINDOW_UPDATE ${id} +${payload.readUInt32BE(0)}`);
        return;
      default:
        this.sequence.push(`${FRAME_TYPES[type] ?? `type ${type}`} ${id} ${payload.toString("latin1")}`);
    }
  }

  private takeBlock(): void {
    const { stream: id, flags, block } = this.open!;
    this.open = null;
    const fields = sorted(this.decoder.decode(block));
    const stream = this.stream(id);
    stream.parts.push(fields);
    const ends = (flags & FLAG.endStream) !== 0;
    this.sequence.push(`HEADERS ${id}${ends ? " END_STREAM" : ""}`, ...fields.map(line));
    if (ends) stream.end = "{end}";
  }

  private stream(id: number): H2Stream {
    let stream = this.streams.get(id);
    if (stream === undefined) {
      stream = { id, parts: [], end: "" };
      this.streams.set(id, stream);
    }
    return stream;
  }

  /** Streams in the order of their numbers that have got a head; `complete`: the peer has said its last. */
  begun(): { readonly id: number; readonly complete: boolean }[] {
    return this.sorted().map(({ id, end }) => ({ id, complete: end !== "" }));
  }

  /** Whole messages, and streams that were reset. */
  countComplete(): number {
    return [...this.streams.values()].filter(({ end }) => end !== "").length;
  }

  private sorted(): H2Stream[] {
    return [...this.streams.values()].sort((a, b) => a.id - b.id);
  }

  /** Whether there is such a text in what was received: a line of a head, a part of a body, `{RST_STREAM CANCEL}`, `{GOAWAY …}`. */
  has(what: string | RegExp): boolean {
    const text = [...this.lines(false), ...this.sequence].join("\n");
    return typeof what === "string" ? text.includes(what) : what.test(text);
  }

  /** Messages by stream, apart by `---`; then what was said of the connection. */
  lines(exactChunks: boolean): string[] {
    const lines: string[] = [];
    for (const { id, parts, end } of this.sorted()) {
      if (lines.length > 0) lines.push("---");
      lines.push(`{stream ${id}}`, ...partLines(parts, exactChunks), ...(end === "" ? [] : [end]));
    }
    if (this.noted.length > 0) lines.push(...(lines.length > 0 ? ["---"] : []), ...this.noted);
    return lines;
  }

  /** Every frame, in order. */
  frames(): string[] {
    return [...this.sequence];
  }
}

function partLines(parts: readonly Part[], exactChunks: boolean): string[] {
  const lines: string[] = [];
  let body = "";
  const flush = (): void => {
    if (body !== "") lines.push(...body.split("\r\n"));
    body = "";
  };
  for (const part of parts) {
    if (typeof part !== "string") {
      flush();
      const trails = !part.some(([name]) => name.startsWith(":"));
      lines.push(...(trails ? ["{trailers}"] : []), ...part.map(line), ...(trails ? [] : [""]));
    } else if (exactChunks) lines.push(`{DATA} ${part}`.trimEnd());
    else body += part;
  }
  flush();
  return lines;
}

/** In which order pseudo-headers come says nothing (RFC 9113 §8.3). */
function sorted(fields: readonly HeaderField[]): readonly HeaderField[] {
  const rank = ([name]: HeaderField): string => (name.startsWith(":") ? name : "~");
  return [...fields].sort((a, b) => (rank(a) < rank(b) ? -1 : rank(a) > rank(b) ? 1 : 0));
}

function line([name, value]: HeaderField): string {
  return `${name}: ${value}`;
}

function codeOf(code: number): string {
  return ERROR_CODES[code] ?? String(code);
}

function unpadded(payload: Buffer, flags: number): Buffer {
  return (flags & FLAG.padded) === 0 ? payload : payload.subarray(1, payload.length - payload[0]!);
}
