import type {
  OverloadAction,
  OverloadManager,
  ResourceMonitor,
  Trigger,
} from "@tulle/xds/gen/envoy/config/overload/v3/overload_pb.js";
import type { DownstreamConnectionsConfig } from "@tulle/xds/gen/envoy/extensions/resource_monitors/downstream_connections/v3/downstream_connections_pb.js";
import type { FixedHeapConfig } from "@tulle/xds/gen/envoy/extensions/resource_monitors/fixed_heap/v3/fixed_heap_pb.js";
import { milliseconds } from "./duration.ts";
import type { Place } from "./problems.ts";
import { unpackExtension } from "./schemas.ts";
import { DOWNSTREAM_CONNECTIONS_MONITOR, FIXED_HEAP_MONITOR } from "./supported-fields/index.ts";

/** `overload_manager` of a bootstrap. */
export interface OverloadPlan {
  /** How often resources are looked at, default 1 s. */
  readonly refreshMs: number;
  readonly monitors: readonly HeapMonitorPlan[];
  /** Of all listeners together; Infinity: as many as like. */
  readonly maxConnections: number;
  readonly actions: readonly OverloadActionPlan[];
}

export interface HeapMonitorPlan {
  readonly name: string;
  readonly maxBytes: number;
}

export interface OverloadActionPlan {
  readonly name: string;
  readonly triggers: readonly OverloadTrigger[];
}

/** From `from` on the action begins, at `to` it is all there. A threshold has one number for both. */
interface OverloadTrigger {
  readonly monitor: string;
  readonly from: number;
  readonly to: number;
}

export const STOP_ACCEPTING_REQUESTS = "envoy.overload_actions.stop_accepting_requests";
export const DISABLE_KEEPALIVE = "envoy.overload_actions.disable_http_keepalive";
export const STOP_ACCEPTING_CONNECTIONS = "envoy.overload_actions.stop_accepting_connections";
export const REJECT_CONNECTIONS = "envoy.overload_actions.reject_incoming_connections";
/** The runtime gives memory back by itself: it is shown, and nothing else. */
const SHRINK_HEAP = "envoy.overload_actions.shrink_heap";

/** Load shed points: the same for these two, by other names. */
export const SHED_CONNECTIONS = "envoy.load_shed_points.tcp_listener_accept";
export const SHED_REQUESTS = "envoy.load_shed_points.http_connection_manager_decode_headers";

const POINTS: readonly string[] = [SHED_CONNECTIONS, SHED_REQUESTS];
const ACTIONS: readonly string[] = [
  STOP_ACCEPTING_REQUESTS,
  DISABLE_KEEPALIVE,
  STOP_ACCEPTING_CONNECTIONS,
  REJECT_CONNECTIONS,
  SHRINK_HEAP,
];

/** Source: Envoy api/envoy/config/overload/v3/overload.proto, refresh_interval. */
const DEFAULT_REFRESH_MS = 1_000;

/** Envoy's words (`source/server/overload_manager_impl.cc`). */
export function compileOverload(message: OverloadManager | undefined, place: Place): OverloadPlan | null {
  if (message === undefined) return null;
  const monitors: HeapMonitorPlan[] = [];
  let maxConnections = Infinity;
  const names = new Set<string>();
  message.resourceMonitors.forEach((monitor, i) => {
    const at = place.item("resource_monitors", i);
    if (names.has(monitor.name)) at.refuse(`Duplicate resource monitor ${monitor.name}`);
    names.add(monitor.name);
    const limit = limitOf(monitor);
    if (limit === null) at.refuse(`${monitor.name} has no configuration`);
    else if (limit.of === "connections") maxConnections = limit.max;
    else monitors.push({ name: monitor.name, maxBytes: limit.max });
  });
  return {
    refreshMs: milliseconds(message.refreshInterval, DEFAULT_REFRESH_MS),
    monitors,
    maxConnections,
    actions: [
      ...compileActions(message.actions, ACTIONS, names, (i) => place.item("actions", i)),
      ...compileActions(message.loadshedPoints, POINTS, names, (i) => place.item("loadshed_points", i)),
    ],
  };
}

function limitOf({
  configType,
}: ResourceMonitor): { readonly of: "connections" | "heap"; readonly max: number } | null {
  if (configType.case !== "typedConfig") return null;
  const { typeName, message } = unpackExtension(configType.value);
  if (typeName === DOWNSTREAM_CONNECTIONS_MONITOR) {
    const { maxActiveDownstreamConnections } = message as DownstreamConnectionsConfig;
    return { of: "connections", max: Number(maxActiveDownstreamConnections) };
  }
  if (typeName !== FIXED_HEAP_MONITOR) return null;
  return { of: "heap", max: Number((message as FixedHeapConfig).maxHeapSizeBytes) };
}

function compileActions(
  actions: readonly Pick<OverloadAction, "name" | "triggers">[],
  known: readonly string[],
  monitors: ReadonlySet<string>,
  placeOf: (index: number) => Place,
): readonly OverloadActionPlan[] {
  const names = new Set<string>();
  return actions.map(({ name, triggers }, i) => {
    const at = placeOf(i);
    if (!known.includes(name)) at.refuse(`${name} is not supported (only ${known.join(", ")})`);
    if (names.has(name)) at.refuse(`Duplicate overload action ${name}`);
    names.add(name);
    const triggering = new Set<string>();
    return {
      name,
      triggers: triggers.map((trigger, j) => {
        const where = at.item("triggers", j);
        if (!monitors.has(trigger.name)) {
          where.refuse(`Unknown trigger resource ${trigger.name} for overload action ${name}`);
        }
        if (triggering.has(trigger.name)) where.refuse(`Duplicate trigger resource for overload action ${name}`);
        triggering.add(trigger.name);
        return compileTrigger(trigger, where);
      }),
    };
  });
}

function compileTrigger({ name: monitor, triggerOneof }: Trigger, place: Place): OverloadTrigger {
  if (triggerOneof.case !== "scaled") {
    const value = triggerOneof.value?.value ?? 1;
    return { monitor, from: value, to: value };
  }
  const { scalingThreshold: from, saturationThreshold: to } = triggerOneof.value;
  if (from >= to) place.refuse("scaling_threshold must be less than saturation_threshold");
  return { monitor, from, to };
}
