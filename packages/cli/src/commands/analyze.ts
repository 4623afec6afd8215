import { analyzeFiles, STREAM } from "@tulle/control/analysis";
import type { AnalysisMessage } from "@tulle/control/analysis";
import { stringify } from "yaml";
import { defineCommand } from "../command.ts";
import { defaultStateDir, locate } from "../control-plane/locate.ts";
import { readManifests } from "../control-plane/manifests.ts";
import { apiOptions, connect, namespaceOption } from "../control-plane/options.ts";
import { UsageError } from "../errors.ts";
import type { Address } from "../options.ts";
import { accepts } from "../process/probe.ts";
import { style } from "../terminal/style.ts";
import { formatTable } from "../terminal/table.ts";

/** Istio's, of `istioctl analyze` (istio/istio `istioctl/cmd/sysexits.go`). */
const EXIT_DATA = 65;
const EXIT_FOUND = 79;

const LEVELS = ["Info", "Warning", "Error"] as const;

export const analyze = defineCommand({
  name: "analyze",
  summary: "finds what is probably not meant in a configuration",
  usage: [
    "analyze [-n NS|-A] [-o table|json|yaml|log]",
    "analyze -f FILE|DIR|- … [-R] [-S 'CODE=KIND NAME.NS'] [--failure-threshold LEVEL]",
  ],
  description: `With -f: of these files together with what is in force, of which only what they would make worse is told; of the files by themselves
with --offline, or where no control plane runs. Without -f: of what is in force. By the model that proxies are configured from, so that nothing is
said that is not so. Each message has Istio's code, the file and the line, what is wrong and what to do (docs/reference/analysis.md lists them).
An object is left alone by -S, or by its annotation galley.istio.io/analyze-suppress: "IST0118,…" ("*" is all).
Exit code: 0 if nothing at or above --failure-threshold was found, 79 if something was, 65 if files cannot be understood.`,
  examples: [
    { command: "tulle analyze", does: "what is in force, of all namespaces" },
    { command: "tulle analyze -f mesh/ -R", does: "a directory tree, as it would be in the mesh" },
    { command: "tulle analyze -f mesh/ -R --offline", does: "the same by itself, wherever a control plane is" },
    { command: "tulle analyze -f mesh/ -S 'IST0118=Service web.default'", does: "but for one message" },
  ],
  options: {
    filename: { type: "string", short: "f", value: "FILE|DIR|-", multiple: true, help: "what to analyze" },
    recursive: { type: "flag", short: "R", help: "also directories below DIR" },
    offline: { type: "flag", help: "with -f: the files by themselves (Istio's --use-kube=false)" },
    namespace: {
      ...namespaceOption,
      help: "namespace of objects that name none; without -f: the one that is looked at",
    },
    "all-namespaces": { type: "flag", short: "A", help: "all namespaces" },
    suppress: {
      type: "string",
      short: "S",
      value: "CODE=RESOURCE",
      multiple: true,
      help: "not this message of this object: 'IST0118=Service web.default'; * stands for anything",
    },
    "output-threshold": {
      type: "choice",
      value: "LEVEL",
      choices: LEVELS,
      default: "Info",
      help: "the least that is shown",
    },
    "failure-threshold": {
      type: "choice",
      value: "LEVEL",
      choices: LEVELS,
      default: "Error",
      help: "the least that is a failure",
    },
    output: {
      type: "choice",
      short: "o",
      value: "FORMAT",
      choices: ["table", "json", "yaml", "log"],
      default: "log",
      help: "how to print them",
    },
    ...apiOptions,
  },
  run: async ({ options }) => {
    const suppressed = options.suppress.map(suppression);
    const all = options.filename.length > 0 ? await ofFiles(options) : await connect(options).analysis();
    const isWanted = ({ namespace }: AnalysisMessage): boolean =>
      options.filename.length > 0 || options["all-namespaces"] || namespace === "" || namespace === options.namespace;
    const found = all.filter((each) => isWanted(each) && !suppressed.some((fits) => fits(each)));
    const rank = (level: string): number => LEVELS.indexOf(level as (typeof LEVELS)[number]);
    const shown = found.filter(({ level }) => rank(level) >= rank(options["output-threshold"]));
    print(shown, options.output);
    if (options.filename.length > 0 && found.some(({ code }) => code === "IST0106")) return EXIT_DATA;
    return found.some(({ level }) => rank(level) >= rank(options["failure-threshold"])) ? EXIT_FOUND : 0;
  },
});

