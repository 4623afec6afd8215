/** `socket_options` of a listener, as far as the runtime lets us set them. The numbers are Linux's, which configurations are written in. */
import type { SocketOption } from "@tulle/xds/gen/envoy/config/core/v3/socket_option_pb.js";
import type { Place } from "./problems.ts";

/** What connections are accepted with. */
export interface AcceptedOptions {
  /** Time until the first TCP keepalive, in ms, 0 = the system's; -1: there are none. */
  readonly keepaliveMs: number;
}

const SOL_SOCKET = 1;
const IPPROTO_TCP = 6;

const SO_REUSEADDR = option(SOL_SOCKET, 2);
const SO_KEEPALIVE = option(SOL_SOCKET, 9);
const SO_REUSEPORT = option(SOL_SOCKET, 15);
const TCP_NODELAY = option(IPPROTO_TCP, 1);
const TCP_KEEPIDLE = option(IPPROTO_TCP, 4);
const TCP_KEEPINTVL = option(IPPROTO_TCP, 5);
const TCP_KEEPCNT = option(IPPROTO_TCP, 6);

/**
 * Without effect: the runtime lets us set the time of keepalives only, it probes ten times, once a second; one event loop accepts, and shares
 * the port with nobody.
 */
const IGNORED: ReadonlySet<string> = new Set([SO_REUSEADDR, SO_REUSEPORT, TCP_KEEPINTVL, TCP_KEEPCNT]);

export function compileSocketOptions(
  options: readonly SocketOption[],
  placeOf: (index: number) => Place,
): AcceptedOptions {
  let keepalive = false;
  let idleSeconds = 0;
  for (const [i, { level, name, value }] of options.entries()) {
    const key = option(Number(level), Number(name));
    const number = value.case === "intValue" ? Number(value.value) : Number.NaN;
    if (key === SO_KEEPALIVE && !Number.isNaN(number)) keepalive = number !== 0;
    else if (key === TCP_KEEPIDLE && number > 0) idleSeconds = number;
    else if (!(key === TCP_NODELAY && number === 1) && !IGNORED.has(key)) {
      placeOf(i).refuse(`the runtime has no way to set this: level ${level}, name ${name}`);
    }
  }
  return { keepaliveMs: keepalive ? idleSeconds * 1000 : -1 };
}

function option(level: number, name: number): string {
  return `${level}/${name}`;
}
