/** What a case says must be seen, whoever the proxy is. */
import type { Expectation, Observation, Stream } from "./case.ts";

/** What is not as it must be, a line each. */
export function unmet(expectation: Expectation | undefined, seen: Observation): string[] {
  if (expectation === undefined) return [];
  const { answers, sent = [], notSent = [], got = [], notGot = [] } = expectation;
  const clients = Object.values(seen.client ?? {});
  const received = linesOf(clients);
  const forwarded = linesOf(Object.values(seen.upstreams ?? {}).flat());
  const has = (lines: readonly string[], what: string | RegExp): boolean =>
    lines.some((line) => (typeof what === "string" ? line.includes(what) : what.test(line)));
  const problems: string[] = [];
  if (answers !== undefined) {
    const given = clients.flatMap(answersIn);
    const matches = (answer: string, wanted: string): boolean =>
      wanted.includes(" ") ? answer === wanted : answer.split(" ")[0] === wanted;
    if (given.length !== answers.length || !given.every((answer, index) => matches(answer, answers[index]!)))
      problems.push(`must be answered ${JSON.stringify(answers)}, was ${JSON.stringify(given)}`);
  }
  for (const what of sent) if (!has(forwarded, what)) problems.push(`the upstream must see ${String(what)}`);
  for (const what of notSent) if (has(forwarded, what)) problems.push(`the upstream must not see ${String(what)}`);
  for (const what of got) if (!has(received, what)) problems.push(`the client must get ${String(what)}`);
  for (const what of notGot) if (has(received, what)) problems.push(`the client must not get ${String(what)}`);
  return problems;
}

function linesOf(streams: readonly Stream[]): string[] {
  return streams.flatMap(({ received }) => received);
}

/** `STATUS BODY` of every final response. */
function answersIn({ received }: Stream): string[] {
  const answers: string[] = [];
  for (const message of received.join("\n").split(/^---\n/m)) {
    const status = /^(?:HTTP\/1\.1 |\{stream \d+\}\n(?::status: 1\d\d\n[^]*?\n\n)*:status: )([2-5]\d\d|101)\b/.exec(
      message,
    )?.[1];
    if (status === undefined) continue;
    const body = message
      .slice(message.indexOf("\n\n") + 2)
      .replace(/\n?(\{trailers\}\n[^]*)?\n?\{(end|RST_STREAM \w+)\}\n?$/, "")
      .replace(/\n$/, "");
    answers.push(message.includes("\n\n") ? `${status} ${body}` : `${status} `);
  }
  return answers;
}
