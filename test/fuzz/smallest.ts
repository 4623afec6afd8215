/** Makes what was found small: leaves out exchanges, parts of the configuration, pieces of the request, as long as there is a difference. */
import type { Act, Json } from "../contract/harness/case.ts";
import { parse } from "../contract/harness/messages.ts";
import { confirmed } from "./bout.ts";
import type { Difference, Subjects } from "./bout.ts";
import type { Configuration, Exchange } from "./exchange.ts";

export interface Found {
  readonly configuration: Configuration;
  readonly exchanges: readonly Exchange[];
  readonly difference: Difference;
}

const SIMPLE: readonly Act[] = ["HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"];

/** Where two observations are different: two findings that differ elsewhere are not one. */
function places({ envoy, tulle }: Difference): ReadonlySet<string> {
  const found = new Set<string>();
  const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);
  if (!same(envoy.refused, tulle.refused)) found.add("refused");
  if (!same(envoy.log, tulle.log)) found.add("log");
  if (!same(envoy.upstreams, tulle.upstreams)) found.add("upstreams");
  const [left, right] = [envoy.client?.["c"], tulle.client?.["c"]];
  if (!same(left?.received[0], right?.received[0])) found.add("status");
  else if (!same(left?.received, right?.received)) found.add("response");
  if (left?.end !== right?.end) found.add("end");
  return found;
}

export class Reducer {
  private found: Found;
  private readonly subjects: Subjects;
  private readonly where: ReadonlySet<string>;
  private readonly wasWhole: boolean;
  private readonly deadline: number;

  constructor(found: Found, subjects: Subjects, limitMs: number) {
    this.found = found;
    this.subjects = subjects;
    this.where = places(found.difference);
    this.wasWhole = isWhole(found);
    this.deadline = performance.now() + limitMs;
  }

  async reduce(): Promise<Found> {
    await this.exchanges();
    await this.tree();
    if (this.found.exchanges.length === 0) return this.found;
    await this.request();
    await this.answer();
    await this.tree();
    return this.found;
  }

  private async takes(candidate: Partial<Found>): Promise<boolean> {
    if (performance.now() > this.deadline) return false;
    const next = { ...this.found, ...candidate };
    // What was a whole request stays one: that half of one is treated otherwise is another matter.
    if (this.wasWhole && !isWhole(next)) return false;
    const difference = await confirmed(next.configuration, next.exchanges, this.subjects);
    if (difference === null || ![...places(difference)].some((place) => this.where.has(place))) return false;
    this.found = { ...next, difference };
    return true;
  }

  private async exchanges(): Promise<void> {
    const { exchanges } = this.found;
    if (exchanges.length > 1 && (await this.takes({ exchanges: exchanges.slice(-1) }))) return;
    for (let size = Math.floor(exchanges.length / 2); size >= 1; size = Math.floor(size / 2)) {
      for (let i = 0; i + size < this.found.exchanges.length;)
        if (!(await this.takes({ exchanges: this.found.exchanges.toSpliced(i, size) }))) i += size;
    }
  }

  /** Every part of the configuration, the outermost first. */
  private async tree(): Promise<void> {
    for (let depth = 1; depth < 14; depth++) {
      for (let i = 0; ;) {
        const paths = pathsOf(this.found.configuration as Json, depth);
        if (i >= paths.length) break;
        const configuration = without(this.found.configuration as Json, paths[i]!) as Configuration;
        if (!(await this.takes({ configuration }))) i++;
      }
    }
  }

  private async last(change: (exchange: Exchange) => Exchange): Promise<boolean> {
    const { exchanges } = this.found;
    return this.takes({ exchanges: [...exchanges.slice(0, -1), change(exchanges.at(-1)!)] });
  }

  private async request(): Promise<void> {
    for (let i = 0; i < this.found.exchanges.at(-1)!.request.length;)
      if (!(await this.last((exchange) => ({ ...exchange, request: exchange.request.toSpliced(i, 1) })))) i++;
  }

  private async answer(): Promise<void> {
    if (await this.last((exchange) => ({ ...exchange, answer: SIMPLE }))) return;
    for (let i = 0; ;) {
      const { answer } = this.found.exchanges.at(-1)!;
      const [first] = answer;
      if (typeof first !== "string") return;
      const lines = first.split(/(?<=\r\n)/);
      if (i >= lines.length) return;
      const shorter = lines.toSpliced(i, 1).join("");
      if (!(await this.last((exchange) => ({ ...exchange, answer: [shorter, ...answer.slice(1)] })))) i++;
    }
  }
}

function isWhole({ exchanges }: Found): boolean {
  const { messages, rest } = parse(exchanges.map(({ request }) => request.join("")).join(""), "requests");
  return rest === "" && messages.length === exchanges.length && messages.every(isComplete);
}

function isComplete({ head, complete }: { readonly head: string; readonly complete: boolean }): boolean {
  return complete && / HTTP\/1\.[01](\r\n|$)/.test(head);
}

type Path = readonly (string | number)[];

function pathsOf(value: Json, depth: number): Path[] {
  if (typeof value !== "object" || value === null) return [];
  const keys: (string | number)[] = Array.isArray(value) ? [...value.keys()].reverse() : Object.keys(value);
  if (depth === 1) return keys.filter((key) => key !== "@type").map((key) => [key]);
  return keys.flatMap((key) => pathsOf((value as Record<string, Json>)[key]!, depth - 1).map((path) => [key, ...path]));
}

function without(value: Json, [key, ...rest]: Path): Json {
  if (Array.isArray(value)) {
    const list = value as readonly Json[];
    return rest.length === 0
      ? list.toSpliced(key as number, 1)
      : list.with(key as number, without(list[key as number]!, rest));
  }
  const { [key!]: inner, ...others } = value as Record<string, Json>;
  return rest.length === 0 ? others : { ...(value as object), [key!]: without(inner!, rest) };
}
