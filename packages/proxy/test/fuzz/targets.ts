import assert from "node:assert/strict";
import { isIP } from "node:net";
import { isDeepStrictEqual } from "node:util";
import { readProxyHeader } from "../../src/codec/proxy-protocol/read-header.ts";
import { readClientHello } from "../../src/codec/tls-hello/client-hello.ts";
import { HeaderBlock } from "../../src/codec/header-block.ts";
import { normalizePath } from "../../src/http/path.ts";
import { ClientHarness, ServerHarness } from "../support/codec-harness.ts";
import { request, routes } from "../plan/support.ts";
import type { FuzzTarget } from "./fuzzer.ts";
import { HTTP2_TARGETS } from "./http2-targets.ts";

const HTTP1 = [
  "GET", "POST", "HEAD", "CONNECT", " ", "\t", "/", "/a?b", "*", "http://h/p", "HTTP/1.1", "HTTP/1.0", "\r\n", "\r\n\r\n", "\n", "\r", ":", ": ",
  "Host: h\r\n", "Content-Length: 5\r\n", "Content-Length: 0\r\n", "Transfer-Encoding: chunked\r\n", "Connection: close\r\n", "Connection: x, te\r\n",
  "Expect: 100-continue\r\n", "Upgrade: websocket\r\n", "X: y\r\n", " folded\r\n", "5\r\nhello\r\n", "0\r\n\r\n", "0\r\n", "ffffffff\r\n", ";ext",
  "\0", "hello", "GET / HTTP/1.1\r\nHost: h\r\n\r\n", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n",
  "HTTP/1.1 200 OK\r\n", "HTTP/1.1 204 No\r\n", "HTTP/1.1 100 C\r\n\r\n", "HTTP/1.1 304 N\r\n",
]; // prettier-ignore

/** What no other parser may take for a line end, or an end of the message. */
const FORBIDDEN = /[\0\r\n]/;

/** The pieces as they are, and each byte by itself: the same requests, and no byte in them that could end a line elsewhere. */
const server: FuzzTarget = {
  pieces: HTTP1,
  maxPieces: 16,
  check(pieces) {
    const [whole, cut] = [new ServerHarness().feed(...pieces), new ServerHarness().feedBytewise(pieces.join(""))];
    const complete = ({ requests }: ServerHarness): unknown => requests.filter((seen) => seen.complete);
    if (!isDeepStrictEqual(complete(cut), complete(whole))) assert.deepEqual(complete(cut), complete(whole));
    for (const { complete: done, method, path, authority, headers } of whole.requests) {
      if (!done) continue;
      for (const text of [method, path, authority, ...headers.split("\r\n")]) assert.ok(!FORBIDDEN.test(text));
    }
  },
};

const client: FuzzTarget = {
  pieces: HTTP1,
  maxPieces: 16,
  check(pieces) {
    const [whole, cut] = [new ClientHarness().feed(...pieces), new ClientHarness().feedBytewise(pieces.join(""))];
    assert.equal(cut.seen.complete, whole.seen.complete);
    assert.equal(cut.seen.status, whole.seen.status);
    // Bytes that nobody asked for are counted if they come in one read with the answer.
    const [seenCut, seenWhole] = [cut, whole].map(({ seen }) => ({ ...seen, bytes: null }));
    if (whole.seen.complete && !isDeepStrictEqual(seenCut, seenWhole)) assert.deepEqual(seenCut, seenWhole);
  },
};

const CANONICAL = { normalizePath: true, mergeSlashes: true, escapedSlashes: "unescape-and-forward" } as const;