interface FileOptions {
  readonly filename: readonly string[];
  readonly recursive: boolean;
  readonly offline: boolean;
  readonly namespace: string;
  readonly http: Address | undefined;
  readonly "state-dir": string | undefined;
}

async function ofFiles(options: FileOptions): Promise<readonly AnalysisMessage[]> {
  const { filename, recursive, namespace } = options;
  const manifests = readManifests(filename, recursive);
  const found = (await isWithMesh(options))
    ? await connect(options).analysisOf(manifests.stream, namespace)
    : analyzeFiles(manifests.stream, namespace);
  return found.map((each) => (each.file === STREAM ? { ...each, ...manifests.locate(each.line) } : each));
}

/** Who names a control plane means it, and is told where it is not. */
async function isWithMesh({ offline, http, "state-dir": stateDir = defaultStateDir() }: FileOptions): Promise<boolean> {
  if (offline) return false;
  const { address, from } = locate("http", http, stateDir);
  if (from === "--http" || from === "TULLE_HTTP" || (await accepts(address))) return true;
  process.stderr.write(style.dim("no control plane runs: the files by themselves\n", process.stderr));
  return false;
}

/** `IST0118=Service web.default`, parts of which may be `*`. */
function suppression(text: string): (message: AnalysisMessage) => boolean {
  const match = /^(\S+)=(\S+) (\S+?)(?:\.(\S+))?$/.exec(text);
  if (match === null) throw new UsageError(`-S ${text}: expected CODE=KIND NAME.NAMESPACE`);
  const fits = (pattern: string, value: string): boolean =>
    new RegExp(
      `^${pattern
        .split("*")
        .map((part) => RegExp.escape(part))
        .join(".*")}$`,
    ).test(value);
  const [, code = "", kind = "", name = "", namespace = "*"] = match;
  return (message) =>
    fits(code, message.code) &&
    fits(kind, message.kind) &&
    fits(name, message.resource) &&
    fits(namespace, message.namespace);
}

function print(messages: readonly AnalysisMessage[], format: string): void {
  if (format === "json" || format === "yaml") {
    console.log(format === "json" ? JSON.stringify(messages, undefined, 2) : stringify(messages).trimEnd());
    return;
  }
  if (messages.length === 0) {
    process.stderr.write("nothing was found\n");
    return;
  }
  if (format === "table") {
    const rows = messages.map(({ code, level, kind, namespace, resource, file, line, message }) => [
      paint(level),
      code,
      `${kind} ${namespace === "" ? "" : `${namespace}/`}${resource}`,
      `${file}:${line}`,
      message,
    ]);
    console.log(formatTable(rows, { header: ["LEVEL", "CODE", "OBJECT", "LINE", "MESSAGE"] }));
    return;
  }
  for (const { code, name, level, kind, namespace, resource, field, file, line, column, message, fix } of messages) {
    const object = `${kind} ${namespace === "" ? "" : `${namespace}/`}${resource}${field === "" ? "" : `: ${field}`}`;
    console.log(`${paint(level)} [${code} ${name}] (${object} ${style.bold(`${file}:${line}:${column}`)}) ${message}`);
    console.log(style.dim(`  ${fix}`));
  }
}

function paint(level: string): string {
  return level === "Error" ? style.bad(level) : level === "Warning" ? style.caution(level) : level;
}
