/**
 * Header values are format strings in Envoy: `%` starts a command, and a value with an unknown or unfinished command makes
 * Envoy refuse everything it came with. A value that is no valid format is meant literally, so its `%` are doubled.
 */

/** Commands that Envoy has in header values. (Envoy docs, "Access log format strings"; formatter/substitution_formatter) */
const COMMANDS: ReadonlySet<string> = new Set([
  "BYTES_RECEIVED",
  "BYTES_SENT",
  "CONNECTION_ID",
  "CONNECTION_TERMINATION_DETAILS",
  "DOWNSTREAM_DIRECT_REMOTE_ADDRESS",
  "DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT",
  "DOWNSTREAM_DIRECT_REMOTE_PORT",
  "DOWNSTREAM_LOCAL_ADDRESS",
  "DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT",
  "DOWNSTREAM_LOCAL_PORT",
  "DOWNSTREAM_LOCAL_URI_SAN",
  "DOWNSTREAM_PEER_CERT",
  "DOWNSTREAM_PEER_ISSUER",
  "DOWNSTREAM_PEER_SUBJECT",
  "DOWNSTREAM_PEER_URI_SAN",
  "DOWNSTREAM_REMOTE_ADDRESS",
  "DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT",
  "DOWNSTREAM_REMOTE_PORT",
  "DURATION",
  "DYNAMIC_METADATA",
  "FILTER_STATE",
  "HOSTNAME",
  "PROTOCOL",
  "REQ",
  "REQUESTED_SERVER_NAME",
  "RESP",
  "RESPONSE_CODE",
  "RESPONSE_CODE_DETAILS",
  "RESPONSE_FLAGS",
  "ROUTE_NAME",
  "START_TIME",
  "STREAM_ID",
  "TRAILER",
  "UPSTREAM_CLUSTER",
  "UPSTREAM_CLUSTER_RAW",
  "UPSTREAM_HOST",
  "UPSTREAM_LOCAL_ADDRESS",
  "UPSTREAM_METADATA",
  "UPSTREAM_REMOTE_ADDRESS",
  "UPSTREAM_REMOTE_PORT",
  "VIRTUAL_CLUSTER_NAME",
]);

/** Commands whose argument they cannot be without. */
const WITH_ARGUMENT: ReadonlySet<string> = new Set([
  "REQ",
  "RESP",
  "TRAILER",
  "DYNAMIC_METADATA",
  "FILTER_STATE",
  "UPSTREAM_METADATA",
]);

const TOKEN = /%(?:%|([A-Z0-9_]+)(\([^()%]*\))?(?::\d+)?%)/y;

export function headerFormat(value: string): string {
  return isFormat(value) ? value : value.replaceAll("%", "%%");
}

function isFormat(value: string): boolean {
  for (let at = value.indexOf("%"); at >= 0; at = value.indexOf("%", TOKEN.lastIndex)) {
    TOKEN.lastIndex = at;
    const match = TOKEN.exec(value);
    if (match === null) return false;
    const [, command, argument] = match;
    if (command === undefined) continue;
    if (!COMMANDS.has(command) || (WITH_ARGUMENT.has(command) && argument === undefined)) return false;
  }
  return true;
}
