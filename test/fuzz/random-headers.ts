/** Random header operations. */
import type { JsonObject } from "../contract/harness/case.ts";
import { NAMES, SPECIAL_NAMES, VALUES } from "./choice.ts";
import type { Choice } from "./choice.ts";

/** Formats whose outcome is the same on every run. */
const FORMATS = ["%REQ(x-a)%", "%REQ(:PATH)%", "%REQ(X-B?:METHOD)%", "%REQ(x-a):2%", "%REQ(:AUTHORITY)%", "%PROTOCOL%", "%RESP(x-a)%", "%RESPONSE_FLAGS%", "%RESPONSE_CODE_DETAILS%", "%ROUTE_NAME%", "%UPSTREAM_CLUSTER%", "%QUERY_PARAM(q)%", "%PATH(NQ)%", "%PATH(WQ):3%", "%%", "100%%", "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%", " %UPSTREAM_HOST%", "%VIRTUAL_CLUSTER_NAME%", "%REQ(cookie)%", "%METADATA(ROUTE:ns:k)%", "%UPSTREAM_REQUEST_ATTEMPT_COUNT%", "%REQUEST_HEADERS_BYTES%", "%RESP(content-length)%", "%LOCAL_REPLY_BODY%", "%REQ(:SCHEME)%", "%QUERY_PARAMS(ORIG)%", "%REQ(host)%", "%GRPC_STATUS%"]; // prettier-ignore

function headerValue(choice: Choice): string {
  if (choice.chance(50)) return choice.one(VALUES).replaceAll("%", "%%");
  return choice.one(["", "", "p-", "\xe9"]) + choice.one(FORMATS) + choice.one(["", "", "-s", choice.one(FORMATS)]);
}

/** Names that may be added or set. `host` and pseudo-headers may not. */
function settable(choice: Choice): string {
  return choice.chance(75)
    ? choice.one(NAMES)
    : choice.one([...SPECIAL_NAMES, "X-Upper", "set-cookie", "location", "vary"]);
}

export function headerOption(choice: Choice): JsonObject {
  return {
    header: { key: settable(choice), value: headerValue(choice) },
    ...choice.perhaps(70, () => ({
      append_action: choice.one([
        "APPEND_IF_EXISTS_OR_ADD",
        "ADD_IF_ABSENT",
        "OVERWRITE_IF_EXISTS_OR_ADD",
        "OVERWRITE_IF_EXISTS",
      ]),
    })),
    ...choice.perhaps(20, () => ({ keep_empty_value: true })),
  };
}

/** The four lists that every level has. */
export function headerOperations(choice: Choice, percent = 15): JsonObject {
  const removable = (): string => settable(choice);
  return {
    ...choice.perhaps(percent, () => ({
      request_headers_to_add: [headerOption(choice), ...choice.list(2, () => headerOption(choice))],
    })),
    ...choice.perhaps(percent, () => ({
      response_headers_to_add: [headerOption(choice), ...choice.list(2, () => headerOption(choice))],
    })),
    ...choice.perhaps(percent / 2, () => ({ request_headers_to_remove: [removable(), ...choice.list(1, removable)] })),
    ...choice.perhaps(percent / 2, () => ({ response_headers_to_remove: [removable(), ...choice.list(1, removable)] })),
  };
}
