/** What became of PeerAuthentications. */
import type { PeerAuthenticationRule, PeerAuthentications } from "../model/peer-authentication.ts";
import type { Snapshot } from "../model/snapshot.ts";
import type { Workload } from "../model/workload.ts";
import type { Finding } from "./object-status.ts";
import { finding } from "./object-status.ts";
import { reachOf } from "./policy-subjects.ts";

export function peerAuthenticationFindings(snapshot: Snapshot, rule: PeerAuthenticationRule): readonly Finding[] {
  const { peers } = snapshot;
  const { namespace, selector } = rule.scope;
  if (selector !== undefined && namespace === peers.rootNamespace) {
    const message = `in ${namespace} only a policy without selector counts: it is for the whole mesh`;
    return [finding("Ignored", ["spec", "selector"], message)];
  }
  const { who, workloads, findings } = reachOf(snapshot, rule.scope);
  if (findings.length > 0) return findings;
  const winner = winnerOver(rule, peers, workloads);
  if (winner !== undefined)
    return [finding("Shadowed", [], `an older PeerAuthentication is for ${who}`, winner.origin)];
  const mode = rule.spec.mtls?.mode ?? "UNSET";
  const found = [finding("InForce", [], mode === "UNSET" ? `for ${who}` : `${EFFECT[mode]} by ${who}`)];
  const plain = workloads.filter(({ mutualTls }) => !mutualTls);
  const strict =
    mode === "STRICT" || Object.values(rule.spec.portLevelMtls ?? {}).some((port) => port?.mode === "STRICT");
  if (strict && plain.length > 0) {
    const names = plain.slice(0, 3).map(({ name }) => name);
    const more = plain.length > names.length ? ` and ${plain.length - names.length} more` : "";
    found.push(
      finding(
        "NotYetApplied",
        ["spec"],
        `STRICT by ${names.join(", ")}${more}: their proxies have no certificate and take plaintext`,
      ),
    );
  }
  return found;
}

const EFFECT = {
  DISABLE: "plaintext is taken",
  PERMISSIVE: "mutual TLS and plaintext are taken",
  STRICT: "only mutual TLS is taken",
} as const;

/** The one that counts in its place, if none of its workloads has it. */
function winnerOver(
  rule: PeerAuthenticationRule,
  peers: PeerAuthentications,
  workloads: readonly Workload[],
): PeerAuthenticationRule | undefined {
  const { namespace, selector } = rule.scope;
  const chosen =
    selector === undefined
      ? [namespace === peers.rootNamespace ? peers.ofMesh : peers.ofNamespace(namespace)]
      : workloads.map((workload) => peers.ofWorkload(workload));
  return chosen.includes(rule) ? undefined : chosen[0];
}
