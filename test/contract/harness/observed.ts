/** What an upstream has received on one connection, whatever the HTTP version. */
import type { Conversation } from "./http2/conversation.ts";
import { countComplete, linesOf, parse } from "./messages.ts";

export class ObservedConnection {
  received = "";
  end: "closed" | "reset" | null = null;
  tls = "";
  /** The proxy's. */
  readonly port: number;
  readonly destroy: () => void;
  /** It is HTTP/2, and this is it. */
  protected conversation: Conversation | null = null;

  constructor(port: number, destroy: () => void) {
    this.port = port;
    this.destroy = destroy;
  }

  /** Complete requests; of HTTP/2 those that were reset, too. */
  countComplete(): number {
    return this.conversation?.countComplete() ?? countComplete(parse(this.received, "requests"));
  }

  has(what: string | RegExp): boolean {
    if (this.conversation !== null) return this.conversation.has(what);
    return typeof what === "string" ? this.received.includes(what) : what.test(this.received);
  }

  /** @param frames of HTTP/2, frame by frame */
  lines(exactChunks: boolean, frames: boolean): string[] {
    const { conversation } = this;
    if (conversation === null) return linesOf(parse(this.received, "requests"), exactChunks);
    return frames ? conversation.frames() : conversation.lines(exactChunks);
  }
}
