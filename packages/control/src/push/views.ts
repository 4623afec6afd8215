/** Gives every proxy its view of a snapshot; proxies of one class share all that is not their own. */
import type { Labels } from "@tulle/api";
import type { ResourceView } from "@tulle/xds";
import { labelsInGroup } from "../model/auto-registration.ts";
import { carriesBytes, gatewaysOf, passesOn } from "../model/gateway.ts";
import { withPlace } from "../model/locality.ts";
import type { Snapshot } from "../model/snapshot.ts";
import type { ProxyNode } from "../source/registration/node.ts";
import type { Capabilities } from "../translate/data-plane.ts";
import { EncodedCache } from "./encoded-cache.ts";
import { PatchCache } from "./envoy-filters.ts";
import type { MeshCaches } from "./mesh-view.ts";
import { MeshView } from "./mesh-view.ts";
import type { ProxyCaches, ProxyView } from "./proxy-view.ts";
import { RouteViews } from "./route-views.ts";

interface ClassView {
  readonly mesh: MeshView;
  readonly routes: RouteViews;
}

export class Views {
  readonly caches: ProxyCaches = {
    resources: new EncodedCache(),
    bytes: new EncodedCache(),
    patches: new PatchCache(),
  };
  readonly #meshCaches: MeshCaches = { resources: new EncodedCache(), assignments: new EncodedCache() };
  #snapshot: Snapshot;
  #classes = new Map<string, ClassView>();
  /** Classes that were asked for since the snapshot; the others have no proxies left. */
  #used = new Map<string, ClassView>();

  constructor(snapshot: Snapshot) {
    this.#snapshot = snapshot;
  }

  advance(snapshot: Snapshot): void {
    this.#snapshot = snapshot;
    this.#classes = this.#used;
    this.#used = new Map();
  }

  view(proxy: ProxyView, node: ProxyNode, capabilities: Capabilities): ResourceView {
    const { mesh, routes } = this.#classOf(node, capabilities);
    return proxy.view(mesh, routes);
  }

  #classOf(node: ProxyNode, capabilities: Capabilities): ClassView {
    const { clientLabelKeys, localitiesMatter, workloadGroups, sidecars } = this.#snapshot;
    const { namespace } = node;
    const labels = withPlace(labelsInGroup(workloadGroups, node), { ...node, node: "" });
    const asked = pickLabels(labels, clientLabelKeys);
    const locality = localitiesMatter ? node.locality : "";
    // Gateways see everything.
    const sidecar = node.type === "router" ? "" : (sidecars.find(namespace, labels)?.key ?? "");
    const { secrets } = node;
    const atGateway = node.type === "router";
    const carries = atGateway
      ? carriesBytes(gatewaysOf(this.#snapshot.gateways, labels))
      : node.outbound.some(({ service }) => service !== undefined);
    const passes = atGateway && passesOn(gatewaysOf(this.#snapshot.gateways, labels));
    const key = JSON.stringify([
      capabilities.id,
      namespace,
      asked,
      locality,
      sidecar,
      secrets,
      atGateway,
      carries,
      passes,
    ]);
    const client = { namespace, capabilities, labels: asked, locality, sidecar, secrets, atGateway };
    let found = this.#used.get(key);
    if (found === undefined) {
      found = this.#classes.get(key) ?? this.#newClass({ ...client, carriesBytes: carries, passesOn: passes });
      found.mesh.advance(this.#snapshot);
      this.#used.set(key, found);
    }
    return found;
  }

  #newClass(client: MeshView["client"]): ClassView {
    const mesh = new MeshView(client, this.#snapshot, this.#meshCaches);
    return { mesh, routes: new RouteViews(mesh, this.caches) };
  }
}

function pickLabels(labels: Labels, keys: readonly string[]): Labels {
  return Object.fromEntries(keys.flatMap((key) => (Object.hasOwn(labels, key) ? [[key, labels[key]!]] : [])));
}
