/** What becomes of requests to hosts that a client does not know. */
import { resolveShortName } from "@tulle/api";
import type { MeshSettings } from "./mesh-settings.ts";
import type { SidecarRule } from "./sidecar.ts";

export type OutboundPolicy =
  /** They are refused. (Istio's REGISTRY_ONLY) */
  | { readonly type: "block" }
  /** They go where they say. (ALLOW_ANY) */
  | { readonly type: "pass" }
  /** They go to one destination, which knows more. */
  | { readonly type: "proxy"; readonly host: string; readonly port: number; readonly subset: string };

const BLOCK: OutboundPolicy = { type: "block" };
const PASS: OutboundPolicy = { type: "pass" };

/** The Sidecar's before the mesh's. */
export function outboundPolicy(mesh: MeshSettings, sidecar: SidecarRule | undefined, domain: string): OutboundPolicy {
  const own = sidecar?.spec.outboundTrafficPolicy;
  if (own === undefined) return mesh.outboundMode === "REGISTRY_ONLY" ? BLOCK : PASS;
  // The first value of the enumeration is what an object without mode means.
  if (own.mode !== "ALLOW_ANY") return BLOCK;
  const { egressProxy } = own;
  if (egressProxy === undefined || sidecar === undefined) return PASS;
  const host = resolveShortName(egressProxy.host, sidecar.origin.namespace, domain).toLowerCase();
  return { type: "proxy", host, port: egressProxy.port?.number ?? 0, subset: egressProxy.subset ?? "" };
}
