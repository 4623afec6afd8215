/** Help texts, made from the tables of commands and options. */
import { formatDuration } from "@tulle/api";
import type { AnyCommand } from "./command.ts";
import { COMMANDS } from "./commands/index.ts";
import { formatAddress } from "./options.ts";
import type { Option } from "./options.ts";
import { style } from "./terminal/style.ts";
import { formatTable } from "./terminal/table.ts";

const INDENT = "  ";

/** `tulle help`. */
export async function overview(): Promise<string> {
  const commands = await Promise.all(Object.values(COMMANDS).map((load) => load()));
  const rows = [
    ...commands.map(({ name, summary }) => [name, summary]),
    ["help [COMMAND]", "what a command does and takes"],
  ];
  return [
    "Tulle carries the traffic between services: routing, resilience and telemetry by Istio's YAML, on any machine.",
    "",
    heading("Usage"),
    `${INDENT}tulle COMMAND [options]`,
    "",
    heading("Commands"),
    indented(formatTable(rows)),
    "",
    heading("First steps"),
    indented(
      formatTable([
        ["tulle demo", "the Bookinfo services, carried by the mesh, on this machine"],
        ["tulle up", "a control plane; in other terminals:"],
        ["tulle run --service web --port 8080 -- node server.js", "a program with a sidecar"],
        ["tulle apply -f routes.yaml", "change where traffic goes"],
      ]),
    ),
    "",
    heading("Environment"),
    indented(
      formatTable([
        ["TULLE_STATE_DIR", "default of --state-dir (else .tulle)"],
        ["TULLE_XDS", "default of --xds for run and gateway: where the control plane serves proxies"],
        ["TULLE_XDS_TLS", "default of --xds-tls for run, gateway and agent: the same over TLS"],
        ["TULLE_TOKEN", "a token of tulle token create, for run, gateway and agent: a workload's right to join"],
        ["TULLE_CA_ROOTS", "default of --ca-roots for them: by what they know the control plane"],
        ["TULLE_HTTP", "default of --http for apply, delete, get, proxies: where it serves its API"],
        ["NO_COLOR, FORCE_COLOR", "never, always colour; without them only on a terminal"],
      ]),
    ),
    "",
    heading("Exit codes"),
    indented(
      formatTable([
        ["0", "done; for up, proxy, gateway and demo also: stopped by Ctrl-C or SIGTERM"],
        ["1", "it did not work: the message says why and what to do"],
        ["2", "the command line is wrong"],
      ]),
    ),
    `${INDENT}tulle run ends with its program's exit code, or 128 + N if signal N ended the program.`,
    "",
    `More about one: tulle help COMMAND`,
    "",
  ].join("\n");
}

/** `tulle help <command>`, `tulle <command> --help`. */
export function commandHelp(command: AnyCommand): string {
  const options = Object.entries(command.options).map(([name, option]) => [
    optionForm(name, option),
    optionText(option),
  ]);
  const parts = [
    `tulle ${command.name}: ${command.summary}`,
    "",
    heading("Usage"),
    ...command.usage.map((form) => `${INDENT}tulle ${form}`),
    "",
    command.description,
    "",
    heading("Options"),
    indented(formatTable([...options, ["-h, --help", "this text"]])),
    "",
    heading("Examples"),
    ...command.examples.flatMap(({ command: line, does }) => [
      `${INDENT}${style.dim(`# ${does}`)}`,
      `${INDENT}${line}`,
    ]),
    "",
  ];
  return parts.join("\n");
}

function optionForm(name: string, option: Option): string {
  const short = option.short === undefined ? "    " : `-${option.short}, `;
  return `${short}--${name}${option.type === "flag" ? "" : ` ${option.value}`}`;
}

function optionText(option: Option): string {
  const notes: string[] = [];
  if (option.type !== "flag") {
    if (option.type === "choice") notes.push(option.choices.join(", "));
    if (option.multiple === true) notes.push("may be repeated");
    if (option.default !== undefined) notes.push(`default ${formatDefault(option)}`);
  }
  return notes.length === 0 ? option.help : `${option.help} (${notes.join("; ")})`;
}

function formatDefault(option: Exclude<Option, { readonly type: "flag" }>): string {
  if (option.type === "address") return formatAddress(option.default!);
  return option.type === "duration" ? formatDuration(option.default!) : `${option.default}`;
}

function heading(text: string): string {
  return style.bold(text);
}

function indented(text: string): string {
  return text
    .split("\n")
    .map((line) => INDENT + line)
    .join("\n");
}
