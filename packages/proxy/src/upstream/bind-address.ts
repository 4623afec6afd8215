/**
 * Where connections to an address come from: the first of the cluster's source addresses that is of its family, else the first, which the
 * kernel then refuses; undefined: the kernel chooses. (Envoy `source/common/upstream/default_local_address_selector.cc`)
 */
export function bindAddressFor(sources: readonly string[], address: string): string | undefined {
  if (sources.length < 2) return sources[0];
  const isIPv6 = address.includes(":");
  return sources.find((source) => source.includes(":") === isIPv6) ?? sources[0];
}
