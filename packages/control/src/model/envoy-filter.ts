/** EnvoyFilters with their values read, and which patches are for a proxy. (istio/istio `pilot/pkg/model/envoyfilter.go`) */
import { fromBinary, fromJson } from "@bufbuild/protobuf";
import type { DescMessage, JsonValue, Message } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import { isKind } from "@tulle/api";
import type { EnvoyConfigObjectPatch, Labels, LoadedObject } from "@tulle/api";
import { ClusterSchema } from "@tulle/xds/gen/envoy/config/cluster/v3/cluster_pb.js";
import {
  FilterChainSchema,
  FilterSchema,
  ListenerFilterSchema,
} from "@tulle/xds/gen/envoy/config/listener/v3/listener_components_pb.js";
import { ListenerSchema } from "@tulle/xds/gen/envoy/config/listener/v3/listener_pb.js";
import { RouteSchema, VirtualHostSchema } from "@tulle/xds/gen/envoy/config/route/v3/route_components_pb.js";
import { RouteConfigurationSchema } from "@tulle/xds/gen/envoy/config/route/v3/route_pb.js";
import { HttpFilterSchema } from "@tulle/xds/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import { TypedStructSchema } from "@tulle/xds/gen/xds/type/v3/typed_struct_pb.js";
import { messageTypes } from "@tulle/xds/message-types";
import { RE2JS } from "re2js";
import type { Origin } from "./origin.ts";
import { originOf } from "./origin.ts";
import type { PolicyScope } from "./policy-scope.ts";
import { isInScope, policyScope } from "./policy-scope.ts";
import type { StoredObject } from "./stored-object.ts";

/** What can be patched, and the message that a patch of it holds. EXTENSION_CONFIG and BOOTSTRAP are not: nothing is served so. */
const PATCHED = {
  LISTENER: ListenerSchema,
  LISTENER_FILTER: ListenerFilterSchema,
  FILTER_CHAIN: FilterChainSchema,
  NETWORK_FILTER: FilterSchema,
  HTTP_FILTER: HttpFilterSchema,
  ROUTE_CONFIGURATION: RouteConfigurationSchema,
  VIRTUAL_HOST: VirtualHostSchema,
  HTTP_ROUTE: RouteSchema,
  CLUSTER: ClusterSchema,
} as const satisfies Readonly<Record<string, DescMessage>>;

export type Patched = keyof typeof PATCHED;

export type PatchContext = "SIDECAR_INBOUND" | "SIDECAR_OUTBOUND" | "GATEWAY";

type Operation = NonNullable<NonNullable<EnvoyConfigObjectPatch["patch"]>["operation"]>;

export interface Patch {
  readonly applyTo: Patched;
  readonly operation: Operation;
  readonly match: NonNullable<EnvoyConfigObjectPatch["match"]>;
  /** Undefined: there is nothing to put anywhere (REMOVE). */
  readonly value: Message | undefined;
  /** Of the filter that it is or changes; "" for none. */
  readonly filterType: string;
  /** Tells apart what differs. */
  readonly key: string;
}

/** A patch as it is written, and why it is not applied where it is not. */
interface ReadPatch {
  readonly index: number;
  readonly patch: Patch | undefined;
  readonly problem: { readonly type: "Invalid" | "NotYetApplied" | "Ignored"; readonly message: string } | undefined;
}

export interface EnvoyFilterRule {
  readonly origin: Origin;
  readonly createdAt: number;
  readonly scope: PolicyScope;
  readonly priority: number;
  readonly patches: readonly ReadPatch[];
  readonly loaded: LoadedObject;
}

export function envoyFilterOf(stored: StoredObject): EnvoyFilterRule | undefined {
  const { object } = stored.loaded;
  if (!isKind(object, "networking.istio.io", "EnvoyFilter")) return undefined;
  const { spec } = object;
  const origin = originOf(stored.loaded);
  const labels = spec.workloadSelector?.labels;
  return {
    origin,
    createdAt: stored.createdAt,
    scope: policyScope(origin, {
      ...(labels === undefined ? {} : { selector: { matchLabels: labels } }),
      ...(spec.targetRefs === undefined ? {} : { targetRefs: spec.targetRefs }),
    }),
    priority: spec.priority ?? 0,
    patches: (spec.configPatches ?? []).map((patch, index) => readPatch(patch, index)),
    loaded: stored.loaded,
  };
}

function readPatch(spec: EnvoyConfigObjectPatch, index: number): ReadPatch {
  const { applyTo, match = {}, patch } = spec;
  const told = (type: NonNullable<ReadPatch["problem"]>["type"], message: string): ReadPatch => ({
    index,
    patch: undefined,
    problem: { type, message },
  });
  if (patch?.operation === undefined) return told("Invalid", "it has no operation");
  if (match.context === "WAYPOINT") return told("Ignored", "there are no waypoints");
  if (applyTo === undefined || !isPatched(applyTo)) {
    return told("NotYetApplied", `patches of ${applyTo ?? "nothing"}`);
  }
  const operation = effectiveOperation(applyTo, patch.operation);
  if (!DONE[applyTo].includes(operation)) return told("Ignored", `${operation} does nothing to ${applyTo}`);
  const read = operation === "REMOVE" ? undefined : readValue(PATCHED[applyTo], patch.value);
  if (typeof read === "string") return told("Invalid", `the value is not applied: ${read}`);
  const value = read;
  return {
    index,
    patch: { applyTo, operation, match, value, filterType: filterTypeOf(value), key: JSON.stringify(spec) },
    problem: undefined,
  };
}

