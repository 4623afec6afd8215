/** From what a resource says of its origin to the line of YAML. */
import { matchesLabels, resolveShortName } from "@tulle/api";
import type { KubeObject, Path } from "@tulle/api";
import { formatPath } from "@tulle/api";
import type { ExplainWorld, StoredObject } from "@tulle/control/explainer";
import type { Metadata } from "@tulle/xds/gen/envoy/config/core/v3/base_pb.js";
import type { OriginLink } from "./answer.ts";

/** (control/src/translate/origin.ts) */
const ORIGIN_METADATA = "tulle.origin";

/** What a resource's metadata says. */
export interface OriginOf {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly field: string;
  /** Which of the conditions under `match` it is for; undefined: there are none, or they are not written in one place. */
  readonly match: number | undefined;
}

/** Undefined: it was made by nobody's YAML. */
export function originOf(metadata: Metadata | undefined): OriginOf | undefined {
  const origin = metadata?.filterMetadata[ORIGIN_METADATA];
  if (origin === undefined) return undefined;
  const text = (name: string): string => (typeof origin[name] === "string" ? origin[name] : "");
  const match = origin["match"];
  return {
    kind: text("kind"),
    namespace: text("namespace"),
    name: text("name"),
    field: text("field"),
    match: typeof match === "number" ? match : undefined,
  };
}

export class Origins {
  readonly #world: ExplainWorld;
  readonly #lines = new Map<string, readonly string[]>();

  constructor(world: ExplainWorld) {
    this.#world = world;
  }

  find({ kind, namespace, name }: Pick<OriginLink, "kind" | "namespace" | "name">): StoredObject | undefined {
    return this.#world.objects.find(
      ({ loaded: { object } }) =>
        object.kind === kind && object.metadata.name === name && object.metadata.namespace === namespace,
    );
  }

  ofKind(kind: string): readonly StoredObject[] {
    return this.#world.objects.filter(({ loaded }) => loaded.object.kind === kind);
  }

  /** @param path within the object; what is not written there has the line of what it would be in */
  link(origin: Pick<OriginOf, "kind" | "namespace" | "name">, path: Path): OriginLink {
    const { kind, namespace, name } = origin;
    const base = { kind, namespace, name, field: formatPath(path) };
    const stored = this.find(origin);
    if (stored === undefined) return base;
    const { source, positionOf } = stored.loaded;
    if (source.line === 0) return base;
    const { line } = path.length === 0 ? source : positionOf(path);
    const text = this.#textAt(source.file, line);
    return { ...base, file: source.file, line, ...(text === undefined ? {} : { text }) };
  }

  of(metadata: Metadata | undefined): OriginLink | undefined {
    const origin = originOf(metadata);
    return origin && this.link(origin, parsePath(origin.field));
  }

  #textAt(file: string, line: number): string | undefined {
    let lines = this.#lines.get(file);
    if (lines === undefined) {
      lines = (this.#world.textOf(file) ?? "").split("\n");
      this.#lines.set(file, lines);
    }
    const text = lines[line - 1];
    return text === undefined ? undefined : text.trimEnd();
  }
}

/** `spec.http[0].headers["x.y"]` → `["spec", "http", 0, "headers", "x.y"]`: what `formatPath` makes. */
export function parsePath(text: string): Path {
  const path: (string | number)[] = [];
  for (const [, name, index, quoted] of text.matchAll(/([\w@-]+)|\[(\d+)\]|\[("(?:[^"\\]|\\.)*")\]/g)) {
    if (quoted !== undefined) path.push(JSON.parse(quoted) as string);
    else if (index !== undefined) path.push(Number(index));
    else if (name !== undefined) path.push(name);
  }
  return path;
}

/** What an object has at a path. */
export function valueAt(object: KubeObject | undefined, path: Path): unknown {
  let value: unknown = object;
  for (const step of path) {
    if (typeof value !== "object" || value === null) return undefined;
    value = (value as Readonly<Record<string | number, unknown>>)[step];
  }
  return value;
}

/** The items of a list in an object. */
export function listAt(object: KubeObject | undefined, path: Path): readonly unknown[] {
  const value = valueAt(object, path);
  return Array.isArray(value) ? (value as readonly unknown[]) : [];
}

/** A text in an object; "" if there is none. */
export function textAt(value: unknown, ...path: Path): string {
  const found = valueAt(value as KubeObject, path);
  return typeof found === "string" ? found : typeof found === "number" ? String(found) : "";
}

/** Full name, as rules mean it. */
export function fullHost(host: string, namespace: string, domain: string): string {
  return resolveShortName(host, namespace, domain).toLowerCase();
}

export { matchesLabels };
