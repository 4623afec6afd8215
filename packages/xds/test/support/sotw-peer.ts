/** A client of a SotwStream, in memory. */
import { fromBinary } from "@bufbuild/protobuf";
import { resourceName } from "../../src/client/resource-name.ts";
import type { DiscoveryResponse } from "../../src/gen/envoy/service/discovery/v3/discovery_pb.js";
import { DiscoveryResponseSchema } from "../../src/gen/envoy/service/discovery/v3/discovery_pb.js";
import type { ResourceView } from "../../src/resource.ts";
import type { OutboundResponse } from "../../src/server/push-stream.ts";
import { SotwStream } from "../../src/server/sotw-stream.ts";
import { ManualClock } from "./manual-clock.ts";

export class SotwPeer {
  readonly clock = new ManualClock();
  readonly stream: SotwStream;
  readonly sent: OutboundResponse[] = [];
  readonly #names = new Map<string, readonly string[]>();
  readonly #nonces = new Map<string, string>();
  #read = 0;

  constructor(view: ResourceView) {
    this.stream = new SotwStream({
      id: "ads-1",
      view,
      clock: this.clock,
      events: {},
      write: (response) => {
        this.sent.push(response);
        this.stream.written();
      },
    });
  }

  subscribe(typeUrl: string, ...resourceNames: string[]): void {
    this.#names.set(typeUrl, resourceNames);
    this.stream.receive({ typeUrl, resourceNames, responseNonce: this.#nonces.get(typeUrl) ?? "" });
  }

  ack({ typeUrl, nonce }: DiscoveryResponse): void {
    this.#nonces.set(typeUrl, nonce);
    this.stream.receive({ typeUrl, resourceNames: [...(this.#names.get(typeUrl) ?? [])], responseNonce: nonce });
  }

  nack({ typeUrl, nonce }: DiscoveryResponse, message: string): void {
    this.#nonces.set(typeUrl, nonce);
    const resourceNames = [...(this.#names.get(typeUrl) ?? [])];
    this.stream.receive({ typeUrl, resourceNames, responseNonce: nonce, errorDetail: { code: 13, message } });
  }

  read(): DiscoveryResponse[] {
    const unread = this.sent.slice(this.#read);
    this.#read = this.sent.length;
    return unread.map(({ body, tail }) => fromBinary(DiscoveryResponseSchema, Buffer.concat([body, tail])));
  }

  drain(): DiscoveryResponse[] {
    const all: DiscoveryResponse[] = [];
    for (let batch = this.read(); batch.length > 0; batch = this.read()) {
      all.push(...batch);
      for (const response of batch) this.ack(response);
    }
    return all;
  }
}

/** `Cluster a b`: type and names. */
export function summary(response: DiscoveryResponse): string {
  const type = response.typeUrl.slice(response.typeUrl.lastIndexOf(".") + 1);
  return [type, ...response.resources.map((any) => resourceName(any.value))].join(" ");
}
