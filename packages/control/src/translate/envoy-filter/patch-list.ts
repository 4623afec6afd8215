/** The patches of one proxy, by what they are for. */
import type { Message } from "@bufbuild/protobuf";
import { clone } from "@bufbuild/protobuf";
import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import type { Patch, PatchContext, Patched } from "../../model/envoy-filter.ts";
import { mergeInto } from "./merge.ts";

export class PatchList {
  readonly isGateway: boolean;
  readonly #byTarget: ReadonlyMap<Patched, readonly Patch[]>;

  constructor(patches: readonly Patch[], isGateway: boolean) {
    this.isGateway = isGateway;
    this.#byTarget = Map.groupBy(patches, ({ applyTo }) => applyTo);
  }

  of(target: Patched): readonly Patch[] {
    return this.#byTarget.get(target) ?? NONE;
  }

  has(...targets: readonly Patched[]): boolean {
    return targets.some((target) => this.#byTarget.has(target));
  }
}

const NONE: readonly Patch[] = [];

export function isInContext({ match: { context = "ANY" } }: Patch, own: PatchContext): boolean {
  return context === "ANY" || context === own;
}

/** What is added once to a proxy, not to each thing that matches, is for who sends unless it says otherwise. */
export function isAdded({ operation, match: { context = "ANY" } }: Patch, isGateway: boolean): boolean {
  if (operation !== "ADD") return false;
  if (context === "ANY") return true;
  return isGateway ? context === "GATEWAY" : context !== "GATEWAY" && context !== "WAYPOINT";
}

export function merges({ operation }: Patch): boolean {
  return operation === "MERGE" || operation === "MERGE_AND_REPLACE_LIST";
}

/** A patch's value, to be changed by those that come after it. */
export function valueOf<Desc extends DescMessage>(schema: Desc, { value }: Patch): MessageShape<Desc> {
  // What a patch of this kind holds was read by the same schema.
  return clone(schema, value as MessageShape<Desc>);
}

export function mergeValue<Desc extends DescMessage>(
  schema: Desc,
  target: MessageShape<Desc>,
  { operation, value }: Patch,
): void {
  if (value !== undefined) mergeInto(schema, target, value as Message, operation === "MERGE_AND_REPLACE_LIST");
}

/** Puts a value into a list where the patch says. @param matches undefined: the patch names no place, so it is the end or the beginning */
export function placed<T>(
  list: readonly T[],
  { operation }: Patch,
  matches: ((item: T) => boolean) | undefined,
  value: () => T,
): T[] {
  const at = matches === undefined ? -1 : list.findIndex(matches);
  switch (operation) {
    case "ADD":
      return [...list, value()];
    case "INSERT_FIRST":
      return [value(), ...list];
    case "INSERT_AFTER":
      if (matches === undefined) return [...list, value()];
      return at < 0 ? [...list] : list.toSpliced(at + 1, 0, value());
    case "INSERT_BEFORE":
      if (matches === undefined) return [value(), ...list];
      return at < 0 ? [...list] : list.toSpliced(at, 0, value());
    case "REPLACE":
      return at < 0 ? [...list] : list.with(at, value());
    case "REMOVE":
      return matches === undefined ? [...list] : list.filter((item) => !matches(item));
    default:
      return [...list];
  }
}
