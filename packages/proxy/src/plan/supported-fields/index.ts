/**
 * Which parts of an Envoy configuration the proxy has: the one table that start-up, NACKs and the compatibility page read.
 *
 * A set field that is in none of the lists is refused with its path. Nothing that would change behaviour is ignored: `ignored`
 * holds only what has no effect in Envoy either, given what else is refused, or what concerns a mechanism the proxy does not need.
 */

import { ACCESS_LOG } from "./access-log.ts";
import { AUTHN } from "./authn.ts";
import { BOOTSTRAP } from "./bootstrap.ts";
import { CLUSTER } from "./cluster.ts";
import { COMPRESSION } from "./compression.ts";
import { DECOMPRESSION } from "./decompression.ts";
import { CORE } from "./core.ts";
import { ENDPOINT } from "./endpoint.ts";
import { FILTERS } from "./filters.ts";
import { LISTENER } from "./listener.ts";
import type { MessageSupport } from "./message-support.ts";
import { RATE_LIMIT } from "./rate-limit.ts";
import { ROUTE } from "./route.ts";
import { TLS } from "./tls.ts";
import { TRACING } from "./tracing.ts";

export type { MessageSupport } from "./message-support.ts";
export * from "./type-names.ts";

/** By message type name. */
export const SUPPORTED_FIELDS: ReadonlyMap<string, MessageSupport> = new Map(
  [
    ACCESS_LOG,
    AUTHN,
    BOOTSTRAP,
    CORE,
    LISTENER,
    FILTERS,
    CLUSTER,
    ENDPOINT,
    COMPRESSION,
    DECOMPRESSION,
    ROUTE,
    RATE_LIMIT,
    TLS,
    TRACING,
  ].flatMap((group) => Object.entries(group)),
);
