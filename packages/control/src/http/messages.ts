import type { IncomingMessage, ServerResponse } from "node:http";

/** An answer that is the client's fault; its message says what to do. */
export class HttpError extends Error {
  override readonly name = "HttpError";
  readonly status: number;

  constructor(status: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
  }
}

/** As large as a whole mesh's configuration; the parser has the same bound. */
const MAX_BODY_BYTES = 8 * 1024 * 1024;

/** The request's body. Throws HttpError if it is too large or not UTF-8. */
export async function readText(request: IncomingMessage): Promise<string> {
  const bytes = await readBytes(request, MAX_BODY_BYTES, "apply it in parts");
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw new HttpError(400, "the body is not UTF-8 text", { cause: error });
  }
}

/** The request's body. Throws HttpError if it is longer. */
export async function readBytes(request: IncomingMessage, maxLength: number, advice = "send less"): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxLength) throw new HttpError(413, `the body is larger than ${maxLength} bytes; ${advice}`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

export function sendJson(response: ServerResponse, status: number, value: unknown): void {
  sendText(response, status, "application/json", `${JSON.stringify(value)}\n`);
}

export function sendText(response: ServerResponse, status: number, type: string, text: string | Uint8Array): void {
  response.writeHead(status, { "content-type": type, "cache-control": "no-store" });
  response.end(text);
}
