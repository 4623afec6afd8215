import type { HeaderMutation as MutationMessage } from "@tulle/xds/gen/envoy/config/common/mutation_rules/v3/mutation_rules_pb.js";
import type {
  HeaderMutation as FilterMessage,
  HeaderMutationPerRoute,
  Mutations,
} from "@tulle/xds/gen/envoy/extensions/filters/http/header_mutation/v3/header_mutation_pb.js";
import { extensionNames } from "../format/compile-format-string.ts";
import { compileHeaderAddition } from "../header-mutations.ts";
import type { HeaderMutation } from "../route-plan.ts";
import type { Place } from "../problems.ts";
import { type QueryMutation, compileQueryMutations } from "../query-mutations.ts";
import type { TextTest } from "../regex.ts";
import { compileStringMatcher } from "../string-matcher.ts";
import { HEADER_MUTATION_PER_ROUTE } from "../supported-fields/index.ts";
import type { FilterCompiler } from "./filter-compiler.ts";

export interface HeaderMutationPlan {
  readonly own: MutationsPlan;
  /** The least specific level is applied first, so that the most specific one has the last word. */
  readonly mostSpecificWins: boolean;
}

/** What the levels of a route say, the most specific first. */
export type RouteMutationsPlan = readonly MutationsPlan[];

/** In the order of the lists: here, other than in routes, a removal may come after an addition. */
export interface MutationsPlan {
  readonly request: readonly HeaderStep[];
  readonly query: readonly QueryMutation[];
  readonly response: readonly HeaderStep[];
  readonly requestTrailers: readonly HeaderStep[];
  readonly responseTrailers: readonly HeaderStep[];
}

export type HeaderStep = HeaderMutation | { readonly op: "remove-matching"; readonly matches: TextTest };

export const headerMutation: FilterCompiler = {
  compile: ({ message }, _context, place): HeaderMutationPlan => {
    const { mutations, mostSpecificHeaderMutationsWins } = message as FilterMessage;
    return {
      own: compileMutations(mutations, place.field("mutations")),
      mostSpecificWins: mostSpecificHeaderMutationsWins,
    };
  },
  compileRoute: {
    typeName: HEADER_MUTATION_PER_ROUTE,
    compile: ({ message }, place): RouteMutationsPlan => [
      compileMutations((message as HeaderMutationPerRoute).mutations, place.field("mutations")),
    ],
    merge: (lessSpecific, moreSpecific) => [
      ...(moreSpecific as RouteMutationsPlan),
      ...(lessSpecific as RouteMutationsPlan),
    ],
  },
};

const NOTHING: MutationsPlan = { request: [], query: [], response: [], requestTrailers: [], responseTrailers: [] };

function compileMutations(message: Mutations | undefined, place: Place): MutationsPlan {
  if (message === undefined) return NOTHING;
  const extensions = extensionNames(message.formatters);
  const compile = (list: readonly MutationMessage[], field: string): readonly HeaderStep[] =>
    compileSteps(list, extensions, (i) => place.item(field, i));
  return {
    request: compile(message.requestMutations, "request_mutations"),
    query: compileQueryMutations(message.queryParameterMutations, extensions, place),
    response: compile(message.responseMutations, "response_mutations"),
    requestTrailers: compile(message.requestTrailersMutations, "request_trailers_mutations"),
    responseTrailers: compile(message.responseTrailersMutations, "response_trailers_mutations"),
  };
}

export function compileSteps(
  list: readonly MutationMessage[],
  extensions: ReadonlySet<string>,
  at: (index: number) => Place,
): readonly HeaderStep[] {
  return list.flatMap((each, i) => compileStep(each, extensions, at(i)) ?? []);
}

/** Without them there is no message; Envoy takes such removals, and answers every request with an error. */
const INDISPENSABLE = [":method", ":path", ":authority", ":scheme", ":status", "host"];

function compileStep({ action }: MutationMessage, extensions: ReadonlySet<string>, place: Place): HeaderStep | null {
  switch (action.case) {
    case "append":
      return compileHeaderAddition(action.value, place.field("append"), extensions);
    case "remove": {
      const name = action.value.toLowerCase();
      if (INDISPENSABLE.includes(name)) place.field("remove").refuse(`${name} cannot be removed`);
      return { op: "remove", name };
    }
    case "removeOnMatch": {
      const at = place.field("remove_on_match.key_matcher");
      const { keyMatcher } = action.value;
      if (keyMatcher === undefined) return null;
      const matches = compileStringMatcher(keyMatcher, at);
      const lost = INDISPENSABLE.find(matches);
      if (lost !== undefined) at.refuse(`matches ${lost}, which cannot be removed`);
      return { op: "remove-matching", matches };
    }
    default:
      // Reported by the reflection check: the oneof is required.
      return null;
  }
}
