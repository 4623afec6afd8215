/** Unary gRPC calls to endpoints, by a library that is loaded when the first filter needs it: proxies without one pay nothing. */
import type * as Grpc from "@grpc/grpc-js";
import type { NetContext } from "./context.ts";

export interface GrpcRequest {
  /** `10.0.0.1:80` */
  readonly address: string;
  readonly authority: string;
  /** `/package.Service/Method` */
  readonly path: string;
  readonly message: Uint8Array;
  /** 0 for none. */
  readonly timeoutMs: number;
}

export interface GrpcCall {
  cancel(): void;
}

/** Bounds what is kept of endpoints that have gone. */
const MAX_CLIENTS = 64;

export class GrpcCalls {
  private readonly net: NetContext;
  private library: typeof Grpc | null = null;
  private readonly clients = new Map<string, Grpc.Client>();

  constructor(net: NetContext) {
    this.net = net;
  }

  /** To be awaited before the first call. @param messages loads what is sent, which is as large as the library */
  load(messages: () => Promise<void>, onReady: () => void): void {
    Promise.all([import("@grpc/grpc-js"), messages()]).then(
      ([library]) => {
        this.library = library;
        onReady();
      },
      (error: unknown) => {
        this.net.reportBug(error);
        onReady();
      },
    );
  }

  /** @param onEnd called within a turn. Null: the call has failed */
  call(request: GrpcRequest, onEnd: (message: Uint8Array | null) => void): GrpcCall | null {
    const { library, net } = this;
    if (library === null) {
      onEnd(null);
      return null;
    }
    const options = request.timeoutMs === 0 ? {} : { deadline: net.wallMs() + request.timeoutMs };
    return this.client(library, request).makeUnaryRequest(
      request.path,
      asIs,
      asIs,
      Buffer.from(request.message),
      new library.Metadata(),
      options,
      (error, message) => {
        net.turn.begin();
        try {
          onEnd(error === null && message !== undefined ? message : null);
        } catch (bug) {
          net.reportBug(bug);
        }
        net.turn.end();
      },
    );
  }

  private client(library: typeof Grpc, { address, authority }: GrpcRequest): Grpc.Client {
    const key = `${address} ${authority}`;
    let client = this.clients.get(key);
    if (client === undefined) {
      client = new library.Client(address, library.credentials.createInsecure(), {
        "grpc.default_authority": authority,
        "grpc.enable_retries": 0,
        "grpc.enable_channelz": 0,
        "grpc.use_local_subchannel_pool": 1,
        "grpc.service_config_disable_resolution": 1,
      });
      this.clients.set(key, client);
      this.forgetOldest();
    }
    return client;
  }

  private forgetOldest(): void {
    if (this.clients.size <= MAX_CLIENTS) return;
    for (const [key, client] of this.clients) {
      this.clients.delete(key);
      client.close();
      return;
    }
  }

  close(): void {
    for (const client of this.clients.values()) client.close();
    this.clients.clear();
  }
}

function asIs(bytes: Buffer): Buffer {
  return bytes;
}
