/** Applying, and the way back. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import type { UseMutationResult } from "@tanstack/react-query";
import { ApiError, postJson, postYaml, remove } from "../api/client.ts";
import type { Diagnostic } from "../api/types.ts";
import { objectApiPath } from "../url/address.ts";
import type { ObjectReference } from "../url/address.ts";
import { useSay } from "../ui/toasts.tsx";

interface ApplyAnswer {
  readonly results: readonly {
    readonly kind: string;
    readonly namespace: string;
    readonly name: string;
    readonly action: "created" | "configured" | "unchanged";
  }[];
  readonly diagnostics: readonly Diagnostic[];
  readonly change?: number;
}

export function useUndo(): (change: number) => Promise<void> {
  const queries = useQueryClient();
  const say = useSay();
  return async (change) => {
    try {
      await postJson(`api/v1/history/${change}/undo`, {});
      say({ tone: "ok", text: "Taken back." });
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      say({ tone: "bad", text: `Cannot be taken back: ${error.message}` });
    }
    await queries.invalidateQueries();
  };
}

export function useApply(
  done: () => void,
): UseMutationResult<ApplyAnswer, Error, { readonly text: string; readonly temporarySeconds?: number }> {
  const queries = useQueryClient();
  const say = useSay();
  const undo = useUndo();
  return useMutation({
    mutationFn: ({ text, temporarySeconds }) =>
      postYaml<ApplyAnswer>("api/v1/apply", text, { temporary: temporarySeconds }),
    onSuccess: async ({ results, change }) => {
      const changed = results.filter(({ action }) => action !== "unchanged");
      const names = changed.map(({ kind, name }) => `${kind} ${name}`).join(", ");
      say({
        tone: "ok",
        text: changed.length === 0 ? "Nothing had to be changed." : `Applied: ${names}.`,
        ...(change === undefined ? {} : { action: { name: "Undo", run: () => void undo(change) } }),
      });
      // At once: whoever goes elsewhere meanwhile is not to be called back.
      done();
      await queries.invalidateQueries();
    },
    onError: (error) => say({ tone: "bad", text: `Not applied: ${error.message}` }),
  });
}

export function useDelete(done: () => void): UseMutationResult<{ readonly change?: number }, Error, ObjectReference> {
  const queries = useQueryClient();
  const say = useSay();
  const undo = useUndo();
  return useMutation({
    mutationFn: (reference) => remove<{ readonly change?: number }>(objectApiPath(reference)),
    onSuccess: async ({ change }, { kind, name }) => {
      say({
        tone: "ok",
        text: `Removed: ${kind} ${name}.`,
        ...(change === undefined ? {} : { action: { name: "Undo", run: () => void undo(change) } }),
      });
      // At once: whoever goes elsewhere meanwhile is not to be called back.
      done();
      await queries.invalidateQueries();
    },
    onError: (error) => say({ tone: "bad", text: `Not removed: ${error.message}` }),
  });
}
