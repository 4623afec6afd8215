/** A scripted name server (RFC 1035, UDP): answers the n-th question for a name as the case says, and keeps what it was asked. */
import { type Socket, createSocket } from "node:dgram";
import type { AddressInfo } from "node:net";
import type { DnsAnswer } from "./case.ts";
import type { Gates } from "./upstream.ts";
import type { Activity } from "./waiting.ts";

const TYPES: Readonly<Record<number, string>> = { 1: "A", 28: "AAAA" };
const CODES = { NOERROR: 0, SERVFAIL: 2, NXDOMAIN: 3, REFUSED: 5 } as const;

const DEFAULT_TTL = 60;
const HEADER_BYTES = 12;

export class NameServer {
  port = 0;
  /** `a.test A`, in order. */
  readonly asked: string[] = [];
  private readonly names: Readonly<Record<string, readonly DnsAnswer[]>>;
  private readonly gates: Gates;
  private readonly activity: Activity;
  private readonly socket: Socket = createSocket("udp4");

  constructor(names: Readonly<Record<string, readonly DnsAnswer[]>>, gates: Gates, activity: Activity) {
    this.names = names;
    this.gates = gates;
    this.activity = activity;
  }

  async listen(): Promise<void> {
    const { socket } = this;
    socket.on("message", (query, from) => {
      this.activity.happened();
      void this.reply(query).then((reply) => {
        // It may have been closed while a gate was.
        if (reply !== null && this.port !== 0) socket.send(reply, from.port, from.address);
      });
    });
    await new Promise<void>((resolve, reject) => socket.once("error", reject).bind(0, "127.0.0.1", () => resolve()));
    this.port = (socket.address() as AddressInfo).port;
  }

  /** How often it was asked that. */
  count(question: string): number {
    return this.asked.filter((each) => each === question).length;
  }

  async close(): Promise<void> {
    if (this.port === 0) return;
    this.port = 0;
    await new Promise<void>((resolve) => this.socket.close(() => resolve()));
  }

  private async reply(query: Buffer): Promise<Buffer | null> {
    const { name, type, end } = question(query);
    const asked = `${name} ${TYPES[type] ?? type}`;
    this.asked.push(asked);
    const answers = this.names[asked];
    const answer = answers?.[Math.min(this.count(asked), answers.length) - 1];
    // Of another type there is something: no error, and nothing.
    if (answer === undefined)
      return message(
        query,
        end,
        Object.keys(this.names).some((key) => key.startsWith(`${name} `)) ? "NOERROR" : "NXDOMAIN",
        [],
      );
    if (typeof answer === "string") return answer === "SILENCE" ? null : message(query, end, answer, []);
    if (answer.gate !== undefined) await this.gates.pass(answer.gate);
    const records = answer.addresses.map((address) => record(address, answer.ttl ?? DEFAULT_TTL));
    return message(query, end, "NOERROR", records);
  }
}

function question(query: Buffer): { readonly name: string; readonly type: number; readonly end: number } {
  const labels: string[] = [];
  let at = HEADER_BYTES;
  for (let length = query[at]!; length > 0; length = query[at]!) {
    labels.push(query.toString("latin1", at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join(".").toLowerCase(), type: query.readUInt16BE(at + 1), end: at + 5 };
}

/** The question comes back, then the records. */
function message(query: Buffer, questionEnd: number, code: keyof typeof CODES, records: readonly Buffer[]): Buffer {
  const header = Buffer.from(query.subarray(0, HEADER_BYTES));
  // QR, AA, the query's RD, RA.
  header[2] = 0x84 | (query[2]! & 1);
  header[3] = 0x80 | CODES[code];
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(records.length, 6);
  header.writeUInt32BE(0, 8);
  return Buffer.concat([header, query.subarray(HEADER_BYTES, questionEnd), ...records]);
}

function record(address: string, ttl: number): Buffer {
  const data = address.includes(":") ? ipv6(address) : Buffer.from(address.split(".").map(Number));
  const fixed = Buffer.alloc(12);
  // The name: a pointer to the question's.
  fixed.writeUInt16BE(0xc000 | HEADER_BYTES, 0);
  fixed.writeUInt16BE(address.includes(":") ? 28 : 1, 2);
  fixed.writeUInt16BE(1, 4);
  fixed.writeUInt32BE(ttl, 6);
  fixed.writeUInt16BE(data.length, 10);
  return Buffer.concat([fixed, data]);
}

function ipv6(address: string): Buffer {
  const [before = "", after = ""] = address.split("::");
  const groups = (text: string): number[] => (text === "" ? [] : text.split(":").map((group) => parseInt(group, 16)));
  const [head, tail] = [groups(before), groups(after)];
  const all = [...head, ...Array<number>(8 - head.length - tail.length).fill(0), ...tail];
  return Buffer.from(all.flatMap((group) => [group >> 8, group & 0xff]));
}
