/**
 * Command operators, by which header values and bodies tell of a request: `%REQ(x-user)%`. A text with an unknown or unfinished one is
 * refused by Envoy, with everything that it came with. (Envoy docs, "Access log format strings")
 */
import { closest } from "./schema/closest.ts";

/** Commands that header values and bodies of answers have. */
const COMMANDS: ReadonlySet<string> = new Set(
  [
    "BYTES_RECEIVED BYTES_SENT CONNECTION_ID DOWNSTREAM_DIRECT_REMOTE_ADDRESS DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT",
    "DOWNSTREAM_LOCAL_ADDRESS DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT DOWNSTREAM_LOCAL_PORT DOWNSTREAM_REMOTE_ADDRESS",
    "DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT DOWNSTREAM_REMOTE_PORT DURATION HOSTNAME LOCAL_REPLY_BODY PATH PROTOCOL QUERY_PARAM REQ",
    "REQUEST_HEADER RESP RESPONSE_CODE RESPONSE_CODE_DETAILS RESPONSE_FLAGS RESPONSE_FLAGS_LONG RESPONSE_HEADER ROUTE_NAME START_TIME",
    "STREAM_ID UPSTREAM_CLUSTER UPSTREAM_CLUSTER_RAW UPSTREAM_HOST UPSTREAM_REQUEST_ATTEMPT_COUNT",
  ]
    .join(" ")
    .split(" "),
);

const WITH_ARGUMENT: ReadonlySet<string> = new Set(["QUERY_PARAM", "REQ", "REQUEST_HEADER", "RESP", "RESPONSE_HEADER"]);

const TOKEN = /%(?:%|([A-Z0-9_]+)(\([^()%\n]+\))?(?::\d+)?%)/y;

export interface FormatProblem {
  readonly message: string;
  readonly expected: string;
}

/** What is wrong with a text that may hold commands; undefined if nothing is. */
export function formatProblem(text: string): FormatProblem | undefined {
  for (let at = text.indexOf("%"); at >= 0; at = text.indexOf("%", TOKEN.lastIndex)) {
    TOKEN.lastIndex = at;
    const match = TOKEN.exec(text);
    if (match === null) {
      return {
        message: `"%" at position ${at} begins no command such as %REQ(x-user)%`,
        expected: "%% for a percent sign",
      };
    }
    const [whole, command, argument] = match;
    if (command === undefined) continue;
    if (!COMMANDS.has(command)) {
      const near = closest(command, COMMANDS);
      return {
        message: `there is no command ${whole}`,
        expected: near === undefined ? "a command operator, or %% for a percent sign" : `%${near}%`,
      };
    }
    if (WITH_ARGUMENT.has(command) && argument === undefined) {
      return { message: `${whole} says of nothing`, expected: `%${command}(name)%` };
    }
  }
  return undefined;
}
