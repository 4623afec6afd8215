/** `matcher` of a virtual host: which routes are looked at is decided by a tree. Behaviour: Envoy `source/common/router/config_impl.cc`. */
import type { Route, RouteList as RouteListMessage } from "@tulle/xds/gen/envoy/config/route/v3/route_components_pb.js";
import type { HttpRequestHeaderMatchInput } from "@tulle/xds/gen/envoy/type/matcher/v3/http_inputs_pb.js";
import type { Matcher } from "@tulle/xds/gen/xds/type/matcher/v3/matcher_pb.js";
import { Decision } from "./decision.ts";
import { compileMatcher } from "./matcher-tree.ts";
import type { Place } from "./problems.ts";
import { headerReader } from "./request-matchers.ts";
import type { RequestView } from "./request-views.ts";
import { type RouteEntry, RouteList, type Routes } from "./route-table.ts";
import { HEADER_INPUT, ROUTE_ACTION, ROUTE_LIST_ACTION } from "./supported-fields/index.ts";

class MatchedRoutes implements Routes {
  readonly all: readonly RouteEntry[];
  private readonly start: Decision<RequestView>;
  private readonly lists: readonly RouteList[];

  /** @param start ends at the index of a list; beyond them at none */
  constructor(start: Decision<RequestView>, lists: readonly RouteList[]) {
    this.start = start;
    this.lists = lists;
    this.all = lists.flatMap((list) => list.all);
  }

  find(path: string, request: RequestView, random: number): RouteEntry | null {
    const { lists } = this;
    const index = Decision.decide(this.start, request);
    return index < lists.length ? lists[index].find(path, request, random) : null;
  }
}

const NONE = Infinity;

export function compileRouteMatcher(
  matcher: Matcher,
  compileRoute: (route: Route, place: Place) => RouteEntry,
  place: Place,
): Routes {
  const lists: RouteList[] = [];
  const found = (routes: readonly RouteEntry[]): Decision<RequestView> =>
    Decision.end(lists.push(new RouteList(routes)) - 1);
  const start = compileMatcher<Decision<RequestView>>(
    matcher,
    {
      input: ({ typeName, message }, at) => {
        if (typeName === HEADER_INPUT) {
          return Decision.input(headerReader((message as HttpRequestHeaderMatchInput).headerName));
        }
        at.refuse(`Route table can only match on request headers, saw ${typeName}`);
        return null;
      },
      action: ({ typeName, message }, at) => {
        if (typeName === ROUTE_ACTION) return found([compileRoute(message as Route, at)]);
        if (typeName === ROUTE_LIST_ACTION) {
          const { routes } = message as RouteListMessage;
          return found(routes.map((route, i) => compileRoute(route, at.item("routes", i))));
        }
        at.refuse(`is no action of a virtual host: ${typeName}`);
        return null;
      },
    },
    Decision.end(NONE),
    place,
  );
  return new MatchedRoutes(start, lists);
}