/** Nothing is left that a later hop could resolve to another path; and what is canonical stays as it is. */
const path: FuzzTarget = {
  pieces: [
    "/",
    "//",
    ".",
    "..",
    "%2e",
    "%2E",
    "%2f",
    "%5c",
    "\\",
    ";",
    ";a=b",
    "a",
    "b",
    "%",
    "%0",
    "%00",
    "%41",
    "%25",
    "?",
    "#",
    " ",
    "~",
  ],
  maxPieces: 14,
  check(pieces) {
    const before = `/${pieces.join("")}`;
    const normalized = normalizePath(before, CANONICAL);
    if (normalized?.kind === "reject") return;
    const after = normalized === null ? before : normalized.path;
    const [hierarchy] = after.split("?");
    assert.ok(hierarchy.startsWith("/"), hierarchy);
    for (const segment of hierarchy.split("/")) {
      const [name] = segment.replaceAll(/%2e/gi, ".").split(";");
      assert.ok(name !== "." && name !== "..", after);
    }
    assert.doesNotMatch(hierarchy, /%2f|%5c|\\/i);
    const again = normalizePath(after, CANONICAL);
    assert.ok(
      again === null || (again.kind === "ok" && again.path === after),
      `${after} becomes ${JSON.stringify(again)}`,
    );
  },
};

const PATHS = ["/", "/a", "/a/", "/a/b", "/A", "/ab", "/abc", "/a/b/c", "/b"];
const ASKED = PATHS.flatMap((path) => ["", "?x", "?/a", "/", "c", "/b", "//"].map((more) => path + more)).concat(
  "/c",
  "/a?b/",
);

/** A route table against a loop over all routes that knows nothing of indexes. Pieces are routes, the last one is the request's path. */
const matcher: FuzzTarget = {
  pieces: ["prefix ", "path ", "path_separated_prefix "]
    .flatMap((kind) => PATHS.map((text) => kind + text))
    .filter((piece) => !/^path_separated.*\/$/.test(piece)),
  maxPieces: 12,
  inputsPerCheck: ASKED.length,
  check(pieces) {
    const list = pieces.filter((piece) => matcher.pieces.includes(piece));
    const rows = list.map((piece) => piece.split(" ") as [kind: string, text: string]);
    if (rows.length === 0) return;
    const table = routes({
      virtual_hosts: [
        {
          name: "v",
          domains: ["*"],
          routes: rows.map(([kind, text], i) => ({
            name: String(i),
            match: { [kind]: text },
            direct_response: { status: 200 },
          })),
        },
      ],
    });
    for (const wanted of ASKED) {
      const [text] = wanted.split("?");
      const expected = rows.findIndex(([kind, at]) => {
        if (kind === "prefix") return text.startsWith(at);
        return kind === "path" ? text === at : text === at || text.startsWith(`${at}/`);
      });
      const found = table.route(request({ path: wanted }), 0);
      assert.equal(found?.name ?? "-1", String(expected), `${wanted} among ${list.join(", ")}`);
    }
  },
};

const NAMES = ["x-a", "x-b", "content-type", "x-request-id", "set-cookie"];

/** A header block against a plain list. A piece is a letter for what to do, a digit for the name, and a value. */
const headers: FuzzTarget = {
  pieces: ["a", "r"].flatMap((what) => NAMES.flatMap((_, i) => [`${what}${i}`, `${what}${i}v`, `${what}${i}w`])),
  maxPieces: 20,
  check(pieces) {
    const block = new HeaderBlock();
    let model: [name: string, value: string][] = [];
    for (const [what, digit, ...value] of pieces.filter((piece) => /^[ar][0-4][vw]?$/.test(piece))) {
      const name = NAMES[Number(digit)];
      if (what === "a") {
        block.appendNamed(name, value.join(""));
        model.push([name, value.join("")]);
      } else {
        block.removeNamed(name);
        model = model.filter(([each]) => each !== name);
      }
    }
    const lines = block
      .serialize()
      .split("\r\n")
      .filter((line) => line !== "")
      .sort();
    const expected = new Map<string, string[]>();
    for (const [name, value] of model) expected.set(name, [...(expected.get(name) ?? []), value]);
    for (const [name, values] of expected) assert.equal(block.find(name), values.join(","), name);
    for (const line of lines) assert.ok(expected.has(line.slice(0, line.indexOf(":"))), line);
    for (const name of NAMES) if (!expected.has(name)) assert.equal(block.find(name), undefined, name);
  },
};

