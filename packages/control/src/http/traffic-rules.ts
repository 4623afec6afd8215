/** What is done to traffic on purpose: rules as badges of the services that they are for, and what is changed now. */
import { parseDuration } from "@tulle/api";
import type { IstioHttpRoute, KubeObject } from "@tulle/api";
import type { ActiveChange, Badge, ObjectRef } from "@tulle/telemetry/insight";
import type { HttpRule } from "../model/http-rule.ts";
import type { Origin } from "../model/origin.ts";
import type { Snapshot } from "../model/snapshot.ts";
import type { VirtualServiceRule } from "../model/virtual-service.ts";
import type { RuleFacts } from "../telemetry/insight/facts.ts";

export interface TrafficRules {
  /** By host of a service. */
  readonly badges: ReadonlyMap<string, readonly Badge[]>;
  readonly objects: ReadonlyMap<string, readonly ObjectRef[]>;
  readonly active: readonly ActiveChange[];
  readonly delays: readonly RuleFacts[];
}

export function trafficRules(snapshot: Snapshot): TrafficRules {
  const badges = new Map<string, Badge[]>();
  const objects = new Map<string, ObjectRef[]>();
  const active: ActiveChange[] = [];
  const delays: RuleFacts[] = [];
  const about = (host: string, object: ObjectRef, badge?: Badge): void => {
    add(objects, host, object, ({ kind, namespace, name }) => `${kind} ${namespace}/${name}`);
    if (badge !== undefined) add(badges, host, badge, ({ kind, text }) => `${kind} ${text}`);
  };
  for (const rule of snapshot.virtualServices) {
    const whole = refTo(rule.origin);
    const until = untilOf(rule.loaded.object);
    const hosts = new Set(
      [...rule.hosts, ...rule.facts.destinations].filter((host) => snapshot.serviceByHost.has(host)),
    );
    const change = (kind: ActiveChange["kind"], host: string, text: string, object: ObjectRef): void =>
      void active.push({ kind, host, text, object, until });
    for (const host of hosts) about(host, whole, { kind: "virtual-service", text: ruleText(rule), objects: [whole] });
    for (const item of rule.http) {
      for (const { kind, text, field } of effectsOf(item)) {
        const object = fieldRef(rule, item, field);
        const subjects = item.route.route?.map(({ destination }) => destination.host) ?? rule.hosts;
        for (const host of new Set(subjects)) about(host, object, { kind, text, objects: [object] });
        if (kind === "fault" || kind === "mirror" || kind === "shifting") change(kind, subjects[0] ?? "", text, object);
      }
      delays.push(...delaysOf(rule, item));
    }
    for (const [index, { route = [] }] of (rule.spec.tcp ?? []).entries()) {
      if (route.length < 2) continue;
      const text = route.map(({ destination, weight = 0 }) =>
        shareText(weight, destination.subset ?? destination.host),
      );
      const object = { ...whole, field: `tcp[${index}].route` };
      for (const { host } of rule.connectionDestinations) {
        about(host, object, { kind: "tcp-shifting", text: text.join(", "), objects: [object] });
      }
      change("tcp-shifting", rule.connectionDestinations[0]?.host ?? "", text.join(", "), object);
    }
  }
  for (const rule of snapshot.destinationRules) {
    const object = refTo(rule.origin);
    const policies = [rule.spec.trafficPolicy, ...(rule.spec.subsets ?? []).map(({ trafficPolicy }) => trafficPolicy)];
    const breaks = policies.some(
      (policy) => policy?.connectionPool !== undefined || policy?.outlierDetection !== undefined,
    );
    about(
      rule.host,
      object,
      breaks ? { kind: "circuit-breaker", text: "circuit breaker", objects: [object] } : undefined,
    );
  }
  for (const rule of snapshot.fallbacks) {
    const object = refTo(rule.origin);
    about(rule.host, object, { kind: "fallback", text: "fallback", objects: [object] });
  }
  return { badges, objects, active, delays };
}

function ruleText({ origin, http }: VirtualServiceRule): string {
  return `VirtualService ${origin.namespace}/${origin.name}, ${http.length} HTTP routes`;
}

