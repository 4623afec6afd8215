/** JSON from strangers: whatever is not of the type that is wanted is as if it were absent. */
import { IngestError } from "./ingest-error.ts";

export type JsonObject = Readonly<Record<string, unknown>>;

/** Throws IngestError. */
export function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    throw new IngestError("the body is no JSON in UTF-8", { cause: error });
  }
}

export const objectOf = (value: unknown): JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as JsonObject) : {};

export const listOf = (value: unknown): readonly JsonObject[] =>
  Array.isArray(value) ? (value as unknown[]).map(objectOf) : [];

export const textOf = (value: unknown): string => (typeof value === "string" ? value : "");

/** Also in quotes, as protobuf's JSON has 64 bits. */
export function numberOf(value: unknown): number {
  if (typeof value === "number") return value;
  return typeof value === "string" && value !== "" ? Number(value) : Number.NaN;
}
