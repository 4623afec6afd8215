import { groupOf } from "@tulle/api";
import { parseAllDocuments } from "yaml";
import { defineCommand } from "../command.ts";
import type { ControlPlaneClient, MeshObject, Reference } from "../control-plane/client.ts";
import { kindsNamed, qualifiedKind } from "../control-plane/kinds.ts";
import { readManifests } from "../control-plane/manifests.ts";
import { apiOptions, connect, namespaceOption } from "../control-plane/options.ts";
import { CliError, UsageError } from "../errors.ts";

export const deleteCommand = defineCommand({
  name: "delete",
  summary: "deletes objects",
  usage: ["delete KIND NAME… [-n NS]", "delete -f FILE|DIR|- [-n NS]"],
  description: `Removes objects from the control plane's configuration directory; what followed from them is out of force at once. With -f it
deletes the objects that the files name.`,
  examples: [
    { command: "tulle delete vs reviews", does: "one VirtualService" },
    { command: "tulle delete -f reviews.yaml", does: "what was applied from a file" },
  ],
  options: {
    filename: { type: "string", short: "f", value: "FILE|DIR|-", multiple: true, help: "files that name the objects" },
    recursive: { type: "flag", short: "R", help: "also directories below DIR" },
    namespace: namespaceOption,
    "ignore-not-found": { type: "flag", help: "an object that is not there is no error" },
    ...apiOptions,
  },
  positionals: { min: 0, max: Number.MAX_SAFE_INTEGER },
  run: async ({ options, positionals }) => {
    const [kind, ...names] = positionals;
    const client = connect(options);
    const references =
      kind === undefined
        ? referencesIn(readManifests(options.filename, options.recursive).stream, options.namespace)
        : await named(client, kind, names, options.namespace);
    let missing = 0;
    for (const reference of references) {
      const what = `${qualifiedKind(reference.kind, reference.group)} "${reference.name}"`;
      if (await client.delete(reference)) {
        console.log(`${what} deleted`);
      } else if (!options["ignore-not-found"]) {
        process.stderr.write(`${what} not found in namespace ${reference.namespace}\n`);
        missing++;
      }
    }
    return missing === 0 ? 0 : 1;
  },
});

async function named(
  client: ControlPlaneClient,
  kindName: string,
  names: readonly string[],
  namespace: string,
): Promise<readonly Reference[]> {
  if (names.length === 0) throw new UsageError(`no name given: tulle delete ${kindName} NAME`);
  const kinds = kindsNamed(kindName);
  if (kinds.length === 1) return names.map((name) => ({ ...kinds[0]!, namespace, name }));
  // A name for two kinds, such as gateway: what is there decides.
  return Promise.all(
    names.map(async (name) => {
      const there = (await client.objects({ namespace, name })).map(
        ({ object }) => groupOf(object.apiVersion) + object.kind,
      );
      const meant = kinds.filter(({ group, kind }) => there.includes(group + kind));
      if (meant.length <= 1) return { ...(meant[0] ?? kinds[0]!), namespace, name };
      const full = meant.map(({ plural, group }) => `${plural}.${group}`);
      throw new CliError(`${name} is the name of ${meant.length} objects`, [`Say which: ${full.join(" or ")}`]);
    }),
  );
}

function referencesIn(stream: string, namespace: string): readonly Reference[] {
  const references: Reference[] = [];
  for (const document of parseAllDocuments(stream)) {
    if (document.errors.length > 0) throw new CliError(document.errors[0]!.message);
    const object = document.toJS() as Partial<MeshObject> | null;
    if (object === null) continue;
    const { apiVersion, kind, metadata } = object;
    if (apiVersion === undefined || kind === undefined || metadata?.name === undefined) {
      throw new CliError("an object in the input lacks apiVersion, kind or metadata.name");
    }
    references.push({
      group: groupOf(apiVersion),
      kind,
      namespace: metadata.namespace ?? namespace,
      name: metadata.name,
    });
  }
  if (references.length === 0) throw new CliError("no objects in the input");
  return references;
}
