/** DNS messages, as far as a server needs them that answers for names it knows and passes everything else on. (RFC 1035) */
import { SocketAddress, isIP } from "node:net";

export const TYPE_A = 1;
export const TYPE_AAAA = 28;
const CLASS_IN = 1;
const HEADER_BYTES = 12;
const LONGEST_NAME = 255;

/** Response codes (RFC 1035 §4.1.1). */
export const RCODE = { noError: 0, formatError: 1, serverFailure: 2 } as const;

/** Header flags of answers: response, authoritative, recursion available. */
const QR = 0x8000;
const AA = 0x0400;
const RA = 0x0080;
/** Of the question: opcode and recursion desired, which answers repeat. */
const REPEATED = 0x7900;
const OPCODE = 0x7800;

export interface Question {
  /** Lower case, without the dot at its end. */
  readonly name: string;
  readonly type: number;
  /** Where it ends in the message: what follows is not repeated. */
  readonly end: number;
}

/** The one question of a query; undefined for whatever else a message may be. */
export function readQuestion(message: Buffer): Question | undefined {
  if (message.length < HEADER_BYTES) return undefined;
  const flags = message.readUInt16BE(2);
  if ((flags & (QR | OPCODE)) !== 0 || message.readUInt16BE(4) !== 1) return undefined;
  const labels: string[] = [];
  let at = HEADER_BYTES;
  for (;;) {
    const length = message[at];
    // Questions point nowhere: there is nothing before them.
    if (length === undefined || length > 63 || at - HEADER_BYTES > LONGEST_NAME) return undefined;
    at += 1;
    if (length === 0) break;
    labels.push(message.toString("latin1", at, at + length));
    at += length;
  }
  if (at + 4 > message.length || message.readUInt16BE(at + 2) !== CLASS_IN) return undefined;
  return { name: labels.join(".").toLowerCase(), type: message.readUInt16BE(at), end: at + 4 };
}

/** The answer to a query: these addresses of the type that it asks for, or none. */
export function answer(query: Buffer, question: Question, addresses: readonly string[], ttlSeconds: number): Buffer {
  const records = addresses.map((address) => record(question.type, address, ttlSeconds));
  return Buffer.concat([head(query, question.end, RCODE.noError, records.length), ...records]);
}

/** An answer without addresses that says why. */
export function failure(query: Buffer, code: number): Buffer {
  const question = readQuestion(query);
  return head(query, question?.end ?? HEADER_BYTES, code, 0);
}

function head(query: Buffer, end: number, code: number, answers: number): Buffer {
  const bytes = Buffer.from(query.subarray(0, end));
  bytes.writeUInt16BE((query.readUInt16BE(2) & REPEATED) | QR | RA | (code === RCODE.noError ? AA : 0) | code, 2);
  bytes.writeUInt16BE(end > HEADER_BYTES ? 1 : 0, 4);
  bytes.writeUInt16BE(answers, 6);
  bytes.writeUInt32BE(0, 8);
  return bytes;
}

/** Its name is the question's, 12 bytes into the message. */
function record(type: number, address: string, ttlSeconds: number): Buffer {
  const data = addressBytes(address);
  const bytes = Buffer.alloc(12);
  bytes.writeUInt16BE(0xc000 | HEADER_BYTES, 0);
  bytes.writeUInt16BE(type, 2);
  bytes.writeUInt16BE(CLASS_IN, 4);
  bytes.writeUInt32BE(ttlSeconds, 6);
  bytes.writeUInt16BE(data.length, 10);
  return Buffer.concat([bytes, data]);
}

function addressBytes(address: string): Buffer {
  if (isIP(address) === 4) return Buffer.from(address.split(".").map(Number));
  const [head = "", tail] = new SocketAddress({ address, family: "ipv6" }).address.split("::");
  const groups = (text = ""): readonly string[] => (text === "" ? [] : text.split(":"));
  const [before, after] = [groups(head), groups(tail)];
  const all = [...before, ...Array<string>(8 - before.length - after.length).fill("0"), ...after];
  const bytes = Buffer.alloc(16);
  all.forEach((group, index) => bytes.writeUInt16BE(Number.parseInt(group, 16), index * 2));
  return bytes;
}
