import type { ExplainWorld, HeldProxy } from "@tulle/control/explainer";
import type { Held } from "./held.ts";
import type { Origins } from "./origins.ts";
import type { ImaginedRequest } from "./request.ts";

/** What is asked, of whom, and what is known. */
export interface Question {
  readonly world: ExplainWorld;
  readonly origins: Origins;
  readonly client: HeldProxy;
  readonly held: Held;
  readonly request: ImaginedRequest;
  /** SPIFFE id that the client shows; undefined: none. */
  readonly principal: string | undefined;
  heldBy(proxy: HeldProxy): Held;
}
