/** HTTP/1 bytes cut into messages, for scripts that wait for whole ones and for records that a person can read. */

export interface Parsed {
  readonly messages: readonly Message[];
  /** Bytes after the last message that could be told: a beginning of a head, a tunnel. */
  readonly rest: string;
}

interface Message {
  /** Without the empty line. */
  readonly head: string;
  /** As on the wire. */
  readonly body: string;
  readonly chunks: Chunks | null;
  readonly complete: boolean;
}

interface Chunks {
  readonly data: string;
  readonly trailers: string;
}

/** @param methods of the requests, in order, that responses answer; [] for requests. */
export function parse(text: string, kind: "requests" | "responses", methods: readonly string[] = []): Parsed {
  const messages: Message[] = [];
  let rest = text;
  let answered = 0;
  for (;;) {
    const end = rest.indexOf("\r\n\r\n");
    if (end < 0 || !/^(HTTP\/\d|[A-Za-z]+ )/.test(rest)) return { messages, rest };
    const head = rest.slice(0, end);
    rest = rest.slice(end + 4);
    const status = kind === "responses" ? Number(head.slice(9, 12)) : 0;
    const method = kind === "responses" ? methods[answered] : head.slice(0, head.indexOf(" "));
    if (status >= 200 || status === 101) answered++;
    if (status === 101 || (method === "CONNECT" && (kind === "requests" || (status >= 200 && status < 300)))) {
      messages.push({ head, body: "", chunks: null, complete: true });
      return { messages, rest };
    }
    const bodiless = kind === "responses" && (status < 200 || status === 204 || status === 304 || method === "HEAD");
    const body = bodiless ? nothing : bodyOf(head, rest, kind === "responses");
    messages.push({ head, body: rest.slice(0, body.length), chunks: body.chunks, complete: body.complete });
    rest = rest.slice(body.length);
  }
}

interface Body {
  readonly length: number;
  readonly chunks: Chunks | null;
  readonly complete: boolean;
}

const nothing: Body = { length: 0, chunks: null, complete: true };

function bodyOf(head: string, rest: string, untilClose: boolean): Body {
  if (/\r\ntransfer-encoding: *chunked/i.test(head)) return chunkedBody(rest);
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
  if (length !== undefined) {
    const size = Number(length);
    return { length: Math.min(size, rest.length), chunks: null, complete: rest.length >= size };
  }
  return untilClose ? { length: rest.length, chunks: null, complete: false } : nothing;
}

function chunkedBody(rest: string): Body {
  let data = "";
  let at = 0;
  for (;;) {
    const line = rest.indexOf("\r\n", at);
    const size = /^[0-9a-f]+/i.exec(rest.slice(at, Math.max(line, at)))?.[0];
    if (line < 0 || size === undefined) return { length: rest.length, chunks: { data, trailers: "" }, complete: false };
    const count = Number.parseInt(size, 16);
    at = line + 2;
    if (count === 0) break;
    data += rest.slice(at, at + count);
    if (rest.length < at + count + 2) return { length: rest.length, chunks: { data, trailers: "" }, complete: false };
    at += count + 2;
  }
  if (rest.startsWith("\r\n", at)) return { length: at + 2, chunks: { data, trailers: "" }, complete: true };
  const end = rest.indexOf("\r\n\r\n", at);
  if (end < 0) return { length: rest.length, chunks: { data, trailers: rest.slice(at) }, complete: false };
  return { length: end + 4, chunks: { data, trailers: rest.slice(at, end) }, complete: true };
}

/** Complete messages other than 1xx. */
export function countComplete({ messages }: Parsed): number {
  return messages.filter(({ head, complete }) => complete && !/^HTTP\/1\.1 1(?!01)/.test(head)).length;
}

/** The methods of the requests in what a client sent. */
export function methodsIn(sent: string): string[] {
  return parse(sent, "requests").messages.map(({ head }) => head.slice(0, head.indexOf(" ")));
}

/** Lines of a stream, messages apart by `---`; a chunked body is one line unless its chunks are wanted exactly. */
export function linesOf({ messages, rest }: Parsed, exactChunks: boolean): string[] {
  const lines: string[] = [];
  for (const { head, body, chunks, complete } of messages) {
    if (lines.length > 0) lines.push("---");
    lines.push(...head.split("\r\n"), "");
    if (chunks === null || exactChunks) {
      if (body !== "") lines.push(...body.split("\r\n"));
    } else {
      lines.push(`{chunked} ${chunks.data}`, ...chunks.trailers.split("\r\n").filter((line) => line !== ""));
      if (!complete) lines.push("{cut}");
    }
  }
  if (rest !== "") lines.push(...(lines.length > 0 ? ["---"] : []), ...rest.split("\r\n"));
  return lines;
}