const bytesOf = (pieces: readonly string[]): Uint8Array => Buffer.from(pieces.join(""), "latin1");

/** What a parser says of the first bytes it says of more of them, unless it wants more; and it looks at no more than it needs. */
function prefixesAgree<T>(bytes: Uint8Array, read: (bytes: Uint8Array) => T, isUndecided: (read: T) => boolean): void {
  const whole = read(bytes);
  let decided = false;
  /** It has said that it needs so many. */
  let wanted = 0;
  for (let length = 0; length < bytes.length; length++) {
    const part = read(bytes.subarray(0, length));
    if (isUndecided(part)) {
      assert.ok(!decided, `undecided again at ${length}`);
      if (typeof part === "number") wanted = Math.max(wanted, part);
      continue;
    }
    decided = true;
    assert.ok(part === "not-tls" || length >= wanted, `decided at ${length}, though ${wanted} were wanted`);
    if (!isDeepStrictEqual(part, whole)) assert.deepEqual(part, whole);
  }
}

const BOTH = { ja3: true, ja4: true } as const;

/** Records and hellos, whole and broken. */
const hello: FuzzTarget = {
  pieces: [
    "\x16\x03\x01", "\x16\x03\x03\x00\x04", "\x00\x2d", "\x00\x00", "\x00\x04", "\x01\x00\x00\x29", "\x01\x00\x00\x31", "\x02", "\x03\x03",
    "r".repeat(32), "\x00", "\x00\x02\xc0\x2b", "\x01\x00", "\x00\x08", "\x00\x00\x00\x06\x00\x04\x00\x00\x01a", "\x00\x10\x00\x05\x00\x03\x02h2",
    "\xff\xff", "\x4a\x4a\x00\x00", "\x16", "GET / HTTP/1.1\r\n", "\x15\x03\x03\x00\x02",
    "\x16\x03\x01\x00\x2d\x01\x00\x00\x29\x03\x03" + "r".repeat(32) + "\x00\x00\x02\xc0\x2b\x01\x00",
  ], // prettier-ignore
  maxPieces: 16,
  check(pieces) {
    const bytes = bytesOf(pieces);
    prefixesAgree(
      bytes,
      (some) => readClientHello(some, BOTH),
      (read) => typeof read === "number",
    );
    const read = readClientHello(bytes, BOTH);
    if (typeof read !== "object") return;
    assert.equal(read.serverName, read.serverName.toLowerCase());
    assert.ok(read.serverName.length <= 255 && !read.serverName.includes("\0"));
    assert.ok(read.applicationProtocols.every((each) => each.length > 0));
  },
};

/** Headers of both versions, whole and broken. */
const proxyProtocol: FuzzTarget = {
  pieces: [
    "PROXY ", "TCP4 ", "TCP6 ", "UNKNOWN", "10.0.0.1 ", "::1 ", "1 ", "65535", "65536", " ", "\r\n", "\n", "x".repeat(60), "\r\n\r\n\0\r\nQUIT\n", "\x20", "\x21", "\x11",
    "\x21\x11\x00\x0c", "\x21\x21\x00\x24", "\x00\x0c", "\x00\x0f", "abcdefghijkl", "\x01\x00\x01x", "\0",
    "PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n", "\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0cabcdefghijkl",
  ], // prettier-ignore
  maxPieces: 12,
  check(pieces) {
    const bytes = bytesOf(pieces);
    prefixesAgree(bytes, readProxyHeader, (read) => read === "incomplete");
    const header = readProxyHeader(bytes);
    if (typeof header === "string") return;
    assert.ok(header.length <= bytes.length);
    const { addresses } = header;
    if (addresses === null) return;
    assert.ok(isIP(addresses.source) !== 0 && isIP(addresses.source) === isIP(addresses.destination));
    assert.ok(addresses.sourcePort <= 65_535 && addresses.destinationPort <= 65_535);
  },
};

export const TARGETS: Readonly<Record<string, FuzzTarget>> = {
  server,
  client,
  path,
  matcher,
  headers,
  hello,
  proxyProtocol,
  ...HTTP2_TARGETS,
};
