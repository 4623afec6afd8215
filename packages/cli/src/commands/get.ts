import { formatDiagnostic, groupOf, KINDS } from "@tulle/api";
import type { KindInfo } from "@tulle/api";
import { stringify } from "yaml";
import { defineCommand } from "../command.ts";
import type { ControlPlaneClient, StoredObject } from "../control-plane/client.ts";
import { age, columnsOf, specOf, statusText } from "../control-plane/columns.ts";
import { kindsNamed } from "../control-plane/kinds.ts";
import { apiOptions, connect, namespaceOption } from "../control-plane/options.ts";
import { CliError } from "../errors.ts";
import { style } from "../terminal/style.ts";
import { formatTable } from "../terminal/table.ts";

const ALL = "all";

export const get = defineCommand({
  name: "get",
  summary: "shows objects, and what became of each",
  usage: ["get KIND [NAME] [-n NS|-A] [-o table|yaml|json]"],
  description: `KIND is a kind's singular, plural or short name (vs, dr, gw, se, svc …), several with commas, or ${ALL}. STATUS says InForce, or what is not:
  Shadowed       another object takes precedence: which
  NotYetApplied  fields that Tulle does not have yet
  Ignored        it has no effect: why
  Invalid        it is wrong: how
Files that are wrong, and so not in force, are reported on stderr with their positions.`,
  examples: [
    { command: "tulle get vs", does: "the VirtualServices of namespace default" },
    { command: "tulle get all -A", does: "everything" },
    { command: "tulle get dr reviews -o yaml", does: "one object, as YAML that tulle apply takes" },
  ],
  options: {
    namespace: { ...namespaceOption, help: "the namespace" },
    "all-namespaces": { type: "flag", short: "A", help: "of all namespaces" },
    output: {
      type: "choice",
      short: "o",
      value: "FORMAT",
      choices: ["table", "yaml", "json"],
      default: "table",
      help: "how to print them",
    },
    ...apiOptions,
  },
  positionals: { min: 1, max: 2 },
  run: async ({ options, positionals }) => {
    const [kindName, name] = positionals as [string, string | undefined];
    const kinds = kindName === ALL ? KINDS : kindName.split(",").flatMap(kindsNamed);
    const client = connect(options);
    const filter = {
      ...(options["all-namespaces"] ? {} : { namespace: options.namespace }),
      ...(name === undefined ? {} : { name }),
    };
    const groups = await fetchGroups(client, kinds, filter);
    await reportBrokenFiles(client);
    const found = groups.flatMap(({ items }) => items);
    const place = options["all-namespaces"] ? "any namespace" : `namespace ${options.namespace}`;
    if (found.length === 0 && name !== undefined) throw new CliError(`${kindName} "${name}" not found in ${place}`);
    if (options.output !== "table") {
      process.stdout.write(options.output === "json" ? asJson(found, name) : asYaml(found));
    } else if (found.length === 0) {
      process.stderr.write(`nothing found in ${place}\n`);
    } else {
      const titled = kinds.length > 1;
      const tables = groups.map((group) => asTable(group, options["all-namespaces"], titled));
      console.log(tables.join("\n\n"));
    }
    return 0;
  },
});

interface ObjectGroup {
  readonly kind: KindInfo;
  readonly items: readonly StoredObject[];
}

async function fetchGroups(
  client: ControlPlaneClient,
  kinds: readonly KindInfo[],
  filter: { namespace?: string; name?: string },
): Promise<readonly ObjectGroup[]> {
  const only = kinds.length === 1 ? { kind: kinds[0]!.kind } : {};
  const stored = await client.objects({ ...filter, ...only });
  return kinds
    .map((kind) => ({
      kind,
      items: stored.filter(({ object }) => object.kind === kind.kind && groupOf(object.apiVersion) === kind.group),
    }))
    .filter(({ items }) => items.length > 0);
}

function asTable({ kind, items }: ObjectGroup, withNamespace: boolean, titled: boolean): string {
  const columns = columnsOf(kind.group, kind.kind);
  const aged = items.some(({ object }) => object.metadata.creationTimestamp !== undefined);
  const header = [
    ...(withNamespace ? ["NAMESPACE"] : []),
    "NAME",
    ...columns.map((column) => column.header),
    ...(aged ? ["AGE"] : []),
    "STATUS",
  ];
  const rows = items.map(({ object, status }) => [
    ...(withNamespace ? [object.metadata.namespace ?? ""] : []),
    titled ? `${kind.kind.toLowerCase()}/${object.metadata.name}` : object.metadata.name,
    ...columns.map((column) => column.value(specOf(object)) || "-"),
    ...(aged ? [age(object.metadata.creationTimestamp, Date.now())] : []),
    colouredStatus(statusText(status)),
  ]);
  return formatTable(rows, { header });
}

function colouredStatus(text: string): string {
  if (text === "InForce") return style.good(text);
  return text.includes("Invalid") ? style.bad(text) : style.caution(text);
}

/** The object as it is stored, and what became of it under `status.mesh`. */
function withStatus({ object, status }: StoredObject): object {
  const own = (object as { status?: object }).status;
  return { ...object, status: { ...own, mesh: status } };
}

function asJson(found: readonly StoredObject[], name: string | undefined): string {
  const objects = found.map(withStatus);
  const value =
    name !== undefined && objects.length === 1 ? objects[0] : { apiVersion: "v1", kind: "List", items: objects };
  return `${JSON.stringify(value, undefined, 2)}\n`;
}

function asYaml(found: readonly StoredObject[]): string {
  return found.map((stored) => stringify(withStatus(stored))).join("---\n");
}

async function reportBrokenFiles(client: ControlPlaneClient): Promise<void> {
  const errors = (await client.diagnostics()).filter(({ severity }) => severity === "error");
  for (const error of errors) process.stderr.write(`${style.bad(formatDiagnostic(error), process.stderr)}\n`);
  if (errors.length > 0) process.stderr.write("The last good version of these files stays in force.\n");
}
