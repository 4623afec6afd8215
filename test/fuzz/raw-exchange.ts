/** Bytes that are nearly HTTP/1, to both sides of the proxy: requests and answers with pieces left out, doubled, put in, changed. */
import type { Choice } from "./choice.ts";
import type { Exchange } from "./exchange.ts";
import { randomAnswer, randomRequest } from "./random-exchange.ts";

const PIECES = ["\r\n", "\r\n\r\n", " ", "\t", ":", ",", ";", "0", "5", "a", "\x00", "\x7f", "\x80", "\x0b", "/", "HTTP/1.1", "HTTP/1.0", "HTTP/1.2", "HTTP/2.0", "Content-Length: 5\r\n", "Content-Length: 0\r\n", "content-length:5\r\n", "Content-Length: 5, 5\r\n", "Content-Length: +5\r\n", "Content-Length: 05\r\n", "Content-Length: 5 \r\n", "Content-Length: \r\n", "Content-Length: x\r\n", "Transfer-Encoding: chunked\r\n", "Transfer-Encoding: CHUNKED\r\n", "Transfer-Encoding: gzip, chunked\r\n", "Transfer-Encoding: identity\r\n", "Transfer-Encoding:\r\n", "Connection: close\r\n", "Connection: content-length\r\n", "Connection: transfer-encoding\r\n", "Connection: host\r\n", "X: y\r\n", " folded\r\n", "\tfolded\r\n", "X : y\r\n", ": y\r\n", "X\r\n", "X:\r\n", "x(y: z\r\n", "5\r\nhello\r\n", "0\r\n\r\n", "00\r\n\r\n", "5;a=b\r\nhello\r\n", "fffff\r\n", "0\r\nX: y\r\n\r\n", "hello", "GET /next HTTP/1.1\r\nHost: a.test\r\n\r\n", "Expect: 100-continue\r\n", "Upgrade: websocket\r\n", "HEAD", "CONNECT", "OPTIONS", "*", "get", "GET\x0b", "http://a.test/x"]; // prettier-ignore

const ANSWER_PIECES = ["HTTP/1.1 200 OK\r\n", "HTTP/1.1 100 C\r\n\r\n", "HTTP/1.0 200 OK\r\n", "HTTP/1.1 204 N\r\n", "HTTP/1.1 304 N\r\n", "HTTP/1.1 999 X\r\n", "HTTP/1.1 2000 X\r\n", "HTTP/1.1 20 X\r\n", "HTTP/1.1 200\r\n", "HTTP/2 200 OK\r\n", "HTTP/1.1  200 OK\r\n"]; // prettier-ignore

function mutated(choice: Choice, before: readonly string[], more: readonly string[]): string[] {
  const pieces = [...before];
  for (let n = choice.one([1, 1, 2, 3]); n > 0; n--) {
    const at = choice.below(pieces.length + 1);
    choice.made(
      () => pieces.splice(at, 1),
      () => pieces.splice(at, 0, choice.one(more)),
      () => pieces.splice(at, 0, choice.one(more)),
      () => pieces.splice(at, 0, pieces[at] ?? ""),
      () => pieces.splice(at, 1, choice.one(more)),
      () => {
        const text = pieces[at] ?? "";
        const i = choice.below(text.length + 1);
        pieces[at] = text.slice(0, i) + choice.one([...more.slice(0, 14), ""]) + text.slice(i + choice.below(2));
        return pieces;
      },
    );
  }
  return pieces;
}

export function rawExchange(choice: Choice): Exchange {
  const answer = randomAnswer(choice);
  const request = randomRequest(choice);
  if (choice.chance(70)) {
    return { request: mutated(choice, request, PIECES), answer, fresh: choice.chance(30), raw: true };
  }
  const changed = answer.map((act) =>
    typeof act === "string" ? mutated(choice, act.split(/(?<=\r\n)/), [...PIECES, ...ANSWER_PIECES]).join("") : act,
  );
  return { request, answer: changed, fresh: choice.chance(30), raw: true };
}
