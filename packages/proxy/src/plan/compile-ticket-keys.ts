/** With what servers seal the sessions that their clients keep: who has the same keys goes on with them. */
import type { TlsSessionTicketKeys } from "@tulle/xds/gen/envoy/extensions/transport_sockets/tls/v3/common_pb.js";
import { readDataSource } from "./data-source.ts";
import { fingerprintOf } from "./fingerprint.ts";
import type { Place } from "./problems.ts";
import type { TicketKeysPlan } from "./tls-plan.ts";

/** A name, then a key for HMAC, then one for AES. Source: Envoy `envoy/ssl/context_config.h`, SessionTicketKey. */
const LENGTH = 80;
const NAME = 16;
const HMAC = 32;
/** OpenSSL's has AES-128, and as much for HMAC. Source: Node.js `src/crypto/crypto_context.cc`, SetTicketKeys. */
const HALF = 16;

/** Null if it was refused. All are looked at; the first is the one that is used. */
export function compileTicketKeys(message: TlsSessionTicketKeys, place: Place): TicketKeysPlan | null {
  const before = place.problems.length;
  const keys = message.keys.map((source, i) => {
    const at = place.item("keys", i);
    const problems = place.problems.length;
    const key = readDataSource(source, at);
    if (key.length !== LENGTH && place.problems.length === problems) {
      at.refuse(`Incorrect TLS session ticket key length. Length ${key.length}, expected length ${LENGTH}.`);
    }
    return key;
  });
  const [first] = keys;
  if (first === undefined || place.problems.length > before) return null;
  const hmac = first.slice(NAME, NAME + HALF);
  const aes = first.slice(NAME + HMAC, NAME + HMAC + HALF);
  return { key: first.slice(0, NAME) + hmac + aes, fingerprint: fingerprintOf(Buffer.from(first, "latin1")) };
}
