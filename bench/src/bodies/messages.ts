/** What the benchmark and its workers say to each other. */

/** To the client: transfer bodies through a proxy. */
export interface TransferOrder {
  origin: string;
  direction: "down" | "up";
  connections: number;
  /** Of one body. */
  bytes: number;
  /** Stop beginning new bodies after this; a slow one is cut off. */
  ms: number;
  /** The side that receives takes no more than this, in bytes a second and connection; 0 = as fast as it comes. */
  slowTo: number;
}

export interface TransferResult {
  /** Body bytes that arrived. */
  bytes: number;
  bodies: number;
  failed: number;
  ms: number;
}

/** From the server, once. */
export interface ServerReady {
  port: number;
}
