/**
 * RBAC by a tree of matchers (`matcher`, `shadow_matcher`): the first that matches says by its action what becomes of the request. It becomes
 * a graph of the same checks as policies. Envoy `RoleBasedAccessControlMatcherEngineImpl`.
 */
import { type Action as ActionMessage, RBAC_Action as Action } from "@tulle/xds/gen/envoy/config/rbac/v3/rbac_pb.js";
import type { HttpRequestHeaderMatchInput } from "@tulle/xds/gen/envoy/type/matcher/v3/http_inputs_pb.js";
import type { Matcher } from "@tulle/xds/gen/xds/type/matcher/v3/matcher_pb.js";
import { type MatcherInput, compileMatcher } from "../matcher-tree.ts";
import type { Place } from "../problems.ts";
import { headerReader } from "../request-matchers.ts";
import type { Extension } from "../schemas.ts";
import {
  DESTINATION_IP_INPUT,
  DESTINATION_PORT_INPUT,
  DIRECT_SOURCE_IP_INPUT,
  HEADER_INPUT,
  RBAC_ACTION,
  SERVER_NAME_INPUT,
  SOURCE_IP_INPUT,
  SOURCE_PORT_INPUT,
} from "../supported-fields/index.ts";
import type { RbacEnginePlan, RbacOutcomePlan } from "./rbac.ts";
import { type Check, type ConnectionText, askRequest, askText, result } from "./rbac-rules.ts";

const CONNECTION_TEXTS: Readonly<Record<string, ConnectionText>> = {
  [DESTINATION_IP_INPUT]: "localAddress",
  [DESTINATION_PORT_INPUT]: "localPort",
  [DIRECT_SOURCE_IP_INPUT]: "peerAddress",
  [SOURCE_IP_INPUT]: "clientAddress",
  [SOURCE_PORT_INPUT]: "peerPort",
  [SERVER_NAME_INPUT]: "serverName",
};

export function compileMatcherEngine(matcher: Matcher, place: Place): RbacEnginePlan {
  const outcomes: RbacOutcomePlan[] = [{ policy: "", allowed: false, logHint: null }];
  const action = ({ typeName, message }: Extension, at: Place): Check | null => {
    if (typeName !== RBAC_ACTION) {
      at.refuse(`is no action of RBAC: ${typeName}`);
      return null;
    }
    const { name, action: what } = message as ActionMessage;
    outcomes.push({ policy: name, allowed: what !== Action.DENY, logHint: what === Action.LOG });
    return result(outcomes.length - 1);
  };
  const start = compileMatcher<Check>(matcher, { input: compileInput, action }, result(0), place);
  // Who logs some says of all that match whether to log them.
  const logs = outcomes.some(({ logHint }) => logHint === true);
  return { outcomes: logs ? outcomes : outcomes.map((outcome) => ({ ...outcome, logHint: null })), start };
}

function compileInput({ typeName, message }: Extension, place: Place): MatcherInput<Check> | null {
  if (typeName === HEADER_INPUT) {
    const read = headerReader((message as HttpRequestHeaderMatchInput).headerName);
    return {
      asks: (test) =>
        askRequest({
          matches: (request) => {
            const value = read(request);
            return value !== undefined && test(value);
          },
        }),
      among: null,
    };
  }
  const text = CONNECTION_TEXTS[typeName];
  if (text !== undefined) return { asks: (test) => askText(text, test), among: null };
  place.refuse(`is no input of RBAC: ${typeName}`);
  return null;
}
