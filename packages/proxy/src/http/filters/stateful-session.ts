import {
  type SessionStatePlan,
  type StatefulSessionPlan,
  cookieCovers,
  decodeCookie,
  decodeSession,
  encodeCookie,
} from "../../plan/filters/stateful-session.ts";
import { cookieValue } from "../../plan/request-matchers.ts";
import type { Exchange } from "../exchange.ts";
import { CONTINUE, type FilterStatus, type HttpFilter } from "./filter.ts";

/** A session as a request tells of it. */
interface Session {
  readonly state: SessionStatePlan;
  /** Of its host, "" if it has none yet. */
  readonly address: string;
}

/**
 * Requests name the host that they want by a cookie or a header, which the first response gave: Envoy
 * `source/extensions/filters/http/stateful_session/stateful_session.cc`.
 */
export class StatefulSessionFilter implements HttpFilter {
  private readonly plan: StatefulSessionPlan;

  constructor(plan: StatefulSessionPlan) {
    this.plan = plan;
  }

  onRequest(exchange: Exchange, routeConfig: unknown): FilterStatus {
    const { state, strict } = routeConfig === null ? this.plan : (routeConfig as StatefulSessionPlan);
    if (state === null) return CONTINUE;
    const { request } = exchange;
    if (state.kind === "cookie" && !cookieCovers(state.path, request.path)) return CONTINUE;
    const address = this.addressIn(exchange, state);
    const session: Session = { state, address };
    exchange.filters.keepState(this, session);
    if (address !== "") exchange.router.selection.sessionHost = { address, strict };
    return CONTINUE;
  }

  private addressIn({ request, context }: Exchange, state: SessionStatePlan): string {
    if (state.kind === "header") return decodeSession(request.headers.first(state.name) ?? "").toString("latin1");
    const value = cookieValue(request, state.name) ?? "";
    return value === "" ? "" : decodeCookie(value, Math.floor(context.net.wallMs() / 1000));
  }

  onResponse(exchange: Exchange): void {
    const session = exchange.filters.stateOf(this) as Session | undefined;
    const { host, response } = exchange;
    if (session === undefined || host === null || host.name === session.address) return;
    const { state } = session;
    if (state.kind === "header") {
      response.headers.removeNamed(state.name);
      response.headers.appendNamed(state.name, Buffer.from(host.name, "latin1").toString("base64"));
      return;
    }
    const { ttlSeconds } = state;
    const expiresAt = ttlSeconds === 0 ? 0 : Math.floor(exchange.context.net.wallMs() / 1000) + ttlSeconds;
    response.headers.appendNamed(
      "set-cookie",
      `${state.name}="${encodeCookie(host.name, expiresAt)}"${state.attributes}`,
    );
  }
}
