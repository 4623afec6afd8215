/** `filter_chain_matcher` of a listener: a tree names the chain. Behaviour: Envoy `source/common/listener_manager/filter_chain_manager_impl.cc`. */
import type { StringValue } from "@bufbuild/protobuf/wkt";
import type { FilterChain } from "@tulle/xds/gen/envoy/config/listener/v3/listener_components_pb.js";
import type { Matcher } from "@tulle/xds/gen/xds/type/matcher/v3/matcher_pb.js";
import { Decision } from "./decision.ts";
import { type ChainMatcher, type MatchedConnection, NO_CHAIN, isFromHere } from "./filter-chain-match.ts";
import { compileMatcher } from "./matcher-tree.ts";
import type { Place } from "./problems.ts";
import {
  APPLICATION_PROTOCOL_INPUT,
  CHAIN_NAME_ACTION,
  DESTINATION_IP_INPUT,
  DESTINATION_PORT_INPUT,
  DIRECT_SOURCE_IP_INPUT,
  SERVER_NAME_INPUT,
  SOURCE_IP_INPUT,
  SOURCE_PORT_INPUT,
  SOURCE_TYPE_INPUT,
  TRANSPORT_PROTOCOL_INPUT,
} from "./supported-fields/index.ts";

type Reader = (connection: MatchedConnection) => string | undefined;

/** What is not known is nothing that could match. */
const known = (text: string): string | undefined => (text === "" ? undefined : text);

const INPUTS: Readonly<Record<string, Reader>> = {
  [DESTINATION_IP_INPUT]: ({ localAddress }) => localAddress,
  [DESTINATION_PORT_INPUT]: ({ localPort }) => String(localPort),
  [SOURCE_IP_INPUT]: ({ remoteAddress }) => remoteAddress,
  [SOURCE_PORT_INPUT]: ({ remotePort }) => String(remotePort),
  [DIRECT_SOURCE_IP_INPUT]: ({ directRemoteAddress }) => directRemoteAddress,
  [SOURCE_TYPE_INPUT]: (connection) => (isFromHere(connection) ? "local" : undefined),
  [SERVER_NAME_INPUT]: ({ serverName }) => known(serverName),
  [TRANSPORT_PROTOCOL_INPUT]: ({ transportProtocol }) => known(transportProtocol),
  [APPLICATION_PROTOCOL_INPUT]: ({ applicationProtocols }) =>
    applicationProtocols.length === 0 ? undefined : applicationProtocols.map((each) => `'${each}'`).join(),
};

const NONE = -1;

export function compileChainMatcher(matcher: Matcher, chains: readonly FilterChain[], place: Place): ChainMatcher {
  const start = compileMatcher<Decision<MatchedConnection>>(
    matcher,
    {
      input: ({ typeName }, at) => {
        const read = INPUTS[typeName];
        if (read !== undefined) return Decision.input(read);
        at.refuse(`is no input of a listener: ${typeName}`);
        return null;
      },
      action: ({ typeName, message }, at) => {
        if (typeName === CHAIN_NAME_ACTION) {
          const { value } = message as StringValue;
          const index = chains.findIndex(({ name }) => name === value);
          return Decision.end(index < 0 ? NO_CHAIN : index);
        }
        at.refuse(`is no action of a listener: ${typeName}`);
        return null;
      },
    },
    Decision.end(NONE),
    place,
  );
  return { find: (connection) => Decision.decide(start, connection) };
}
