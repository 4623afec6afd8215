/**
 * Header values with command operators (`%REQ(x-user)%`), compiled to a literal or a function. Operators that need more than the
 * request and its connection are refused. Syntax: Envoy docs, "Access logging: command operators".
 */
import { hostname } from "node:os";
import type { ConnectionView, RequestView } from "./plan.ts";
import type { Place } from "./problems.ts";
import { type HeaderReader, headerReader } from "./request-matchers.ts";

type ValueFormat = (request: RequestView, connection: ConnectionView) => string;

/** A literal, or what to call for each request. Absent values are "" here: the header is then left out, or kept by keep_empty_value. */
export type HeaderValue =
  | { readonly value: string; readonly format: null }
  | { readonly value: null; readonly format: ValueFormat };

/** `%COMMAND%`, `%COMMAND(ARGUMENT)%`, `%COMMAND(ARGUMENT):LENGTH%`. Source: Envoy `substitution_formatter.cc`, commandWithArgsRegex. */
const COMMAND = /%([A-Z]+(?:_[A-Z0-9]+)*)(?:\(([^)]*)\))?(?::(\d+))?%/y;

export function compileHeaderValue(text: string, place: Place): HeaderValue {
  const parts: (string | ValueFormat)[] = [];
  let literal = "";
  for (let i = 0; i < text.length;) {
    if (text[i] !== "%") {
      literal += text[i++];
      continue;
    }
    if (text[i + 1] === "%") {
      literal += "%";
      i += 2;
      continue;
    }
    COMMAND.lastIndex = i;
    const match = COMMAND.exec(text);
    if (match === null) {
      place.refuse(`incorrect configuration: ${text}. Couldn't find valid command at position ${i}`);
      return { value: "", format: null };
    }
    const command = compileCommand(match[1], match[2], place);
    if (typeof command === "string") {
      literal += limited(command, match[3]);
    } else if (command !== null) {
      if (literal !== "") parts.push(literal);
      literal = "";
      const limit = match[3];
      parts.push(limit === undefined ? command : (request, connection) => limited(command(request, connection), limit));
    }
    i = COMMAND.lastIndex;
  }
  if (parts.length === 0) return { value: literal, format: null };
  if (literal !== "") parts.push(literal);
  const [first] = parts;
  if (parts.length === 1 && typeof first === "function") return { value: null, format: first };
  return {
    value: null,
    format: (request, connection) => {
      let value = "";
      for (const part of parts) value += typeof part === "string" ? part : part(request, connection);
      return value;
    },
  };
}

function limited(value: string, limit: string | undefined): string {
  return limit === undefined ? value : value.slice(0, Number(limit));
}

/** A constant, a function, or null if it was refused. */
function compileCommand(command: string, argument: string | undefined, place: Place): string | ValueFormat | null {
  switch (command) {
    case "REQ":
    case "REQUEST_HEADER":
      return requestHeader(argument, place);
    case "DOWNSTREAM_REMOTE_ADDRESS":
      return ({ forwardedFor }, { remoteAddress, remotePort }) =>
        forwardedFor === "" ? joinAddress(remoteAddress, remotePort) : joinAddress(forwardedFor, 0);
    case "DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT":
      return ({ forwardedFor }, { remoteAddress }) => (forwardedFor === "" ? remoteAddress : forwardedFor);
    case "DOWNSTREAM_REMOTE_PORT":
      return ({ forwardedFor }, { remotePort }) => (forwardedFor === "" ? String(remotePort) : "0");
    case "DOWNSTREAM_DIRECT_REMOTE_ADDRESS":
      return (_, { remoteAddress, remotePort }) => joinAddress(remoteAddress, remotePort);
    case "DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT":
      return (_, connection) => connection.remoteAddress;
    case "DOWNSTREAM_DIRECT_REMOTE_PORT":
      return (_, connection) => String(connection.remotePort);
    case "DOWNSTREAM_LOCAL_ADDRESS":
      return (_, { localAddress, localPort }) => joinAddress(localAddress, localPort);
    case "DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT":
      return (_, connection) => connection.localAddress;
    case "DOWNSTREAM_LOCAL_PORT":
      return (_, connection) => String(connection.localPort);
    case "HOSTNAME":
      return hostname();
    case "ENVIRONMENT":
      return process.env[argument ?? ""] ?? "";
    default:
      place.refuse(`%${command}% is not supported in a header value`);
      return null;
  }
}

/** `X` or `X?Y`: the first, or if it is absent the second. */
function requestHeader(argument: string | undefined, place: Place): ValueFormat | null {
  const [name, alternative, ...rest] = (argument ?? "").split("?");
  if (name === "" || rest.length > 0) {
    place.refuse(`%REQ(${argument ?? ""})% needs one header name, or two divided by "?"`);
    return null;
  }
  const first: HeaderReader = headerReader(name);
  if (alternative === undefined || alternative === "") return (request) => first(request) ?? "";
  const second = headerReader(alternative);
  return (request) => first(request) ?? second(request) ?? "";
}

export function joinAddress(address: string, port: number): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}
