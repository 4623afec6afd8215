/** Header changes: which headers may be changed where, and Envoy's format of values. */
import type { Path } from "../diagnostic.ts";
import type { HeaderOperations, Headers } from "../kinds/istio/virtual-service.ts";
import { describeValue } from "../schema/describe.ts";
import { MAX_HEADER_VALUE_BYTES } from "../schema/formats.ts";
import type { Reporter } from "./reporter.ts";

export function isAuthorityHeader(name: string): boolean {
  const lower = name.toLowerCase();
  return lower === ":authority" || lower === "host";
}

function isInternalHeader(name: string): boolean {
  return name.startsWith(":") || name.toLowerCase() === "host";
}

export function validateHeaders(headers: Headers | undefined, path: Path, reporter: Reporter): void {
  if (headers === undefined) return;
  if (headers.request !== undefined) validateOperations(headers.request, true, [...path, "request"], reporter);
  if (headers.response !== undefined) validateOperations(headers.response, false, [...path, "response"], reporter);
}

function validateOperations(operations: HeaderOperations, request: boolean, path: Path, { error }: Reporter): void {
  for (const operation of ["set", "add"] as const) {
    for (const [name, value] of Object.entries(operations[operation] ?? {})) {
      const at = [...path, operation, name];
      if (isInternalHeader(name) && !(request && isAuthorityHeader(name))) {
        error(at, `${JSON.stringify(name)} cannot be changed`, "a header that is neither Host nor starts with ':'");
      }
      const reason = headerValueError(value);
      if (reason !== undefined) error(at, `is ${describeValue(value)} (${reason})`, 'a header value ("%%" for a "%")');
    }
  }
  for (const [index, name] of (operations.remove ?? []).entries()) {
    if (isInternalHeader(name)) {
      const at = [...path, "remove", index];
      error(at, `${JSON.stringify(name)} cannot be removed`, "a header that is neither Host nor starts with ':'");
    }
  }
}

// oxlint-disable-next-line no-control-regex -- control characters are what it looks for
const CONTROL = /[\u0000-\u0008\u000a-\u001f\u007f]/;
const COMMAND = /^%[A-Z_0-9]+(?:\([^)]*\))?(?::\d+)?%/;

/**
 * Why Envoy would refuse a header value; undefined if it would not. A `%` starts a command such as `%HOSTNAME%` or
 * `%REQ(x-id):10%`; a literal one is written `%%` (Envoy "custom request/response headers").
 */
function headerValueError(value: string): string | undefined {
  if (CONTROL.test(value)) return "a control character";
  if (Buffer.byteLength(value) > MAX_HEADER_VALUE_BYTES) return `more than ${MAX_HEADER_VALUE_BYTES} bytes`;
  for (let index = value.indexOf("%"); index >= 0; index = value.indexOf("%", index)) {
    if (value[index + 1] === "%") {
      index += 2;
      continue;
    }
    const command = COMMAND.exec(value.slice(index, index + 512));
    if (command === null) return "a single '%' that starts no command";
    index += command[0].length;
  }
  return undefined;
}
