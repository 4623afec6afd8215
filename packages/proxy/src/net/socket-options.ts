/**
 * What the kernel knows of a socket and the runtime does not ask it for: where a redirected connection was to go, and sockets that
 * take connections to any address. Linux only, through `koffi`, which is loaded when something is captured and not before.
 */
import { createRequire } from "node:module";
import { type Server, type Socket, connect, createServer } from "node:net";
import { canonicalAddress, ipv6Groups } from "../ip-address.ts";

/** Linux uapi: asm-generic/socket.h, linux/in.h, linux/in6.h, linux/netfilter_ipv4.h, linux/netfilter_ipv6/ip6_tables.h. */
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const SOL_IP = 0;
const SOL_IPV6 = 41;
const SO_ORIGINAL_DST = 80;
const IP_TRANSPARENT = 19;
const IPV6_TRANSPARENT = 75;
const IPV6_V6ONLY = 26;
const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_STREAM_CLOEXEC = 1 | 0o2000000;

/** sizeof(struct sockaddr_in6), the longer one. */
const SOCKADDR_BYTES = 28;
const SOCKADDR_IN_BYTES = 16;
const BACKLOG = 4096;

interface LibC {
  getsockopt(fd: number, level: number, option: number, value: Uint8Array, length: number[]): number;
  setsockopt(fd: number, level: number, option: number, value: Uint8Array, length: number): number;
  socket(family: number, type: number, protocol: number): number;
  bind(fd: number, address: Uint8Array, length: number): number;
  listen(fd: number, backlog: number): number;
  close(fd: number): number;
  errno(): number;
}

/** The part of koffi that is used here. */
interface Koffi {
  load(library: string): { func(definition: string): unknown };
  errno(): number;
}

/** Capturing is configured and this runtime cannot do it. The message says what is missing. */
class CaptureUnavailable extends Error {
  override readonly name = "CaptureUnavailable";
}

export interface SocketOptions {
  /** Where the connection was to go before it was redirected; for others, where it went. Undefined: the kernel cannot tell. */
  originalDestination(socket: Socket): { readonly address: string; readonly port: number } | undefined;
  /** A descriptor that listens for connections to any address (IP_TRANSPARENT). Throws CaptureUnavailable without CAP_NET_ADMIN. */
  listenTransparently(address: string, port: number): number;
}

/** Where nothing is captured. */
export const NO_SOCKET_OPTIONS: SocketOptions = {
  originalDestination: () => undefined,
  listenTransparently: (address, port) => {
    throw new CaptureUnavailable(`transparent listener ${address}:${port}: not on this machine`);
  },
};

/** Rejects with CaptureUnavailable if the kernel cannot be asked, or the runtime is not what it was. */
export async function openSocketOptions(): Promise<SocketOptions> {
  const options = loadSocketOptions();
  if (await canReadOriginalDestinations(options)) return options;
  throw new CaptureUnavailable(`Node.js ${process.version} does not show the descriptors of its sockets`);
}

/** Throws CaptureUnavailable. */
export function loadSocketOptions(): SocketOptions {
  const libc = loadLibC();
  return {
    originalDestination: (socket) => originalDestination(libc, socket),
    listenTransparently: (address, port) => listenTransparently(libc, address, port),
  };
}

function loadLibC(): LibC {
  if (process.platform !== "linux") throw new CaptureUnavailable("connections can be captured on Linux only");
  let koffi: Koffi;
  try {
    koffi = createRequire(import.meta.url)("koffi") as Koffi;
  } catch (cause) {
    throw new CaptureUnavailable(
      "original destinations need the optional dependency koffi, which is not installed or not for this machine: npm install koffi",
      { cause },
    );
  }
  const library = koffi.load("libc.so.6");
  // koffi knows its functions by their C definitions alone.
  return {
    getsockopt: library.func(
      "int getsockopt(int fd, int level, int option, _Out_ uint8_t *value, _Inout_ uint32_t *length)",
    ) as LibC["getsockopt"],
    setsockopt: library.func(
      "int setsockopt(int fd, int level, int option, const uint8_t *value, uint32_t length)",
    ) as LibC["setsockopt"],
    socket: library.func("int socket(int family, int type, int protocol)") as LibC["socket"],
    bind: library.func("int bind(int fd, const uint8_t *address, uint32_t length)") as LibC["bind"],
    listen: library.func("int listen(int fd, int backlog)") as LibC["listen"],
    close: library.func("int close(int fd)") as LibC["close"],
    errno: () => koffi.errno(),
  };
}

const sockaddr = Buffer.alloc(SOCKADDR_BYTES);
const length = [SOCKADDR_BYTES];

