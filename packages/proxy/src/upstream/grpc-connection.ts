import type { ClientHttp2Session, ClientHttp2Stream, IncomingHttpHeaders } from "node:http2";
import type { Socket } from "node:net";
import { Timer, type TimerOwner } from "../clock/timer-wheel.ts";
import type { NetContext } from "../net/context.ts";
import type { TransportSecurity } from "../net/transport.ts";
import { bindAddressFor } from "./bind-address.ts";
import type { ClusterUse } from "./cluster-use.ts";
import type { CarriedCall } from "./grpc-call.ts";
import type { Host } from "./host.ts";

const CONNECT_TIMER = 0;
const IDLE_TIMER = 1;

/** Offered in TLS handshakes (ALPN) unless the transport socket has others. */
const HTTP2: readonly string[] = ["h2"];

/** Source: Envoy's `initial_stream_window_size` of upstreams: larger than any message. */
const SETTINGS = { enablePush: false, initialWindowSize: 16 * 1024 * 1024, maxConcurrentStreams: 1024 } as const;

const CONNECTING = 0;
const READY = 1;
/** No new calls. */
const DRAINING = 2;
const CLOSED = 3;

/** Who has a connection. */
export interface GrpcConnectionOwner {
  onConnected(connection: GrpcConnection): void;
  /** @param connected whether it has ever been */
  onClosed(connection: GrpcConnection, connected: boolean): void;
}

/**
 * One HTTP/2 connection to a host, for gRPC calls and streams of the proxy's own: the runtime's HTTP/2 over our sockets and our TLS, loaded when the
 * first is opened. Requests of clients never come here.
 */
export class GrpcConnection implements TimerOwner {
  private readonly host: Host;
  private readonly use: ClusterUse;
  private readonly owner: GrpcConnectionOwner;
  private readonly net: NetContext;
  private readonly openedAt: number;
  private readonly connectTimer = new Timer(this, CONNECT_TIMER);
  private readonly idleTimer = new Timer(this, IDLE_TIMER);
  private readonly calls = new Set<CarriedCall>();
  private socket: Socket;
  private session: ClientHttp2Session | null = null;
  private state = CONNECTING;
  private closedByUs = false;
  private started = 0;

  constructor(host: Host, use: ClusterUse, owner: GrpcConnectionOwner) {
    const { net, stats, plan } = use;
    this.host = host;
    this.use = use;
    this.owner = owner;
    this.net = net;
    this.openedAt = net.turn.now;
    use.countOpened(host, use.of(0).connections);
    stats.cxHttp2Total.value++;
    const source = bindAddressFor(plan.bindAddresses, host.address);
    const socket = net.connect(host.address, host.port, undefined, host.addresses, source);
    this.socket = socket;
    if (plan.connectTimeoutMs > 0) net.timers.arm(this.connectTimer, net.turn.now, plan.connectTimeoutMs);
    const security = host.transport?.session(host.hostname, HTTP2) ?? null;
    socket.once("connect", () => this.guarded(() => this.onConnected(socket, security)));
    this.watch(socket);
  }

  private watch(socket: Socket): void {
    // Its end follows.
    socket.on("error", () => {});
    socket.once("close", () => this.guarded(() => this.onSocketClosed(socket)));
  }

  private onConnected(socket: Socket, security: TransportSecurity | null): void {
    if (security === null) this.begin(socket);
    else if (security.ready(socket, () => this.guarded(() => this.handshake(socket, security)))) {
      this.handshake(socket, security);
    }
  }

  private handshake(connected: Socket, security: TransportSecurity): void {
    const socket = security.begin(connected, () => {
      this.guarded(() => {
        if (this.socket.destroyed || security.verify() !== "") this.socket.destroy();
        else this.begin(this.socket);
      });
    });
    if (socket === null) {
      connected.destroy();
      return;
    }
    this.socket = socket;
    let failed = false;
    const onError = (error: NodeJS.ErrnoException): void => {
      if (!failed) security.failed(error);
      failed = true;
    };
    socket.on("error", onError);
    socket.on("_tlsError", (error: NodeJS.ErrnoException) => {
      onError(error);
      if (!socket.destroyed) socket.destroy();
    });
    socket.once("close", () => this.guarded(() => this.onSocketClosed(socket)));
  }