/** Object.hasOwn: the name is a user's. */
function isPatched(applyTo: string): applyTo is Patched {
  return Object.hasOwn(PATCHED, applyTo);
}

const FILTER_OPERATIONS: readonly Operation[] = [
  "MERGE",
  "ADD",
  "REMOVE",
  "INSERT_FIRST",
  "INSERT_BEFORE",
  "INSERT_AFTER",
  "REPLACE",
];
const OBJECT_OPERATIONS: readonly Operation[] = ["MERGE", "MERGE_AND_REPLACE_LIST", "ADD", "REMOVE"];

/** What Istio does of all that can be written. */
const DONE: Readonly<Record<Patched, readonly Operation[]>> = {
  LISTENER: OBJECT_OPERATIONS,
  LISTENER_FILTER: FILTER_OPERATIONS,
  FILTER_CHAIN: OBJECT_OPERATIONS,
  NETWORK_FILTER: FILTER_OPERATIONS,
  HTTP_FILTER: FILTER_OPERATIONS,
  ROUTE_CONFIGURATION: ["MERGE", "MERGE_AND_REPLACE_LIST"],
  VIRTUAL_HOST: [...OBJECT_OPERATIONS, "REPLACE"],
  HTTP_ROUTE: [...OBJECT_OPERATIONS, "INSERT_FIRST", "INSERT_BEFORE", "INSERT_AFTER"],
  CLUSTER: OBJECT_OPERATIONS,
};

/** Where there is no order, to insert is to add. */
function effectiveOperation(applyTo: Patched, operation: Operation): Operation {
  const inserts = operation === "INSERT_FIRST" || operation === "INSERT_BEFORE" || operation === "INSERT_AFTER";
  return inserts && !DONE[applyTo].includes(operation) ? "ADD" : operation;
}

/** The message, or what is wrong with it. */
function readValue(schema: DescMessage, value: unknown): Message | string {
  try {
    return fromJson(schema, (value ?? {}) as JsonValue, { registry: messageTypes });
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const [, type] = /from JSON: (\S+) is not in the type registry/.exec(error.message) ?? [];
    return type === undefined ? error.message : `nothing is known of the type ${nameIn(type)}`;
  }
}

function filterTypeOf(value: Message | undefined): string {
  if (value === undefined || !("configType" in value)) return "";
  const config = value.configType as { readonly case?: string; readonly value?: Any };
  if (config.case !== "typedConfig" || config.value === undefined) return "";
  const type = nameIn(config.value.typeUrl);
  // The two are the same on the wire, and stand for what is in them.
  const stands = type === TypedStructSchema.typeName || type === "udpa.type.v1.TypedStruct";
  return stands ? nameIn(fromBinary(TypedStructSchema, config.value.value).typeUrl) : type;
}

function nameIn(typeUrl: string): string {
  return typeUrl.slice(typeUrl.lastIndexOf("/") + 1);
}

/** Who is asked for. */
export interface PatchedProxy {
  readonly namespace: string;
  readonly labels: Labels;
  /** "" if it does not say. (`ISTIO_VERSION`) */
  readonly version: string;
  /** Its metadata, as far as it is text. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Types of filters that it has; undefined: it has whatever there is. */
  readonly filterTypes: ReadonlySet<string> | undefined;
}

/** In the order in which they are applied. */
export function patchesFor(
  rules: readonly EnvoyFilterRule[],
  rootNamespace: string,
  proxy: PatchedProxy,
): readonly Patch[] {
  return rules
    .filter(({ scope }) => isInScope(scope, rootNamespace, proxy))
    .sort((a, b) => a.priority - b.priority || place(a, rootNamespace) - place(b, rootNamespace))
    .flatMap(({ patches }) => patches.flatMap(({ patch }) => patch ?? []))
    .filter((patch) => isFor(patch, proxy));
}

/** The sort is stable: rules come in order of creation. */
function place({ origin }: EnvoyFilterRule, rootNamespace: string): number {
  return origin.namespace === rootNamespace ? 0 : 1;
}

/** More than versions need; what is longer matches nobody. (`maxProxyVersionLen`) */
const MAX_PATTERN = 1024;

function isFor({ match: { proxy: wanted }, filterType }: Patch, proxy: PatchedProxy): boolean {
  if (filterType !== "" && proxy.filterTypes?.has(filterType) === false) return false;
  if (wanted === undefined) return true;
  const { proxyVersion = "", metadata = {} } = wanted;
  if (proxyVersion !== "") {
    if (proxy.version === "" || proxyVersion.length > MAX_PATTERN) return false;
    if (!RE2JS.compile(proxyVersion).matcher(proxy.version).find()) return false;
  }
  return Object.entries(metadata).every(([key, value]) => proxy.metadata[key] === value);
}
