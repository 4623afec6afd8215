/** A client of a DeltaStream, in memory: says what it wants, reads what it gets, answers when told to. */
import { fromBinary } from "@bufbuild/protobuf";
import type { DeltaDiscoveryResponse } from "../../src/gen/envoy/service/discovery/v3/discovery_pb.js";
import { DeltaDiscoveryResponseSchema } from "../../src/gen/envoy/service/discovery/v3/discovery_pb.js";
import type { ResourceView } from "../../src/resource.ts";
import type { DeltaRequest } from "../../src/server/delta-stream.ts";
import { DeltaStream } from "../../src/server/delta-stream.ts";
import type { OutboundResponse } from "../../src/server/push-stream.ts";
import type { AdsEvents } from "../../src/server/types.ts";
import { ManualClock } from "./manual-clock.ts";

export class DeltaPeer {
  readonly clock = new ManualClock();
  readonly stream: DeltaStream;
  /** Raw responses, in order. */
  readonly sent: OutboundResponse[] = [];
  /** Responses are taken by the transport at once unless this is set. */
  stalled = false;
  #read = 0;

  constructor(view: ResourceView, events: AdsEvents = {}) {
    this.stream = new DeltaStream({
      id: "ads-1",
      view,
      clock: this.clock,
      events,
      write: (response) => {
        this.sent.push(response);
        if (!this.stalled) this.stream.written();
      },
    });
  }

  request(typeUrl: string, request: Partial<DeltaRequest> = {}): void {
    this.stream.receive({
      typeUrl,
      resourceNamesSubscribe: [],
      resourceNamesUnsubscribe: [],
      initialResourceVersions: {},
      responseNonce: "",
      ...request,
    });
  }

  subscribe(typeUrl: string, ...names: string[]): void {
    this.request(typeUrl, { resourceNamesSubscribe: names });
  }

  ack({ typeUrl, nonce }: DeltaDiscoveryResponse): void {
    this.request(typeUrl, { responseNonce: nonce });
  }

  nack({ typeUrl, nonce }: DeltaDiscoveryResponse, message: string): void {
    this.request(typeUrl, { responseNonce: nonce, errorDetail: { code: 13, message } });
  }

  /** The responses since the last call. */
  read(): DeltaDiscoveryResponse[] {
    const unread = this.sent.slice(this.#read);
    this.#read = this.sent.length;
    return unread.map(decodeDelta);
  }

  /** Reads and acknowledges until nothing more comes. */
  drain(): DeltaDiscoveryResponse[] {
    const all: DeltaDiscoveryResponse[] = [];
    for (let batch = this.read(); batch.length > 0; batch = this.read()) {
      all.push(...batch);
      for (const response of batch) this.ack(response);
    }
    return all;
  }
}

export function decodeDelta({ body, tail }: OutboundResponse): DeltaDiscoveryResponse {
  return fromBinary(DeltaDiscoveryResponseSchema, Buffer.concat([body, tail]));
}

/** `Cluster +a +b -c`: what a response says, in one line. */
export function summary(response: DeltaDiscoveryResponse): string {
  const type = response.typeUrl.slice(response.typeUrl.lastIndexOf(".") + 1);
  const changes = response.resources.map((resource) => `+${resource.name}`);
  const removals = response.removedResources.map((name) => `-${name}`);
  return [type, ...changes, ...removals].join(" ");
}
