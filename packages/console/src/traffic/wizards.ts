/** Each wizard: a form in, objects out. Pure. */
import { RuleEdit } from "./rules.ts";
import type { Fields, HttpRoute, ServiceName } from "./rules.ts";
import type { MeshObject } from "../api/types.ts";

export interface VersionWeight {
  readonly version: string;
  readonly weight: number;
}

/** As people write it: 5 s are `5s`, not `5000ms`. */
function durationOf(ms: number): string {
  return ms % 1000 === 0 ? `${ms / 1000}s` : `${ms}ms`;
}

/** Shares of the requests that no other route takes. */
export function shift(
  objects: readonly MeshObject[],
  service: ServiceName,
  weights: readonly VersionWeight[],
): readonly Fields[] {
  const edit = new RuleEdit(objects, service);
  const route = edit.defaultRoute();
  const host = hostOf(route, service);
  route.route = weights
    .filter(({ weight }) => weight > 0)
    .map(({ version, weight }, _, all) => ({
      destination: { host, subset: edit.subsetFor(version) },
      ...(all.length === 1 ? {} : { weight }),
    }));
  return edit.result;
}

/** Whole shares that add up to 100: one is set, the others keep their proportions. */
export function rebalance(
  weights: readonly VersionWeight[],
  version: string,
  weight: number,
): readonly VersionWeight[] {
  const value = Math.min(100, Math.max(0, Math.round(weight)));
  const others = weights.filter((one) => one.version !== version);
  const sum = others.reduce((total, one) => total + one.weight, 0);
  let left = 100 - value;
  const shares = new Map<string, number>([[version, value]]);
  for (const [index, one] of others.entries()) {
    const isLast = index === others.length - 1;
    const share = isLast ? left : Math.round((100 - value) * (sum === 0 ? 1 / others.length : one.weight / sum));
    const given = Math.min(left, share);
    shares.set(one.version, given);
    left -= given;
  }
  if (others.length === 0) shares.set(version, 100);
  return weights.map((one) => ({ version: one.version, weight: shares.get(one.version)! }));
}

export interface FaultForm {
  /** Only requests with this header; "" is all requests. */
  readonly header: string;
  readonly value: string;
  readonly delayMs: number;
  readonly delayPercent: number;
  readonly abortStatus: number;
  readonly abortPercent: number;
  /** "" is every version. */
  readonly version: string;
}

/** A route of its own in front of the others, so that only those requests are concerned. */
export function fault(objects: readonly MeshObject[], service: ServiceName, form: FaultForm): readonly Fields[] {
  const edit = new RuleEdit(objects, service);
  const { delayMs, delayPercent, abortStatus, abortPercent } = form;
  const injected: Fields = {
    ...(delayMs > 0 ? { delay: { fixedDelay: durationOf(delayMs), percentage: { value: delayPercent } } } : {}),
    ...(abortStatus > 0 ? { abort: { httpStatus: abortStatus, percentage: { value: abortPercent } } } : {}),
  };
  const usual = edit.defaultRoute();
  const { match: _, fault: __, name: ___, ...rest } = usual;
  const route: HttpRoute = { ...structuredClone(rest), fault: injected };
  if (form.version !== "")
    route.route = [{ destination: { host: hostOf(usual, service), subset: edit.subsetFor(form.version) } }];
  if (form.header === "" && form.version === "") {
    usual.fault = injected;
    return edit.result;
  }
  const match =
    form.header === "" ? {} : { match: [{ headers: { [form.header.toLowerCase()]: { exact: form.value } } }] };
  // Without a header every request would take the route of one version: the fault belongs to requests that are marked.
  edit.routes().unshift({ name: "injected-fault", ...match, ...route });
  return edit.result;
}

export interface MirrorForm {
  readonly version: string;
  readonly percent: number;
}

/** Copies of requests, whose answers nobody waits for. */
export function mirror(objects: readonly MeshObject[], service: ServiceName, form: MirrorForm): readonly Fields[] {
  const edit = new RuleEdit(objects, service);
  const route = edit.defaultRoute();
  delete route.mirrors;
  route.mirror = { host: hostOf(route, service), subset: edit.subsetFor(form.version) };
  route.mirrorPercentage = { value: form.percent };
  return edit.result;
}

export interface TimeoutForm {
  /** 0: none. */
  readonly timeoutMs: number;
  readonly attempts: number;
  readonly perTryMs: number;
  readonly retryOn: string;
}

export function timeout(objects: readonly MeshObject[], service: ServiceName, form: TimeoutForm): readonly Fields[] {
  const edit = new RuleEdit(objects, service);
  const route = edit.defaultRoute();
  if (form.timeoutMs > 0) route.timeout = durationOf(form.timeoutMs);
  else delete route.timeout;
  route.retries = {
    attempts: form.attempts,
    ...(form.attempts > 0 && form.perTryMs > 0 ? { perTryTimeout: durationOf(form.perTryMs) } : {}),
    ...(form.attempts > 0 && form.retryOn !== "" ? { retryOn: form.retryOn } : {}),
  };
  return edit.result;
}

export interface BreakerForm {
  readonly maxPending: number;
  readonly maxRequests: number;
  readonly consecutiveErrors: number;
  readonly ejectionSeconds: number;
  readonly maxEjectionPercent: number;
  /** An answer instead of the error; status 0: none. */
  readonly fallbackStatus: number;
  readonly fallbackBody: string;
  readonly fallbackType: string;
}

export function breaker(objects: readonly MeshObject[], service: ServiceName, form: BreakerForm): readonly Fields[] {
  const edit = new RuleEdit(objects, service);
  const spec = edit.destinationRule()["spec"] as Fields;
  const policy = (spec["trafficPolicy"] ??= {}) as Fields;
  const pool = (policy["connectionPool"] ??= {}) as Fields;
  pool["http"] = {
    ...(pool["http"] as Fields | undefined),
    http1MaxPendingRequests: form.maxPending,
    http2MaxRequests: form.maxRequests,
  };
  policy["outlierDetection"] = {
    ...(policy["outlierDetection"] as Fields | undefined),
    consecutive5xxErrors: form.consecutiveErrors,
    baseEjectionTime: `${form.ejectionSeconds}s`,
    maxEjectionPercent: form.maxEjectionPercent,
  };
  if (form.fallbackStatus > 0) edit.add(fallbackObject(service, form));
  return edit.result;
}

function fallbackObject({ namespace, name }: ServiceName, form: BreakerForm): Fields {
  return {
    apiVersion: "tulle.dev/v1alpha1",
    kind: "Fallback",
    metadata: { name, namespace },
    spec: {
      host: name,
      rules: [
        {
          on: ["CircuitBreakerOpen", "NoHealthyUpstream"],
          respond: {
            status: form.fallbackStatus,
            headers: { "content-type": form.fallbackType },
            body: { string: form.fallbackBody },
          },
        },
      ],
    },
  };
}

/** As the route has it: `reviews` or `reviews.default.svc.cluster.local`. */
function hostOf({ route }: HttpRoute, { name }: ServiceName): string {
  return route?.[0]?.destination.host ?? name;
}
