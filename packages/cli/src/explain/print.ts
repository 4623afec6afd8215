/** Explanations as text, in the manner of a compiler: what, where, the line itself, and what to do. */
import { stripVTControlCharacters } from "node:util";
import type {
  ChangeAnswer,
  ExplainAnswer,
  ExplainedRecord,
  Explanation,
  Fact,
  Lost,
  OriginLink,
  Outcome,
  Remedy,
  Step,
} from "@tulle/explain/answer";
import { style } from "../terminal/style.ts";

const LABELS: Readonly<Record<Step["kind"], string>> = {
  client: "client",
  listener: "listener",
  "filter-chain": "connection",
  filter: "filter",
  "virtual-host": "host",
  route: "route",
  split: "to",
  cluster: "cluster",
  endpoints: "endpoints",
  application: "answer",
  record: "record",
};

const WIDTH = 11;

export function printAnswer({ records, explanation }: ExplainAnswer): string {
  const parts = [...records.map(printRecord), ...(explanation === undefined ? [] : [printExplanation(explanation)])];
  return parts.join("\n\n");
}

function printExplanation({ question, steps, outcomes, remedies, caveats }: Explanation): string {
  const headers = question.headers.map(([name, value]) => `${name}: ${value}`);
  const lines = [
    style.bold(`${question.client} → ${plain(question.method)} ${plain(question.url)}`),
    ...headers.map((header) => style.dim(`${" ".repeat(4)}${plain(header)}`)),
    "",
  ];
  let side: Step["side"] = "source";
  for (const step of steps) {
    if (step.kind === "client") {
      lines.push(...facts(step.facts));
      continue;
    }
    if (step.side !== side) lines.push("", style.dim("at the server's proxy"));
    side = step.side;
    lines.push(...printStep(step));
  }
  lines.push("", ...printOutcomes(outcomes));
  lines.push(...remedies.flatMap(printRemedy));
  for (const caveat of caveats) lines.push(`${style.caution("note:")} ${plain(caveat)}`);
  return lines.join("\n");
}

function printStep({ kind, title, ends, origin, reasons, lost, facts: settings }: Step): string[] {
  const label = LABELS[kind].padEnd(WIDTH);
  const lines = [`${style.link(label)}${ends ? style.bad(plain(title)) : plain(title)}`];
  if (origin !== undefined) lines.push(...at(origin));
  for (const reason of reasons) {
    if (reason.text === "weight") continue;
    const same =
      reason.origin !== undefined && reason.origin.line === origin?.line && reason.origin.file === origin?.file;
    lines.push(`${indent(`because ${plain(reason.text)}`)}${same ? "" : short(reason.origin)}`);
  }
  lines.push(...facts(settings));
  for (const one of lost.slice(0, MOST_LOST)) lines.push(printLost(one));
  if (lost.length > MOST_LOST)
    lines.push(style.dim(indent(`and ${lost.length - MOST_LOST} more; all of them with -o json`)));
  return lines;
}

const MOST_LOST = 8;

function printLost({ what, why, origin }: Lost): string {
  return `${style.dim(indent(`not ${plain(what)}: ${plain(why)}`))}${short(origin)}`;
}

function facts(all: readonly Fact[]): string[] {
  return all.map(({ name, value, origin }) => `${indent(`${name}: ${plain(value)}`)}${short(origin)}`);
}

/** `--> reviews.yaml:12  spec.http[0]`, with the line itself. */
function at(origin: OriginLink): string[] {
  const lines = [`${indent(style.dim("-->"))} ${place(origin)}`];
  if (origin.text !== undefined && origin.line !== undefined) {
    lines.push(`${indent(style.dim(`${origin.line} |`))} ${plain(origin.text)}`);
  }
  return lines;
}

function place({ kind, namespace, name, field, file, line }: OriginLink): string {
  const object = `${kind} ${namespace === "" ? name : `${namespace}/${name}`}${field === "" ? "" : ` ${field}`}`;
  return file === undefined ? object : `${style.bold(`${file}:${line}`)} ${style.dim(object)}`;
}

function short(origin: OriginLink | undefined): string {
  if (origin?.file === undefined) return "";
  return style.dim(`  (${origin.file}:${origin.line})`);
}

function indent(text: string): string {
  return `${" ".repeat(WIDTH)}${text}`;
}

