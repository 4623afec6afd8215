import type { JsonValue } from "@bufbuild/protobuf";
import type { Hash64 } from "../hash/hash64.ts";
import { xxHash64 } from "../hash/xx-hash64.ts";
import { metadataValue } from "../plan/dynamic-metadata.ts";
import { LB_NAMESPACE, type MetadataMatch, mergeMatches } from "../plan/metadata-match.ts";
import type { LoadBalancerContext, OriginalDestinationView } from "../upstream/load-balancer-context.ts";
import type { ConnectionStream } from "./connection-stream.ts";

/** What the choice of a host may ask about a connection that carries no HTTP. */
export class ConnectionHostSelection implements LoadBalancerContext {
  readonly random: () => number;
  readonly requestHost = "";
  readonly awaited = false;
  readonly hostSelectionRetries = 0;
  readonly retryPriority = null;
  readonly wantedHost = null;
  /** Of the cluster that has been chosen. */
  routed: MetadataMatch | null = null;
  private readonly stream: ConnectionStream;
  private readonly hashesSourceIp: boolean;

  constructor(stream: ConnectionStream, random: () => number, hashesSourceIp: boolean) {
    this.stream = stream;
    this.random = random;
    this.hashesSourceIp = hashesSourceIp;
  }

  get metadataMatch(): MetadataMatch | null {
    return mergeMatches(this.routed, this.stream.dynamicMetadata?.[LB_NAMESPACE]);
  }

  hashRequest(hash: Hash64): boolean {
    if (!this.hashesSourceIp) return false;
    // The seed.
    hash.high = hash.low = 0;
    xxHash64(this.stream.connection.remoteAddress, hash);
    return true;
  }

  requestHeader(): undefined {
    return undefined;
  }

  requestMetadata(namespace: string, path: readonly string[]): JsonValue | undefined {
    return metadataValue(this.stream.dynamicMetadata, namespace, path);
  }

  get originalDestination(): OriginalDestinationView | null {
    return this.stream.connection.originalDestination;
  }

  awaitName(): void {
    // Nothing of a connection names a host, so no cluster asks for one.
  }

  explain(): void {
    // Flags say enough.
  }

  avoidsHost(): boolean {
    return false;
  }
}
