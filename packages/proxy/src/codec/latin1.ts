/** Node's own slice, an order cheaper for short ranges than `toString("latin1", …)`; present since Node 0.x, not in its types. */
interface Sliceable {
  latin1Slice(start: number, end: number): string;
}

/** As above; nor is this. */
interface Writable {
  latin1Write(text: string, at: number, length: number): number;
}

/** Gives how many bytes were written. */
export function writeLatin1(bytes: Buffer, text: string, at: number): number {
  return (bytes as Buffer & Writable).latin1Write(text, at, text.length);
}

export function latin1(bytes: Buffer, start: number, end: number): string {
  return (bytes as Buffer & Sliceable).latin1Slice(start, end);
}
