/** Which instance of a service this is. */
import { hostname } from "node:os";

/**
 * The pod's name on Kubernetes (its host name, `reviews-v2-7d8f…`); elsewhere a name of the same shape that tells the
 * processes on one machine apart.
 */
export function podName(service: string, version: string, env: NodeJS.ProcessEnv = process.env): string {
  const host = env["HOSTNAME"] ?? hostname();
  return env["POD_NAME"] ?? (host.startsWith(`${service}-`) ? host : `${service}-${version}-${process.pid}`);
}
