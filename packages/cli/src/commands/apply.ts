import { formatDiagnostic, KINDS } from "@tulle/api";
import { defineCommand } from "../command.ts";
import { qualifiedKind } from "../control-plane/kinds.ts";
import { readManifests } from "../control-plane/manifests.ts";
import { apiOptions, connect, namespaceOption } from "../control-plane/options.ts";
import { CliError } from "../errors.ts";
import { style } from "../terminal/style.ts";

export const apply = defineCommand({
  name: "apply",
  summary: "creates and changes objects from YAML",
  usage: ["apply -f FILE|DIR|- [-n NS] [--dry-run]"],
  description: `Sends the objects to the control plane, which writes them to its configuration directory and puts them in force at once. All or
nothing: if anything is wrong, every mistake is printed with file, line and column, and nothing changes.`,
  examples: [
    { command: "tulle apply -f reviews.yaml", does: "one file" },
    { command: "tulle apply -f mesh/ -R", does: "a directory tree" },
    { command: "cat *.yaml | tulle apply -f -", does: "standard input" },
    { command: "tulle apply --dry-run -f reviews.yaml", does: "only check it" },
  ],
  options: {
    filename: { type: "string", short: "f", value: "FILE|DIR|-", multiple: true, help: "what to apply" },
    recursive: { type: "flag", short: "R", help: "also directories below DIR" },
    namespace: namespaceOption,
    "dry-run": { type: "flag", help: "check and say what would happen, change nothing" },
    ...apiOptions,
  },
  run: async ({ options }) => {
    const manifests = readManifests(options.filename, options.recursive);
    const { results, diagnostics } = await connect(options).apply(manifests.stream, {
      namespace: options.namespace,
      dryRun: options["dry-run"],
    });
    for (const diagnostic of diagnostics) {
      const message = diagnostic.message.replace(/\bin line (\d+)/, (_, line: string) => {
        const other = manifests.locate(Number(line));
        return `at ${other.file}:${other.line}`;
      });
      const text = formatDiagnostic({ ...diagnostic, message, ...manifests.locate(diagnostic.line) });
      process.stderr.write(`${(diagnostic.severity === "error" ? style.bad : style.caution)(text, process.stderr)}\n`);
    }
    const errors = diagnostics.filter(({ severity }) => severity === "error").length;
    if (errors > 0) throw new CliError(`${errors} ${errors === 1 ? "error" : "errors"}; nothing was applied`);
    if (results.length === 0) throw new CliError("no objects in the input");
    for (const { kind, name, action } of results) {
      const suffix = options["dry-run"] ? " (dry run)" : "";
      console.log(`${qualifiedKind(kind, groupOfKind(kind))}/${name} ${action}${suffix}`);
    }
    return 0;
  },
});

function groupOfKind(kind: string): string {
  return KINDS.find((info) => info.kind === kind)?.group ?? "";
}
