/** Objects: what they are, what became of them, and changing them. */
import { DEFAULT_NAMESPACE, findKind, groupOf, isKind } from "@tulle/api";
import type { KubeObject } from "@tulle/api";
import { applyStream, deleteObject } from "../source/files/apply.ts";
import { plainObject } from "../source/files/edits.ts";
import type { StreamDocument } from "../source/files/parse-stream.ts";
import { toYaml } from "../source/files/to-yaml.ts";
import { Statuses } from "../status/statuses.ts";
import type { ApiAnswer, ApiContext, ApiRequest } from "./http-api.ts";
import { HttpError } from "./messages.ts";

function list(context: ApiContext, { query, local }: ApiRequest): ApiAnswer {
  const wanted = { kind: query.get("kind"), namespace: query.get("namespace"), name: query.get("name") };
  const group = query.get("group");
  const snapshot = context.pusher.current();
  const statuses = new Statuses(snapshot);
  const items = [...context.directory.objects, ...snapshot.generated]
    .filter(({ loaded: { object } }) => {
      const { kind, metadata } = object;
      return (
        (wanted.kind === null || kind.toLowerCase() === wanted.kind.toLowerCase()) &&
        (group === null || groupOf(object.apiVersion) === group) &&
        (wanted.namespace === null || metadata.namespace === wanted.namespace) &&
        (wanted.name === null || metadata.name === wanted.name)
      );
    })
    .map((stored) => {
      const { object, source } = stored.loaded;
      const creationTimestamp = new Date(stored.createdAt).toISOString();
      return {
        object: {
          ...(local ? object : withoutSecrets(object)),
          metadata: { creationTimestamp, ...object.metadata },
        },
        source: { file: source.file, line: source.line },
        status: statuses.of(stored),
      };
    });
  return { json: { items } };
}

/** One object with its text, and what is to be said about its lines. */
function get(context: ApiContext, { path, local }: ApiRequest): ApiAnswer {
  const key = keyOf(path);
  const snapshot = context.pusher.current();
  const stored = context.directory.byKey.get(key) ?? snapshot.generated.find((one) => one.key === key);
  if (stored === undefined) throw new HttpError(404, `there is no ${path.slice(4).join(" ")}`);
  const { loaded } = stored;
  const { file, line } = loaded.source;
  const object = local ? loaded.object : withoutSecrets(loaded.object);
  const document = context.directory.files
    .get(file)
    ?.documents.find((one) => one.objects.length === 1 && one.objects[0] === loaded);
  const written = document !== undefined && object === loaded.object ? withoutMarker(document) : undefined;
  const statuses = new Statuses(snapshot);
  return {
    json: {
      object: {
        ...object,
        metadata: { creationTimestamp: new Date(stored.createdAt).toISOString(), ...object.metadata },
      },
      source: { file, line },
      status: statuses.of(stored),
      // Lines of a text that is not the file's would be wrong.
      ...(written === undefined
        ? { text: toYaml(plainObject(object)), firstLine: 1, diagnostics: [] }
        : { ...written, diagnostics: statuses.warnings(stored, loaded) }),
    },
  };
}

/** Lines are the file's. */
function withoutMarker({ text, startLine }: StreamDocument): { readonly text: string; readonly firstLine: number } {
  const marker = /^---[^\n]*\n/.exec(text);
  return marker === null
    ? { text, firstLine: startLine }
    : { text: text.slice(marker[0].length), firstLine: startLine + 1 };
}

/** Everybody on this machine can ask. Envoy's word for what it does not tell. */
function withoutSecrets(object: KubeObject): KubeObject {
  if (!isKind(object, "", "Secret")) return object;
  const hidden = (values: Readonly<Record<string, string>> | undefined): Readonly<Record<string, string>> =>
    Object.fromEntries(Object.keys(values ?? {}).map((key) => [key, "[redacted]"]));
  return {
    ...object,
    ...(object.data === undefined ? {} : { data: hidden(object.data) }),
    ...(object.stringData === undefined ? {} : { stringData: hidden(object.stringData) }),
  };
}

async function apply(context: ApiContext, request: ApiRequest): Promise<ApiAnswer> {
  const { query } = request;
  const options = { namespace: query.get("namespace") ?? DEFAULT_NAMESPACE, dryRun: query.get("dryRun") === "true" };
  const { results, diagnostics, objects } = await applyStream(context.directory, await request.body(), options);
  if (diagnostics.some(({ severity }) => severity === "error"))
    return { status: 422, json: { results: [], diagnostics } };
  if (options.dryRun) return { json: { results, diagnostics } };
  const statuses = new Statuses(context.pusher.current());
  const warnings = [...objects].flatMap(([key, written]) => {
    const stored = context.directory.byKey.get(key);
    return stored?.loaded.kindInfo.isMeshConfig === true ? statuses.warnings(stored, written) : [];
  });
  return { json: { results, diagnostics: [...diagnostics, ...warnings] } };
}

/** Of `…/objects/GROUP/KIND/NAMESPACE/NAME`. */
function keyOf(path: readonly string[]): string {
  const [group, kind, namespace, name] = path.slice(3) as [string, string, string, string];
  const apiGroup = group === "core" ? "" : group;
  return `${apiGroup}/${kind}/${findKind(apiGroup, kind)?.namespaced === false ? "" : namespace}/${name}`;
}

async function remove({ directory }: ApiContext, { path }: ApiRequest): Promise<ApiAnswer> {
  const [group, kind, namespace, name] = path.slice(3) as [string, string, string, string];
  if (!(await deleteObject(directory, keyOf(path))))
    throw new HttpError(404, `there is no ${kind} ${namespace}/${name}`);
  return { json: { deleted: { group, kind, namespace, name } } };
}

/** What is wrong with the files, and which of them are not in force as they are. */
function diagnostics({ directory }: ApiContext): ApiAnswer {
  const files = [...directory.files.values()]
    .filter(({ isCurrent }) => !isCurrent)
    .map(({ path, text }) => ({ path, inForce: text === undefined ? "nothing" : "last good version" }));
  return { json: { diagnostics: directory.diagnostics, files } };
}

export const objectHandlers = { list, get, apply, remove, diagnostics };
