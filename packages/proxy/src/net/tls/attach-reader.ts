import { type OnReadOpts, Socket } from "node:net";

/**
 * Makes a TLS socket over another one read into a buffer of ours: node:tls takes `onread` for sockets only that it opens itself. Sets what
 * `onread` sets, which is not public API: false, and nothing is changed, where the runtime looks different.
 */
export function attachReader(socket: Socket, onread: OnReadOpts): boolean {
  const { buffer } = onread;
  keys ??= findKeys();
  const handle = (socket as unknown as { _handle: Partial<BufferedHandle> | null })._handle;
  if (keys === null || typeof handle?.useUserBuffer !== "function") return false;
  const fields = socket as unknown as Record<symbol, unknown>;
  const first = typeof buffer === "function" ? buffer() : buffer;
  fields[keys.buffer] = first;
  fields[keys.callback] = (length: number, bytes: Uint8Array) => onread.callback(length, bytes);
  fields[keys.generator] = typeof buffer === "function" ? buffer : null;
  handle.useUserBuffer(first);
  return true;
}

interface BufferedHandle {
  useUserBuffer(buffer: Uint8Array): void;
}

interface Keys {
  readonly buffer: symbol;
  readonly callback: symbol;
  readonly generator: symbol;
}

/** Undefined: not looked for yet; null: not there. */
let keys: Keys | null | undefined;

/** A socket with `onread` shows under which symbols the runtime keeps it. */
function findKeys(): Keys | null {
  const made = new Socket({ onread: { buffer: Buffer.alloc(1), callback: () => true } } as ConstructorParameters<
    typeof Socket
  >[0]);
  const byName = new Map(Object.getOwnPropertySymbols(made).map((symbol) => [symbol.description, symbol]));
  const [buffer, callback, generator] = ["kBuffer", "kBufferCb", "kBufferGen"].map((name) => byName.get(name));
  made.destroy();
  return buffer === undefined || callback === undefined || generator === undefined
    ? null
    : { buffer, callback, generator };
}
