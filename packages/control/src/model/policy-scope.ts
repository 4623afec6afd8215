/** Which workloads a policy of a `security.istio.io` kind is for. (istio/istio `pilot/pkg/model/policyattachment.go`) */
import { matchesLabels } from "@tulle/api";
import type { Labels, PolicyTargetReference, WorkloadSelector } from "@tulle/api";
import type { Origin } from "./origin.ts";

/** On the pods of a Gateway of Gateway API. */
const GATEWAY_NAME_LABEL = "gateway.networking.k8s.io/gateway-name";
const GATEWAY_API = "gateway.networking.k8s.io";

export interface PolicyScope {
  readonly namespace: string;
  /** Undefined: all workloads of the namespace, or of all namespaces if it is the root namespace. */
  readonly selector: Labels | undefined;
  /** Gateways of Gateway API that it is for instead. */
  readonly targets: readonly PolicyTargetReference[];
}

interface TargetedSpec {
  readonly selector?: WorkloadSelector;
  readonly targetRef?: PolicyTargetReference;
  readonly targetRefs?: readonly PolicyTargetReference[];
}

export interface PolicySubject {
  readonly namespace: string;
  readonly labels: Labels;
}

export function policyScope({ namespace }: Origin, { selector, targetRef, targetRefs }: TargetedSpec): PolicyScope {
  const labels = selector?.matchLabels;
  return {
    namespace,
    selector: labels === undefined || Object.keys(labels).length === 0 ? undefined : labels,
    targets: targetRefs ?? (targetRef === undefined ? [] : [targetRef]),
  };
}

export function isInScope(scope: PolicyScope, rootNamespace: string, { namespace, labels }: PolicySubject): boolean {
  const { targets, selector } = scope;
  if (targets.length > 0) {
    const gateway = labels[GATEWAY_NAME_LABEL];
    return (
      scope.namespace === namespace &&
      targets.some((target) => gateway !== undefined && isGateway(target, gateway, namespace))
    );
  }
  if (scope.namespace !== namespace && scope.namespace !== rootNamespace) return false;
  return matchesLabels(selector, labels);
}

function isGateway(
  { group = "", kind, name, namespace = "" }: PolicyTargetReference,
  gateway: string,
  own: string,
): boolean {
  return group === GATEWAY_API && kind === "Gateway" && name === gateway && (namespace === "" || namespace === own);
}

/** Those in the root namespace come before those of the workload's own, and each in order of age. */
export function policiesFor<R extends { readonly scope: PolicyScope }>(
  rules: readonly R[],
  rootNamespace: string,
  subject: PolicySubject,
): readonly R[] {
  const own = rules.filter(({ scope }) => isInScope(scope, rootNamespace, subject));
  return [
    ...own.filter(({ scope }) => scope.namespace === rootNamespace),
    ...own.filter(({ scope }) => scope.namespace !== rootNamespace),
  ];
}
