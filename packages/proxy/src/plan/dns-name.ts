/**
 * Whether a certificate's name, which may have a wildcard in its first label, is that of a host. Envoy `source/common/tls/utility.cc`,
 * Utility::dnsNameMatch.
 */
export function dnsNameMatches(host: string, pattern: string): boolean {
  const name = host.toLowerCase();
  const wanted = pattern.toLowerCase();
  if (name === wanted) return true;
  const [label, rest] = split(wanted);
  const [hostLabel, hostRest] = split(name);
  if (rest === "" || hostRest === "" || !label.includes("*") || rest.includes("*") || label.startsWith("xn--")) {
    return false;
  }
  return rest === hostRest && labelMatches(hostLabel, label);
}

function split(name: string): [label: string, rest: string] {
  const dot = name.indexOf(".");
  return dot < 0 ? [name, ""] : [name.slice(0, dot), name.slice(dot + 1)];
}

function labelMatches(label: string, pattern: string): boolean {
  if (pattern === "*") return true;
  const [before, after, more] = pattern.split("*");
  return more === undefined && pattern.length <= label.length + 1 && label.startsWith(before) && label.endsWith(after);
}
