/** Objects: what they are, what became of them, and changing them. */
import { DEFAULT_NAMESPACE, findKind, groupOf, isKind } from "@tulle/api";
import type { KubeObject } from "@tulle/api";
import { temporaryText } from "../source/changes/temporary.ts";
import { streamOf } from "../source/changes/undo.ts";
import { applyStream, deleteObject } from "../source/files/apply.ts";
import type { ApplyAnswer, ApplyOptions } from "../source/files/apply.ts";
import { plainObject } from "../source/files/edits.ts";
import { textOf } from "../source/files/text-of.ts";
import { toYaml } from "../source/files/to-yaml.ts";
import { Statuses } from "../status/statuses.ts";
import type { ApiAnswer, ApiContext, ApiRequest } from "./handler.ts";
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
  const written = textOf(stored, context.directory.files);
  // Lines of a text that is not the file's would be wrong.
  const isWritten = written.isWritten && object === loaded.object;
  const statuses = new Statuses(snapshot);
  return {
    json: {
      object: {
        ...object,
        metadata: { creationTimestamp: new Date(stored.createdAt).toISOString(), ...object.metadata },
      },
      source: { file, line },
      status: statuses.of(stored),
      text: isWritten ? written.text : toYaml(plainObject(object)),
      firstLine: isWritten ? written.firstLine : 1,
      diagnostics: isWritten ? statuses.warnings(stored, loaded) : [],
    },
  };
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
  const { query, headers } = request;
  const { directory, history } = context;
  const options = { namespace: query.get("namespace") ?? DEFAULT_NAMESPACE, dryRun: query.get("dryRun") === "true" };
  const { next } = history;
  const text = await request.body();
  const seconds = temporarySeconds(query.get("temporary"));
  const { results, diagnostics, objects } =
    seconds === undefined
      ? await applyStream(directory, text, options)
      : await applyTemporarily(context, text, options, context.clock.now() + seconds * 1000);
  if (diagnostics.some(({ severity }) => severity === "error"))
    return { status: 422, json: { results: [], diagnostics } };
  if (options.dryRun) return { json: { results, diagnostics } };
  const isPage = headers["sec-fetch-site"] !== undefined || headers.origin !== undefined;
  history.attribute(next, new Set(objects.keys()), isPage ? "console" : "api");
  const statuses = new Statuses(context.pusher.current());
  const warnings = [...objects].flatMap(([key, written]) => {
    const stored = directory.byKey.get(key);
    return stored?.loaded.kindInfo.isMeshConfig === true ? statuses.warnings(stored, written) : [];
  });
  // What was changed, to be taken back by; absent if nothing was.
  const change = history.changes.find(({ id }) => id >= next);
  return {
    json: {
      results,
      diagnostics: [...diagnostics, ...warnings],
      ...(change === undefined ? {} : { change: change.id }),
    },
  };
}

/** What is forgotten by everybody should not be temporary. */
const MAX_TEMPORARY_SECONDS = 7 * 86_400;

function temporarySeconds(text: string | null): number | undefined {
  if (text === null) return undefined;
  const seconds = Number(text);
  if (Number.isInteger(seconds) && seconds >= 1 && seconds <= MAX_TEMPORARY_SECONDS) return seconds;
  throw new HttpError(400, `temporary is a number of seconds, from 1 to ${MAX_TEMPORARY_SECONDS}`);
}

/** The same objects, each with until when it is there and what it replaces. */
async function applyTemporarily(
  { directory }: ApiContext,
  text: string,
  options: ApplyOptions,
  untilMs: number,
): Promise<ApplyAnswer> {
  const checked = await applyStream(directory, text, { ...options, dryRun: true });
  if (checked.results.length === 0) return checked;
  const texts = [...checked.objects].map(([key, { object }]) =>
    temporaryText(object, untilMs, directory.byKey.get(key), directory.files),
  );
  const { results, diagnostics } = await applyStream(directory, streamOf(texts), options);
  // Positions are those in the text that was sent.
  return { results, diagnostics: results.length === 0 ? diagnostics : checked.diagnostics, objects: checked.objects };
}

/** Of `…/objects/GROUP/KIND/NAMESPACE/NAME`. */
function keyOf(path: readonly string[]): string {
  const [group, kind, namespace, name] = path.slice(3) as [string, string, string, string];
  const apiGroup = group === "core" ? "" : group;
  return `${apiGroup}/${kind}/${findKind(apiGroup, kind)?.namespaced === false ? "" : namespace}/${name}`;
}

async function remove({ directory, history }: ApiContext, { path, headers }: ApiRequest): Promise<ApiAnswer> {
  const [group, kind, namespace, name] = path.slice(3) as [string, string, string, string];
  const key = keyOf(path);
  const { next } = history;
  if (!(await deleteObject(directory, key))) throw new HttpError(404, `there is no ${kind} ${namespace}/${name}`);
  history.attribute(next, new Set([key]), headers["sec-fetch-site"] === undefined ? "api" : "console");
  const change = history.changes.find(({ id }) => id >= next);
  return {
    json: { deleted: { group, kind, namespace, name }, ...(change === undefined ? {} : { change: change.id }) },
  };
}

/** What is wrong with the files, and which of them are not in force as they are. */
function diagnostics({ directory }: ApiContext): ApiAnswer {
  const files = [...directory.files.values()]
    .filter(({ isCurrent }) => !isCurrent)
    .map(({ path, text }) => ({ path, inForce: text === undefined ? "nothing" : "last good version" }));
  return { json: { diagnostics: directory.diagnostics, files } };
}

export const objectHandlers = { list, get, apply, remove, diagnostics };
