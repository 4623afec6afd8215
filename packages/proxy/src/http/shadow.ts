/**
 * Mirroring: copies of a request that go to other clusters while it is received, and whose answers nobody waits for. Envoy
 * `source/common/router/shadow_writer_impl.cc`, streaming as of 1.40.
 */
import type { HeaderBlock } from "../codec/header-block.ts";
import { RequestHead } from "../codec/messages.ts";
import type { ReadBuffer } from "../codec/read-buffer.ts";
import type { MirrorPlan } from "../plan/route-plan.ts";
import { firstHeader } from "../plan/request-matchers.ts";
import { DEFAULT_POOLS } from "../upstream/preconnect.ts";
import { markAsOwn } from "./async-client.ts";
import { AsyncRequest } from "./async-request.ts";
import type { Exchange } from "./exchange.ts";

/** The copies of one exchange's request, while it is still being received; part of its router. */
export class Shadows {
  private readonly requests: AsyncRequest[] = [];

  /** The head is final: off with a copy to each mirror whose share this request is among. CONNECT is never mirrored. */
  start(exchange: Exchange, mirrors: readonly MirrorPlan[], timeoutMs: number): void {
    if (exchange.switchesProtocol) return;
    const { context, request, runtime, connection, requestPassed, isGrpc } = exchange;
    const bufferLimitBytes = connection?.bufferLimitBytes ?? 0;
    for (const { cluster: ref, clusterHeader, appendShadow, traceSampled, fraction } of mirrors) {
      if (fraction.share < 1 && context.random() >= fraction.share) continue;
      const named = ref ?? context.findCluster(firstHeader(request, clusterHeader));
      const cluster = named?.current ?? null;
      if (cluster === null) continue;
      cluster.stats.asyncRqTotal.value++;
      const host = cluster.chooseHost(exchange.router.selection, 0);
      if (host === null) continue;
      cluster.preconnect(exchange.router.selection, DEFAULT_POOLS);
      const head = new RequestHead();
      head.copyFrom(request);
      if (appendShadow) head.authority = shadowHost(request.authority);
      const callbacks = runtime?.tracing?.startMirrorSpan(exchange, head.headers, cluster, host, traceSampled) ?? null;
      markAsOwn(head.headers, context.sources.localAddress);
      const shadow = new AsyncRequest(context.net, cluster, head, {
        isGrpc,
        timeoutMs,
        bufferLimitBytes,
        callbacks,
        tells: runtime?.plan.peerMetadata?.tells ?? null,
      });
      if (!requestPassed) this.requests.push(shadow);
      shadow.start(host, requestPassed);
    }
  }

  onData(buffer: ReadBuffer, start: number, end: number, endStream: boolean): void {
    const { requests } = this;
    for (let i = 0; i < requests.length; i++) requests[i].sendData(buffer, start, end, endStream);
    if (endStream && requests.length > 0) requests.length = 0;
  }

  onTrailers(trailers: HeaderBlock): void {
    for (const shadow of this.requests) shadow.sendTrailers(trailers);
    if (this.requests.length > 0) this.requests.length = 0;
  }

  /** The exchange is over. Copies of complete requests go on; of others there will be no more. */
  end(): void {
    if (this.requests.length === 0) return;
    for (const shadow of this.requests) shadow.cancel();
    this.requests.length = 0;
  }
}

/** `cats.com:8080` → `cats.com-shadow:8080`. */
function shadowHost(authority: string): string {
  const bracket = authority.lastIndexOf("]");
  const colon = authority.indexOf(":", bracket < 0 ? 0 : bracket);
  return colon < 0 ? `${authority}-shadow` : `${authority.slice(0, colon)}-shadow${authority.slice(colon)}`;
}
