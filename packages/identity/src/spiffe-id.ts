/** `spiffe://<trust domain>/ns/<namespace>/sa/<service account>`: who a workload is. (SPIFFE-ID; istio/istio `pkg/spiffe/spiffe.go`) */

export interface SpiffeId {
  readonly trustDomain: string;
  readonly namespace: string;
  readonly serviceAccount: string;
}

export const DEFAULT_TRUST_DOMAIN = "cluster.local";

const SCHEME = "spiffe://";
/** (SPIFFE-ID §2.1) */
const TRUST_DOMAIN = /^[a-z0-9._-]{1,255}$/;
/** (SPIFFE-ID §2.2) Dots alone would be path traversal to some readers. */
const SEGMENT = /^(?!\.{1,2}$)[a-zA-Z0-9._-]{1,253}$/;

export function isTrustDomain(text: string): boolean {
  return TRUST_DOMAIN.test(text);
}

/** Whether a namespace or a service account can be part of an id. */
export function isIdSegment(text: string): boolean {
  return SEGMENT.test(text);
}

export function formatSpiffeId({ trustDomain, namespace, serviceAccount }: SpiffeId): string {
  return `${SCHEME}${trustDomain}/ns/${namespace}/sa/${serviceAccount}`;
}

/** Undefined if it is no id of a workload. */
export function parseSpiffeId(text: string): SpiffeId | undefined {
  if (!text.startsWith(SCHEME)) return undefined;
  const [trustDomain, ns, namespace, sa, serviceAccount, more] = text.slice(SCHEME.length).split("/");
  if (ns !== "ns" || sa !== "sa" || more !== undefined) return undefined;
  if (trustDomain === undefined || namespace === undefined || serviceAccount === undefined) return undefined;
  if (!isTrustDomain(trustDomain) || !isIdSegment(namespace) || !isIdSegment(serviceAccount)) return undefined;
  return { trustDomain, namespace, serviceAccount };
}
