/** What was changed, and taking it back. */
import { undoChange } from "../source/changes/undo.ts";
import type { ApiAnswer, ApiContext, ApiRequest } from "./handler.ts";
import { HttpError } from "./messages.ts";

const DEFAULT_LIMIT = 50;

function list({ history }: ApiContext, { query }: ApiRequest): ApiAnswer {
  const limit = Number(query.get("limit") ?? DEFAULT_LIMIT);
  if (!Number.isInteger(limit) || limit < 1) throw new HttpError(400, "limit must be a whole number from 1");
  const kind = query.get("kind");
  const name = query.get("name");
  const namespace = query.get("namespace");
  const items = history.changes.filter(({ objects }) =>
    objects.some(
      (one) =>
        (kind === null || one.kind === kind) &&
        (name === null || one.name === name) &&
        (namespace === null || one.namespace === namespace),
    ),
  );
  return { json: { items: items.slice(0, limit), total: items.length } };
}

async function undo({ history, directory }: ApiContext, { path }: ApiRequest): Promise<ApiAnswer> {
  const change = history.changes.find(({ id }) => String(id) === path[3]);
  if (change === undefined) throw new HttpError(404, `change ${path[3]!} is not remembered`);
  const { next } = history;
  const reason = await undoChange(directory, change);
  if (reason !== undefined) throw new HttpError(409, reason);
  history.attribute(next, new Set(change.objects.map(({ key }) => key)), "undo");
  return { json: { undone: change.id } };
}

export const historyHandlers = { list, undo };