interface Effect {
  readonly kind: "fault" | "mirror" | "shifting" | "timeout" | "retries";
  readonly text: string;
  readonly field: string;
}

function effectsOf({ route }: HttpRule): readonly Effect[] {
  const effects: Effect[] = [];
  const { fault, mirror, mirrors = [], timeout, retries } = route;
  if (fault?.delay?.fixedDelay !== undefined) {
    const share = percentOf(fault.delay);
    effects.push({ kind: "fault", text: `delay ${fault.delay.fixedDelay} for ${share} %`, field: "fault.delay" });
  }
  if (fault?.abort !== undefined) {
    const { httpStatus, grpcStatus, percentage } = fault.abort;
    const text = `abort with ${httpStatus ?? grpcStatus ?? "an error"} for ${percentage?.value ?? 100} %`;
    effects.push({ kind: "fault", text, field: "fault.abort" });
  }
  const copies = [...(mirror === undefined ? [] : [mirror]), ...mirrors.map(({ destination }) => destination)];
  for (const { host, subset } of copies) {
    effects.push({
      kind: "mirror",
      text: `copies to ${subset ?? host}`,
      field: mirror === undefined ? "mirrors" : "mirror",
    });
  }
  const targets = route.route ?? [];
  if (targets.filter(({ weight = 0 }) => weight > 0).length > 1) {
    const text = targets.map(({ destination, weight = 0 }) =>
      shareText(weight, destination.subset ?? destination.host),
    );
    effects.push({ kind: "shifting", text: text.join(", "), field: "route" });
  }
  if (timeout !== undefined && timeout !== "0s")
    effects.push({ kind: "timeout", text: `timeout ${timeout}`, field: "timeout" });
  if (retries !== undefined) effects.push({ kind: "retries", text: `${retries.attempts} retries`, field: "retries" });
  return effects;
}

function delaysOf(rule: VirtualServiceRule, item: HttpRule): readonly RuleFacts[] {
  const delay = item.route.fault?.delay;
  const percent = delay === undefined ? 0 : percentOf(delay);
  if (delay?.fixedDelay === undefined || percent === 0) return [];
  const destinations = (item.route.route ?? []).map(({ destination }) => destination);
  return [
    {
      kind: "delay",
      hosts: [...new Set([...rule.hosts, ...destinations.map(({ host }) => host)])],
      route: item.route.name ?? "",
      delayMs: parseDuration(delay.fixedDelay) ?? 0,
      percent,
      subsets: destinations.flatMap(({ subset }) => subset ?? []),
      object: fieldRef(rule, item, "fault.delay"),
    },
  ];
}

/** Without a share it never happens. */
function percentOf({ percentage, percent = 0 }: NonNullable<NonNullable<IstioHttpRoute["fault"]>["delay"]>): number {
  return percentage === undefined ? percent : (percentage.value ?? 0);
}

function shareText(weight: number, name: string): string {
  return `${weight} % ${name}`;
}

export function refTo({ kind, namespace, name, file, line }: Origin): ObjectRef {
  return {
    kind,
    namespace,
    name,
    ...(file === undefined ? {} : { file }),
    ...(line === undefined ? {} : { line }),
  };
}

/** With the line where the field is written; a delegate's are in the delegate. */
function fieldRef(rule: VirtualServiceRule, { origin, index }: HttpRule, field: string): ObjectRef {
  const path = `http[${index}].${field}`;
  if (origin !== rule.origin || origin.file === undefined) return { ...refTo(origin), field: path };
  const { line } = rule.loaded.positionOf(["spec", "http", index, ...field.split(".")]);
  return { ...refTo(origin), ...(line > 0 ? { line } : {}), field: path };
}

const TEMPORARY = "tulle.dev/temporary-until";

function untilOf({ metadata }: KubeObject): number | null {
  const at = Date.parse(metadata.annotations[TEMPORARY] ?? metadata.labels[TEMPORARY] ?? "");
  return Number.isNaN(at) ? null : at;
}

function add<T>(to: Map<string, T[]>, host: string, item: T, keyOf: (item: T) => string): void {
  const known = to.get(host);
  if (known === undefined) to.set(host, [item]);
  else if (!known.some((other) => keyOf(other) === keyOf(item))) known.push(item);
}