function printOutcomes(outcomes: readonly Outcome[]): string[] {
  return outcomes
    .filter(({ share }) => share > 0)
    .map(({ share, status, flags, details, text, by }) => {
      const part = share >= 1 - 1e-9 ? "" : `${percent(share)}: `;
      const answer =
        status === 0
          ? text
          : `${status}${flags === "" ? "" : ` ${flags}`}${details === "" ? "" : ` ${details}`}: ${text}`;
      const isGood = by === "application" || (status > 0 && status < 400);
      return `${style.bold("result")}     ${(isGood ? style.good : style.bad)(plain(`${part}${answer}`))}`;
    });
}

function percent(share: number): string {
  return `${Number((share * 100).toFixed(2))} %`;
}

function printRemedy({ cause, fix, origin }: Remedy): string[] {
  return [`${style.bold("why:")} ${plain(cause)}${short(origin)}`, `${style.bold("do:")}  ${plain(fix)}`];
}

function printRecord(record: ExplainedRecord): string {
  const { reporter, proxy, startMs, durationMs, method, authority, path, status, flags, details, attempts } = record;
  const lines = [
    style.bold(`${plain(method)} ${plain(authority)}${plain(path)}, ${new Date(startMs).toISOString()}`),
    `${"said by".padEnd(WIDTH)}${plain(proxy)} (${reporter === "source" ? "the client's proxy" : "the server's proxy"})`,
    `${"answer".padEnd(WIDTH)}${status === 0 ? "none" : status}${flags === "" ? "" : ` ${plain(flags)}`}${details === "" ? "" : ` ${plain(details)}`}, after ${Math.round(durationMs * 10) / 10} ms${attempts > 1 ? `, ${attempts} attempts` : ""}`,
    `${"way".padEnd(WIDTH)}${
      [record.route && `route ${record.route}`, record.cluster, record.endpoint]
        .filter((part) => part !== "")
        .map(plain)
        .join(" → ") || "none"
    }`,
    ...facts(record.facts),
    `${style.bold("result")}     ${status >= 200 && status < 400 ? plain(record.text) : style.bad(plain(record.text))}`,
    ...record.remedies.flatMap(printRemedy),
  ];
  return lines.join("\n");
}

export function printChange({ objects, proxies, unaffected, traffic }: ChangeAnswer): string {
  const lines = objects.map(({ change, kind, namespace, name }) => `${kind} ${namespace}/${name}: ${change}`);
  lines.push("");
  if (proxies.length === 0)
    lines.push(`No connected proxy would get anything else than it has (${unaffected} looked at).`);
  for (const { id, routes, resources } of proxies) {
    lines.push(style.bold(id.split("~")[2] ?? id));
    for (const { change, virtualHost, description, before, after, origin } of routes) {
      lines.push(`  ${sign(change)} ${plain(description)}${short(origin)}`, style.dim(`      ${plain(virtualHost)}`));
      if (before !== undefined) lines.push(style.bad(`      - ${plain(before)}`));
      if (after !== undefined) lines.push(style.good(`      + ${plain(after)}`));
    }
    for (const { change, type, name } of resources) lines.push(`  ${sign(change)} ${type} ${plain(name)}`);
  }
  if (proxies.length > 0 && unaffected > 0) lines.push(style.dim(`${unaffected} other proxies stay as they are`));
  if (traffic !== undefined) {
    lines.push("", `Of ${traffic.requests} recorded requests, ${traffic.elsewhere} would go elsewhere.`);
    for (const { client, method, url, requests, before, after } of traffic.groups) {
      lines.push(`  ${requests} × ${plain(client)} → ${plain(method)} ${plain(url)}`);
      lines.push(style.bad(`      - ${plain(before)}`), style.good(`      + ${plain(after)}`));
    }
  }
  return lines.join("\n");
}

function sign(change: "added" | "removed" | "changed"): string {
  return change === "added" ? style.good("+") : change === "removed" ? style.bad("-") : style.caution("~");
}

/** What clients and files say does nothing to the terminal. */
function plain(text: string): string {
  // oxlint-disable-next-line no-control-regex -- those are what must not get out
  return stripVTControlCharacters(text).replaceAll(/[\u0000-\u001f\u007f-\u009f]/g, "\u00b7");
}
