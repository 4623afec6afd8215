/** What a refused response is answered with. */
import { TYPE } from "../type-url.ts";
import type { RejectedResource } from "./types.ts";

/** google.rpc.Code INTERNAL, as Envoy sends; Istio's agent uses it for reports of bad health, too. (source/extensions/config_subscription/grpc/delta_subscription_state.cc) */
export const NACK_CODE = 13;

/** Envoy cuts the message of a NACK as well. (source/common/config/utility.h, truncateGrpcStatusMessage: 4096) */
const MAX_LENGTH = 4_096;

const NOUNS: Readonly<Record<string, string>> = {
  [TYPE.cluster]: "cluster",
  [TYPE.endpoints]: "cluster load assignment",
  [TYPE.listener]: "listener",
  [TYPE.route]: "route configuration",
  [TYPE.virtualHost]: "virtual host",
  [TYPE.secret]: "secret",
};

/** `Error adding/updating cluster(s) a: why, b: why`: every resource that was refused. */
export function nackMessage(typeUrl: string, rejected: readonly RejectedResource[]): string {
  const noun = NOUNS[typeUrl] ?? typeUrl.slice(typeUrl.lastIndexOf(".") + 1);
  const reasons = rejected.map(({ name, message }) => (name === "" ? message : `${name}: ${message}`));
  const text = `Error adding/updating ${noun}(s) ${reasons.join(", ")}`;
  return text.length <= MAX_LENGTH ? text : `${text.slice(0, MAX_LENGTH)}...(truncated)`;
}
