/** The HTTP API of the control plane: for the CLI, the console and debugging. */
import { chmod, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { QuestionError } from "../telemetry/question-error.ts";
import { sendEvents } from "./event-stream.ts";
import { refuseForeignPages, SECURITY_HEADERS } from "./browsers.ts";
import { Console } from "./console.ts";
import { HttpError, readBytes, readText, sendJson, sendText } from "./messages.ts";
import type { ApiContext } from "./handler.ts";
import { ROUTES } from "./routes.ts";

/** Of questions to the telemetry thread that have no answer. */
const QUESTION_STATUS = { invalid: 400, "not-found": 404, limit: 422, unavailable: 503 } as const;

/** What is never the console's: a path of these that is no route is a mistake, and told. */
const API_PATHS: ReadonlySet<string> = new Set(["api", "v1", "metrics", "ready", "version"]);

export class HttpApi {
  readonly #context: ApiContext;
  readonly #console: Console | undefined;
  /** Until it is known otherwise. */
  #isLoopback = true;
  readonly #server: Server;
  readonly #local: Server;

  /** `consoleDirectory`: the console as it was built; undefined serves none. */
  constructor(context: ApiContext, consoleDirectory?: string) {
    this.#context = context;
    this.#console = consoleDirectory === undefined ? undefined : new Console(consoleDirectory);
    const serverOf = (local: boolean): Server =>
      createServer((request, response) => {
        this.#serve(request, response, local).catch((error: unknown) => this.#fail(response, error));
      });
    this.#server = serverOf(false);
    this.#local = serverOf(true);
  }

  /** Resolves with the address that it really has. */
  listen({ host, port }: { host: string; port: number }): Promise<{ host: string; port: number }> {
    return new Promise((resolve, reject) => {
      this.#server.once("error", (error) =>
        reject(new Error(`cannot serve the HTTP API at ${host}:${port}: ${error.message}`, { cause: error })),
      );
      this.#server.listen(port, host, () => {
        const address = this.#server.address();
        this.#isLoopback = typeof address !== "object" || address === null || isLoopbackAddress(address.address);
        resolve({ host, port: typeof address === "object" && address !== null ? address.port : port });
      });
    });
  }

  /** Also at a socket in the file system, in a directory that others cannot enter. */
  async listenLocally(path: string): Promise<void> {
    await rm(path, { force: true });
    await new Promise<void>((resolve, reject) => {
      this.#local.once("error", reject);
      this.#local.listen(path, resolve);
    });
    await chmod(path, 0o600);
  }

  async close(): Promise<void> {
    await Promise.all(
      [this.#server, this.#local].map(
        (server) =>
          new Promise<void>((resolve) => {
            server.close(() => resolve());
            server.closeAllConnections();
          }),
      ),
    );
  }

  async #serve(request: IncomingMessage, response: ServerResponse, local: boolean): Promise<void> {
    for (const [name, value] of Object.entries(SECURITY_HEADERS)) response.setHeader(name, value);
    // No browser opens sockets in the file system.
    if (!local) refuseForeignPages(request.method, request.headers, this.#isLoopback);
    // A path may begin with two slashes, which is no authority here.
    const url = new URL(`http://localhost${request.url ?? "/"}`);
    const path = url.pathname
      .split("/")
      .filter((part) => part !== "")
      .map(decode);
    const route = ROUTES.find((candidate) => matches(candidate.path, path));
    if (route === undefined) {
      if (this.#console === undefined || API_PATHS.has(path[0] ?? "") || !isRead(request.method))
        throw new HttpError(404, `there is no ${url.pathname}`);
      const { status, headers, body } = await this.#console.answer(url.pathname, request.headers);
      response.writeHead(status, headers);
      response.end(request.method === "HEAD" ? undefined : body);
      return;
    }
    const handler = route.methods[request.method ?? "GET"];
    if (handler === undefined) {
      response.setHeader("allow", Object.keys(route.methods).join(", "));
      throw new HttpError(405, `${url.pathname} has no method ${request.method}`);
    }
    const body = (): Promise<string> => readText(request);
    const answer = await handler(this.#context, {
      path,
      query: url.searchParams,
      local,
      headers: request.headers,
      peer: request.socket.remoteAddress ?? "",
      body,
      bytes: (maxLength) => readBytes(request, maxLength),
    });
    if ("events" in answer) {
      sendEvents(response, answer.events, this.#context.clock);
      return;
    }
    const status = answer.status ?? 200;
    if ("text" in answer) sendText(response, status, answer.type, answer.text);
    else sendJson(response, status, answer.json);
  }

  #fail(response: ServerResponse, error: unknown): void {
    const told = error instanceof QuestionError ? new HttpError(QUESTION_STATUS[error.kind], error.message) : error;
    const known = told instanceof HttpError;
    if (!known) this.#context.log("error", "the HTTP API failed to answer", { error });
    if (response.headersSent) response.destroy();
    else if (known) sendJson(response, told.status, { error: told.message });
    else sendJson(response, 500, { error: isOfSystem(error) ? error.message : "internal error; see the log" });
  }
}

/** A full disk, a directory that may not be written: for whoever asked to mend. */
function isOfSystem(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && "syscall" in error && "code" in error;
}

function isRead(method: string | undefined): boolean {
  return method === "GET" || method === "HEAD";
}

function isLoopbackAddress(address: string): boolean {
  return address === "::1" || address.startsWith("127.") || address.startsWith("::ffff:127.");
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch (error) {
    throw new HttpError(400, `${part} is not percent-encoded text`, { cause: error });
  }
}

/** `*` stands for any one part. */
function matches(pattern: readonly string[], path: readonly string[]): boolean {
  return pattern.length === path.length && pattern.every((part, index) => part === "*" || part === path[index]);
}
