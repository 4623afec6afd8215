/**
 * Addresses for services that have none, so that a captured connection says by its destination which service it is for. They exist
 * in DNS answers and listeners only. (istio/istio `pilot/pkg/serviceregistry/serviceentry/util.go` autoAllocateIPs)
 */
import type { MeshService } from "./service.ts";

interface AutoAddress {
  readonly v4: string;
  readonly v6: string;
}

/** By service host. */
export type AutoAddresses = ReadonlyMap<string, AutoAddress>;

/** Of 240.240.0.0/16 without the first and last of each 256, which some systems take for broadcasts. */
const SLOTS = 256 * 254;

/**
 * A host's place comes from its name, so that it is the same after a restart; of two that want one place the later looks on. Who has
 * an address keeps it. `services` are in the order of their hosts.
 */
export function autoAddresses(services: readonly MeshService[], before: AutoAddresses | undefined): AutoAddresses {
  const asking = services.filter(needsAddress);
  const next = new Map<string, AutoAddress>();
  const taken = new Set<string>();
  for (const { host } of asking) {
    const kept = before?.get(host);
    if (kept === undefined) continue;
    next.set(host, kept);
    taken.add(kept.v4);
  }
  if (before !== undefined && before.size === asking.length && next.size === asking.length) return before;
  for (const { host } of asking) {
    if (next.has(host) || taken.size >= SLOTS) continue;
    let slot = fnv1a(host) % SLOTS;
    while (taken.has(addressOf(slot).v4)) slot = (slot + 1) % SLOTS;
    const address = addressOf(slot);
    next.set(host, address);
    taken.add(address.v4);
  }
  return next;
}

/** Wildcards are no names to be asked for; a client of a service without resolution has found an address itself. */
function needsAddress({ addresses, host, resolution }: MeshService): boolean {
  return addresses.length === 0 && !host.startsWith("*") && resolution !== "none" && resolution !== "dynamic-dns";
}

function addressOf(slot: number): AutoAddress {
  const [high, low] = [Math.floor(slot / 254), (slot % 254) + 1];
  const group = ((high << 8) | low).toString(16);
  return { v4: `240.240.${high}.${low}`, v6: `2001:2::f0f0:${group}` };
}

function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193) >>> 0;
  return hash;
}

/** Where clients of a service connect to: its own addresses, else those that it got. */
export function addressesOf(service: MeshService, auto: AutoAddresses): readonly string[] {
  if (service.addresses.length > 0) return service.addresses;
  const given = auto.get(service.host);
  return given === undefined ? [] : [given.v4, given.v6];
}
