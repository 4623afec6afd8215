/** Names of the mesh and the addresses behind them, as a workload of one namespace asks for them. (istio/istio `pkg/dns/client/dns.go`) */
import { isIP } from "node:net";
import type { NameTable } from "@tulle/xds/gen/istio/networking/nds/v1/nds_pb.js";

export class MeshNames {
  readonly #exact = new Map<string, readonly string[]>();
  /** By what follows the `*`. */
  readonly #wildcards = new Map<string, readonly string[]>();

  /** @param namespace whose services have names of one word */
  constructor({ table }: Pick<NameTable, "table">, namespace: string) {
    for (const [host, { ips, registry, shortname, namespace: own }] of Object.entries(table)) {
      if (host.startsWith("*")) this.#wildcards.set(host.slice(1).toLowerCase(), ips);
      else this.#exact.set(host.toLowerCase(), ips);
      if (registry !== "Kubernetes" || shortname === "") continue;
      const names = [`${shortname}.${own}`, `${shortname}.${own}.svc`, ...(own === namespace ? [shortname] : [])];
      // A full name that happens to be short is somebody's own.
      for (const name of names) if (!this.#exact.has(name.toLowerCase())) this.#exact.set(name.toLowerCase(), ips);
    }
  }

  /** Addresses of a family; empty if the name has only others; undefined if nobody in the mesh has it. */
  find(name: string, family: 4 | 6): readonly string[] | undefined {
    const ips = this.#exact.get(name) ?? this.#matching(name);
    return ips?.filter((ip) => isIP(ip) === family);
  }

  has(name: string): boolean {
    return this.find(name, 4) !== undefined;
  }

  /** The longest one. */
  #matching(name: string): readonly string[] | undefined {
    for (let dot = name.indexOf("."); dot >= 0; dot = name.indexOf(".", dot + 1)) {
      const found = this.#wildcards.get(name.slice(dot));
      if (found !== undefined) return found;
    }
    return undefined;
  }
}
