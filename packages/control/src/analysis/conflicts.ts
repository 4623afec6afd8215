/** Objects that are in each other's way. */
import type { KubeObject, LoadedObject } from "@tulle/api";
import { matchesLabels } from "@tulle/api";
import { serversByPort } from "../model/gateway.ts";
import { describeOrigin, originOf } from "../model/origin.ts";
import type { Snapshot } from "../model/snapshot.ts";
import type { Found } from "./analyze.ts";

/** Servers of different Gateways for the same proxies, with one port and a host in common. */
export function gatewayConflicts({ gateways, objects }: Snapshot): readonly Found[] {
  const loadedOf = (key: string): LoadedObject | undefined =>
    objects.find(
      ({ loaded: { object } }) =>
        object.kind === "Gateway" && `${object.metadata.namespace}/${object.metadata.name}` === key,
    )?.loaded;
  return serversByPort(gateways).flatMap(({ servers }) =>
    servers.flatMap(({ gateway, server, index }, position): Found[] => {
      const other = servers
        .slice(0, position)
        .find(
          (each) =>
            each.gateway !== gateway &&
            sameLabels(each.gateway.spec.selector, gateway.spec.selector) &&
            overlap(each.server.hosts, server.hosts),
        );
      const loaded = loadedOf(gateway.key);
      if (other === undefined || loaded === undefined) return [];
      const message = `Gateway ${other.gateway.key} has port ${server.port.number} of the same proxies, too, for ${overlapping(other.server.hosts, server.hosts)}`;
      return [{ code: "IST0145", loaded, path: ["spec", "servers", index, "hosts"], message }];
    }),
  );
}

type Labels = Readonly<Record<string, string>> | undefined;

function sameLabels(a: Labels = {}, b: Labels = {}): boolean {
  return matchesLabels(a, b) && matchesLabels(b, a);
}

function bare(host: string): string {
  return host.slice(host.indexOf("/") + 1);
}

/** The same host; that of a narrower one with a wider one is common practice. */
function overlap(a: readonly string[], b: readonly string[]): boolean {
  return overlapping(a, b) !== "";
}

function overlapping(a: readonly string[], b: readonly string[]): string {
  return b.map(bare).find((host) => host !== "*" && a.map(bare).includes(host)) ?? "";
}

/** Rules of one kind that select workloads by equal labels. */
export function sameWorkloads({ objects }: Snapshot): readonly Found[] {
  const rules = objects.flatMap(({ loaded }) => {
    const { object } = loaded;
    const selector = object.kind === "Telemetry" ? selectorOf(object) : undefined;
    return selector === undefined ? [] : [{ loaded, selector }];
  });
  return rules.flatMap(({ loaded, selector }, index): Found[] => {
    const other = rules
      .slice(0, index)
      .find(
        (each) =>
          each.loaded.object.metadata.namespace === loaded.object.metadata.namespace &&
          sameLabels(each.selector, selector),
      );
    if (other === undefined) return [];
    const message = `${describeOrigin(originOf(other.loaded))} selects the same workloads`;
    return [{ code: "IST0159", loaded, path: ["spec", "selector"], message }];
  });
}

function selectorOf(object: KubeObject): Readonly<Record<string, string>> | undefined {
  const { spec } = object as {
    readonly spec?: { readonly selector?: { readonly matchLabels?: Readonly<Record<string, string>> } };
  };
  const labels = spec?.selector?.matchLabels;
  return labels === undefined || Object.keys(labels).length === 0 ? undefined : labels;
}

interface EntryPort {
  readonly number?: number;
  readonly protocol?: string;
}

export function protocolConflicts({ objects }: Snapshot): readonly Found[] {
  const seen = new Map<string, { readonly protocol: string; readonly loaded: LoadedObject }>();
  return objects.flatMap(({ loaded }): Found[] => {
    if (loaded.object.kind !== "ServiceEntry") return [];
    const { spec } = loaded.object as {
      readonly spec?: { readonly hosts?: readonly string[]; readonly ports?: readonly EntryPort[] };
    };
    return (spec?.hosts ?? []).flatMap((host) =>
      (spec?.ports ?? []).flatMap(({ number = 0, protocol = "" }, index): Found[] => {
        const key = `${host} ${number}`;
        const first = seen.get(key);
        if (first === undefined) seen.set(key, { protocol: protocol.toUpperCase(), loaded });
        if (first === undefined || first.protocol === protocol.toUpperCase()) return [];
        const message = `${describeOrigin(originOf(first.loaded))} says that port ${number} of ${host} is ${first.protocol}`;
        return [{ code: "IST0177", loaded, path: ["spec", "ports", index], message }];
      }),
    );
  });
}

interface EnvoyPatch {
  readonly applyTo?: string;
  readonly patch?: { readonly operation?: string };
}

const WHOLE: ReadonlySet<string> = new Set(["ROUTE_CONFIGURATION", "HTTP_ROUTE"]);
const FILTERS: ReadonlySet<string> = new Set(["HTTP_FILTER", "NETWORK_FILTER"]);

export function envoyFilterMisuses(loaded: LoadedObject): readonly Found[] {
  if (loaded.object.kind !== "EnvoyFilter") return [];
  const { spec } = loaded.object as { readonly spec?: { readonly configPatches?: readonly EnvoyPatch[] } };
  return (spec?.configPatches ?? []).flatMap(({ applyTo = "", patch }, index): Found[] => {
    const operation = patch?.operation ?? "";
    const path = ["spec", "configPatches", index, "patch", "operation"];
    const told = (code: Found["code"]): Found[] => [
      { code, loaded, path, message: `${operation} of ${applyTo} is nothing that is done` },
    ];
    if (operation === "REPLACE" && !FILTERS.has(applyTo)) return told("IST0152");
    if (operation === "ADD" && WHOLE.has(applyTo)) return told("IST0153");
    return operation === "REMOVE" && WHOLE.has(applyTo) ? told("IST0154") : [];
  });
}
