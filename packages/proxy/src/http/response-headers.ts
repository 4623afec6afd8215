/** What happens to a response's headers before it is sent: Envoy `ConnectionManagerUtility::mutateResponseHeaders` and `encodeHeaders`. */
import {
  CONNECTION,
  DATE,
  HeaderClass,
  KEEP_ALIVE,
  PROXY_CONNECTION,
  SERVER,
  TRANSFER_ENCODING,
  UPGRADE,
  X_ENVOY_FORCE_TRACE,
  X_REQUEST_ID,
} from "../codec/header-names.ts";
import type { HeaderBlock } from "../codec/header-block.ts";
import type { HttpConnectionManagerPlan } from "../plan/listener-plan.ts";
import { appendVia } from "./request-headers.ts";

/** Removes what concerned the upstream connection only. `te`, `trailer` and nominated headers stay, as Envoy leaves them. */
export function removeResponseHopByHop(headers: HeaderBlock, keepUpgrade: boolean): void {
  if ((headers.classes & HeaderClass.hopByHop) === 0) return;
  removeConnectionHeaders(headers, keepUpgrade);
  headers.remove(KEEP_ALIVE);
}

function removeConnectionHeaders(headers: HeaderBlock, keepUpgrade: boolean): void {
  if (!keepUpgrade) {
    headers.remove(CONNECTION);
    headers.remove(UPGRADE);
  }
  headers.remove(TRANSFER_ENCODING);
  headers.remove(PROXY_CONNECTION);
}

/** The request's id where the response is to tell it, else "". */
export function requestIdToTell(request: HeaderBlock, plan: HttpConnectionManagerPlan): string {
  const tells = plan.alwaysSetRequestIdInResponse || request.has(X_ENVOY_FORCE_TRACE);
  return tells ? request.get(X_REQUEST_ID) : "";
}

/**
 * What every response gets, of upstreams and of our own.
 * @param requestId what x-request-id says, "" for nothing
 * @param keepUpgrade the protocol is switched
 */
export function finishResponseHeaders(
  headers: HeaderBlock,
  plan: HttpConnectionManagerPlan,
  date: string,
  requestId: string,
  keepUpgrade: boolean,
): void {
  // Nor can routes and filters say anything of the connection.
  if ((headers.classes & HeaderClass.hopByHop) !== 0) removeConnectionHeaders(headers, keepUpgrade);
  if (!headers.has(DATE)) headers.append(DATE, date);
  if (plan.serverHeader === "overwrite" || (plan.serverHeader === "append-if-absent" && !headers.has(SERVER))) {
    headers.set(SERVER, plan.serverName);
  }
  if (requestId !== "") headers.set(X_REQUEST_ID, requestId);
  if (plan.via !== "") appendVia(headers, plan.via);
}