  /** The peer is whom we want. */
  private begin(socket: Socket): void {
    if (this.state !== CONNECTING) return;
    const { use, net } = this;
    net.timers.disarm(this.connectTimer);
    use.stats.cxConnectMs.record(net.turn.now - this.openedAt);
    // The runtime's HTTP/2 does not see the end of sockets that may stay half open.
    socket.allowHalfOpen = false;
    const { connect } = process.getBuiltinModule("node:http2");
    const session = connect("http://grpc", { createConnection: () => socket, settings: SETTINGS });
    this.session = session;
    // What a peer does wrong ends the session, and what is under way with it.
    session.on("error", () => {});
    session.on("goaway", () => this.guarded(() => this.drain()));
    this.state = READY;
    this.owner.onConnected(this);
    this.armIdle();
  }

  get isReady(): boolean {
    const { session } = this;
    // It may have been broken off while its socket is still there.
    return this.state === READY && session !== null && !session.closed && !session.destroyed;
  }

  get isConnecting(): boolean {
    return this.state === CONNECTING;
  }

  /** To be called where it is ready. */
  start(call: CarriedCall): void {
    const { session, net, use } = this;
    if (session === null) return;
    net.timers.disarm(this.idleTimer);
    this.calls.add(call);
    this.started++;
    if (this.started === use.plan.maxRequestsPerConnection) {
      use.stats.cxMaxRequests.value++;
      this.state = DRAINING;
    }
    const stream = session.request(call.headers, { endStream: false });
    this.listen(stream, call);
    call.begin(stream);
  }

  private listen(stream: ClientHttp2Stream, call: CarriedCall): void {
    stream.on("response", (headers: IncomingHttpHeaders) => this.guarded(() => call.onHeaders(headers)));
    stream.on("data", (bytes: Buffer) => this.guarded(() => call.onData(bytes)));
    stream.on("trailers", (trailers: IncomingHttpHeaders) => this.guarded(() => call.onTrailers(trailers)));
    stream.on("error", () => {});
    stream.once("close", () => {
      this.guarded(() => {
        this.calls.delete(call);
        call.onStreamClosed();
        if (this.calls.size > 0) return;
        if (this.state === DRAINING) this.close();
        else this.armIdle();
      });
    });
  }

  /** No new calls; closes when those under way are over. */
  drain(): void {
    if (this.state === READY) this.state = DRAINING;
    if (this.calls.size === 0) this.close();
  }

  /** Closes now. */
  close(): void {
    if (this.state === CLOSED) return;
    this.closedByUs = true;
    this.session?.destroy();
    this.socket.destroy();
  }

  onTimer(kind: number): void {
    const { stats } = this.use;
    if (kind === CONNECT_TIMER) stats.cxConnectTimeout.value++;
    else stats.cxIdleTimeout.value++;
    this.close();
  }

  private armIdle(): void {
    const { net, plan } = this.use;
    if (this.state === READY && this.calls.size === 0 && plan.idleTimeoutMs > 0) {
      net.timers.arm(this.idleTimer, net.turn.now, plan.idleTimeoutMs);
    }
  }

  private onSocketClosed(socket: Socket): void {
    if (socket !== this.socket || this.state === CLOSED) return;
    const { use, host, net } = this;
    const connected = this.state !== CONNECTING;
    this.state = CLOSED;
    net.timers.disarm(this.connectTimer);
    net.timers.disarm(this.idleTimer);
    use.countClosed(host, use.of(0).connections, this.closedByUs, connected, this.openedAt, this.started);
    this.failCalls();
    this.session?.destroy();
    this.owner.onClosed(this, connected);
  }

  /** The connection has gone from under them. */
  private failCalls(): void {
    const { use } = this;
    if (this.calls.size === 0) return;
    use.countCut(this.closedByUs);
    const cut = [...this.calls];
    for (const call of cut) {
      use.stats.rqPendingFailureEject.value++;
      call.onStreamClosed();
    }
    this.calls.clear();
  }

  private guarded(run: () => void): void {
    const { net } = this;
    net.turn.begin();
    try {
      run();
    } catch (error) {
      net.reportBug(error);
    }
    net.turn.end();
  }
}
