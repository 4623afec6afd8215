/** What a policy says of one of the mesh's trust domains holds for all of them. (istio/istio `pilot/pkg/security/trustdomain`) */

/** Stands for the mesh's own trust domain, whatever it is called. */
const LOCAL = "cluster.local";
const PARTS_OF_IDENTITY = 5;

/** `principals` are `<trust domain>/ns/<namespace>/sa/<account>`; other texts say nothing of a trust domain. `trustDomains`: the mesh's first. */
export function inAllTrustDomains(principals: readonly string[], trustDomains: readonly string[]): readonly string[] {
  return principals.flatMap((principal) => {
    const [trustDomain = "", ...rest] = principal.split("/");
    if (rest.length !== PARTS_OF_IDENTITY - 1 || trustDomain === "*") return [principal];
    if (trustDomain !== LOCAL && !trustDomains.some((own) => overlap(trustDomain, own))) return [principal];
    // `*-td` is already true of some of them.
    const renamed = trustDomains.map((own) =>
      trustDomain.startsWith("*") && own.endsWith(trustDomain.slice(1)) ? principal : [own, ...rest].join("/"),
    );
    return [...new Set(renamed)];
  });
}

/** Trust domains by themselves; patterns stay what they are. */
export function withAliases(named: readonly string[], trustDomains: readonly string[]): readonly string[] {
  return [...new Set(named.flatMap((one) => (trustDomains.includes(one) ? trustDomains : [one])))];
}

/** Either may be a pattern. */
function overlap(a: string, b: string): boolean {
  return a === b || matches(a, b) || matches(b, a);
}

function matches(text: string, pattern: string): boolean {
  if (pattern === "*") return true;
  if (pattern.startsWith("*")) return text.endsWith(pattern.slice(1));
  return pattern.endsWith("*") && text.startsWith(pattern.slice(0, -1));
}