/** 2.5–7 µs. Sockets of both families have IPv4 addresses in IPv6 form: which of the two asks is what the kernel goes by. */
function originalDestination(libc: LibC, socket: Socket): ReturnType<SocketOptions["originalDestination"]> {
  const fd = descriptorOf(socket);
  const local = socket.localAddress ?? "";
  const isIPv6 = local.includes(":") && !local.startsWith("::ffff:");
  length[0] = SOCKADDR_BYTES;
  if (libc.getsockopt(fd, isIPv6 ? SOL_IPV6 : SOL_IP, SO_ORIGINAL_DST, sockaddr, length) !== 0) return undefined;
  return { address: isIPv6 ? addressOfIPv6(sockaddr) : addressOfIPv4(sockaddr), port: sockaddr.readUInt16BE(2) };
}

function addressOfIPv4(bytes: Buffer): string {
  return `${bytes[4]}.${bytes[5]}.${bytes[6]}.${bytes[7]}`;
}

function addressOfIPv6(bytes: Buffer): string {
  const groups: string[] = [];
  for (let at = 8; at < 24; at += 2) groups.push(bytes.readUInt16BE(at).toString(16));
  return canonicalAddress(groups.join(":"));
}

/** Not public API: `canReadOriginalDestinations` finds out at start-up whether it is as it was. */
function descriptorOf(socket: Socket): number {
  return (socket as unknown as { readonly _handle: { readonly fd: number } | null })._handle?.fd ?? -1;
}

/** Why this machine or runtime cannot tell where redirected connections were to go; undefined if it can. */
export async function captureProblem(): Promise<string | undefined> {
  try {
    await openSocketOptions();
    return undefined;
  } catch (error) {
    if (error instanceof CaptureUnavailable) return error.message;
    throw error;
  }
}

/** Its own connection, which nobody redirects, went where it was to go: through conntrack or not, the answer is no other. */
export async function canReadOriginalDestinations(options: SocketOptions): Promise<boolean> {
  const server = createServer({ pauseOnConnect: true });
  try {
    return await new Promise<boolean>((resolve) => {
      server.on("error", () => resolve(false));
      server.on("connection", (accepted) => {
        const found = options.originalDestination(accepted);
        const fd = descriptorOf(accepted);
        resolve(fd >= 0 && (found === undefined || (found.address === "127.0.0.1" && found.port === portOf(server))));
        accepted.destroy();
      });
      server.listen(0, "127.0.0.1", () => {
        const client = connect(portOf(server), "127.0.0.1");
        client.on("error", () => resolve(false));
        client.on("close", () => client.destroy());
        client.resume();
      });
    });
  } finally {
    server.close();
  }
}

function portOf(server: Server): number {
  const address = server.address();
  return address === null || typeof address === "string" ? 0 : address.port;
}

function listenTransparently(libc: LibC, address: string, port: number): number {
  const isIPv6 = address.includes(":");
  const fd = libc.socket(isIPv6 ? AF_INET6 : AF_INET, SOCK_STREAM_CLOEXEC, 0);
  const check = (what: string, result: number): void => {
    if (result >= 0) return;
    const errno = libc.errno();
    if (fd >= 0) libc.close(fd);
    throw new CaptureUnavailable(
      `transparent listener ${address}:${port}: ${what} failed with errno ${errno}${hint(errno)}`,
    );
  };
  check("socket", fd);
  check("SO_REUSEADDR", setFlag(libc, fd, SOL_SOCKET, SO_REUSEADDR, true));
  check(
    "IP_TRANSPARENT",
    isIPv6 ? setFlag(libc, fd, SOL_IPV6, IPV6_TRANSPARENT, true) : setFlag(libc, fd, SOL_IP, IP_TRANSPARENT, true),
  );
  if (isIPv6) check("IPV6_V6ONLY", setFlag(libc, fd, SOL_IPV6, IPV6_V6ONLY, true));
  const bytes = socketAddress(address, port);
  check("bind", libc.bind(fd, bytes, bytes.length));
  check("listen", libc.listen(fd, BACKLOG));
  return fd;
}

/** EPERM. */
function hint(errno: number): string {
  return errno === 1 ? ": it needs the capability CAP_NET_ADMIN" : "";
}

function setFlag(libc: LibC, fd: number, level: number, option: number, on: boolean): number {
  const value = Buffer.alloc(4);
  value.writeInt32LE(on ? 1 : 0);
  return libc.setsockopt(fd, level, option, value, value.length);
}

/** struct sockaddr_in, struct sockaddr_in6; the family in the machine's byte order, the rest in the network's. */
function socketAddress(address: string, port: number): Buffer {
  const isIPv6 = address.includes(":");
  const bytes = Buffer.alloc(isIPv6 ? SOCKADDR_BYTES : SOCKADDR_IN_BYTES);
  bytes.writeUInt16LE(isIPv6 ? AF_INET6 : AF_INET, 0);
  bytes.writeUInt16BE(port, 2);
  if (isIPv6) ipv6Groups(address).forEach((group, index) => bytes.writeUInt16BE(group, 8 + index * 2));
  else bytes.set(address.split(".").map(Number), 4);
  return bytes;
}
