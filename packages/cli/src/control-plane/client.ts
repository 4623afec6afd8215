/** The control plane's HTTP API, as the commands use it. */
import type { Diagnostic } from "@tulle/api";
import type { AnalysisMessage } from "@tulle/control/analysis";
import type { ChangeAnswer, ExplainAnswer, ExplainQuestion } from "@tulle/explain/answer";
import { request } from "node:http";
import { CliError, EXIT, reason } from "../errors.ts";
import { formatAddress } from "../options.ts";
import { unreachable } from "./locate.ts";
import type { Located } from "./locate.ts";

/** A Kubernetes-shaped object, as far as every kind has it. */
export interface MeshObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly creationTimestamp?: string;
    readonly labels?: Readonly<Record<string, string>>;
  };
  readonly spec?: unknown;
}

/** What became of an object, or of one of its fields. */
export interface ObjectStatus {
  readonly type: "InForce" | "Shadowed" | "NotYetApplied" | "Ignored" | "Invalid";
  readonly field?: string;
  readonly message: string;
  /** The object that shadows this one. */
  readonly by?: string;
}

export interface StoredObject {
  readonly object: MeshObject;
  readonly source?: { readonly file: string; readonly line: number };
  readonly status: readonly ObjectStatus[];
}

interface ApplyResult {
  readonly kind: string;
  readonly namespace?: string;
  readonly name: string;
  readonly action: "created" | "configured" | "unchanged";
}

export interface ApplyAnswer {
  readonly results: readonly ApplyResult[];
  readonly diagnostics: readonly Diagnostic[];
}

export interface JoinToken {
  readonly id: string;
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly createdAt: string;
  readonly expiresAt: string;
  readonly revokedAt?: string;
}

/** Somebody who holds a certificate. */
export interface CertificateHolder {
  readonly identity: string;
  readonly node: string;
}

interface AuthorityCertificate {
  readonly id: string;
  readonly subject: string;
  readonly notBefore: string;
  readonly notAfter: string;
  readonly sha256: string;
}

export interface AuthorityState {
  readonly kind: "own" | "plugged in";
  readonly roots: readonly (AuthorityCertificate & { readonly signs: boolean; readonly certificates: number })[];
  readonly chain: readonly AuthorityCertificate[];
  /** All roots, PEM. */
  readonly bundle: string;
}

export interface RotationState {
  readonly next?: "distribute" | "sign" | "retire";
  /** Whom the next step would cut off now. */
  readonly cutOff: readonly (CertificateHolder & { readonly why: string })[];
}

interface TypeSync {
  readonly state: string;
  readonly version?: string;
  /** Why the proxy refused the last configuration of this type. */
  readonly error?: string;
}

export interface ProxyStatus {
  readonly id: string;
  readonly node: string;
  readonly namespace: string;
  readonly service?: string;
  readonly version?: string;
  readonly userAgent: string;
  readonly connectedSince: string;
  readonly address: string;
  /** How its connection is secured. */
  readonly security?: "plaintext" | "local" | "token" | "mtls";
  /** SPIFFE id, and when its certificate ends. */
  readonly identity?: string;
  readonly certificateExpires?: string;
  readonly types: Readonly<Record<string, TypeSync>>;
}

export interface Reference {
  readonly group: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

/** Until an answer, in milliseconds: ten thousand objects take their time to be checked, and what is asked for is done even if nobody waits. */
const TIMEOUTS = { read: 10_000, change: 60_000 };

export class ControlPlaneClient {
  readonly #located: Located;
  readonly #socket: string | undefined;
  readonly #timeouts: typeof TIMEOUTS;

  /** `socket` is where the same is served to its own user, and more. */
  constructor(located: Located, socket?: string, timeouts = TIMEOUTS) {
    this.#located = located;
    this.#socket = socket;
    this.#timeouts = timeouts;
  }

  /** Objects, narrowed by kind (`VirtualService`), namespace and name where given. */
  async objects(filter: { kind?: string; namespace?: string; name?: string }): Promise<readonly StoredObject[]> {
    const query = new URLSearchParams(filter).toString();
    const answer = await this.#send("GET", `/api/v1/objects?${query}`);
    return (answer.body as { items: readonly StoredObject[] }).items;
  }

  /** Applies a YAML stream, all of it or, if anything is wrong, nothing (then there are no results). */
  async apply(stream: string, options: { namespace: string; dryRun: boolean }): Promise<ApplyAnswer> {
    const query = new URLSearchParams({ namespace: options.namespace, ...(options.dryRun ? { dryRun: "true" } : {}) });
    const answer = await this.#send("POST", `/api/v1/apply?${query.toString()}`, stream, [422]);
    const { results = [], diagnostics = [] } = answer.body as Partial<ApplyAnswer>;
    return { results, diagnostics };
  }

  /** Deletes an object; false if there is none. */
  async delete({ group, kind, namespace, name }: Reference): Promise<boolean> {
    const path = [group === "" ? "core" : group, kind, namespace, name].map(encodeURIComponent).join("/");
    const answer = await this.#send("DELETE", `/api/v1/objects/${path}`, undefined, [404]);
    return answer.status !== 404;
  }

  async analysis(): Promise<readonly AnalysisMessage[]> {
    return ((await this.#send("GET", "/api/v1/analysis")).body as { items: readonly AnalysisMessage[] }).items;
  }

  /** The same of a stream of objects together with what is in force; lines of the stream are of the file `STREAM`. */
  async analysisOf(stream: string, namespace: string): Promise<readonly AnalysisMessage[]> {
    const path = `/api/v1/analysis?${new URLSearchParams({ namespace }).toString()}`;
    return ((await this.#send("POST", path, stream)).body as { items: readonly AnalysisMessage[] }).items;
  }

  async explain(question: ExplainQuestion): Promise<ExplainAnswer> {
    return (await this.#send("POST", "/api/v1/explain", JSON.stringify(question))).body as ExplainAnswer;
  }

  /** What applying a stream would change; with what is wrong with it, nothing else. */
  async explainChange(stream: string, namespace: string): Promise<ChangeAnswer> {
    const path = `/api/v1/explain/change?${new URLSearchParams({ namespace }).toString()}`;
    const body = (await this.#send("POST", path, stream, [422])).body as Partial<ChangeAnswer>;
    return { objects: [], diagnostics: [], proxies: [], unaffected: 0, ...body };
  }

  async proxies(): Promise<readonly ProxyStatus[]> {
    return (await this.#send("GET", "/api/v1/proxies")).body as readonly ProxyStatus[];
  }

  /** What traffic means: `slow`, `graph`, `services/default/reviews` … (packages/telemetry/src/insight.ts has the answers). */
  async insight<Answer>(path: string, parameters: Readonly<Record<string, string>>): Promise<Answer> {
    return (await this.#send("GET", `/api/v1/${path}?${new URLSearchParams(parameters).toString()}`)).body as Answer;
  }

  async diagnostics(): Promise<readonly Diagnostic[]> {
    const { body } = await this.#send("GET", "/api/v1/diagnostics");
    return Array.isArray(body) ? (body as Diagnostic[]) : (body as { diagnostics: Diagnostic[] }).diagnostics;
  }

  async authority(): Promise<AuthorityState> {
    return (await this.#send("GET", "/api/v1/ca")).body as AuthorityState;
  }

  async rotation(): Promise<RotationState> {
    return (await this.#send("GET", "/api/v1/ca/rotation")).body as RotationState;
  }

  /** Takes a step; with `force` whoever it cuts off. */
  async rotate(step: string, force: boolean): Promise<RotationState> {
    return (await this.#send("POST", "/api/v1/ca/rotation", JSON.stringify({ step, force }))).body as RotationState;
  }

  async createToken(wanted: {
    readonly namespace: string;
    readonly serviceAccount: string;
    readonly lifetimeSeconds: number;
  }): Promise<JoinToken & { readonly token: string }> {
    const { body } = await this.#send("POST", "/api/v1/tokens", JSON.stringify(wanted));
    return body as JoinToken & { readonly token: string };
  }

  async tokens(): Promise<readonly JoinToken[]> {
    return ((await this.#send("GET", "/api/v1/tokens")).body as { items: readonly JoinToken[] }).items;
  }

  /** Undefined if there is no such token; else who has joined with it and holds a certificate. */
  async revokeToken(id: string): Promise<readonly (CertificateHolder & { readonly until: string })[] | undefined> {
    const path = `/api/v1/tokens/${encodeURIComponent(id)}`;
    const { status, body } = await this.#send("DELETE", path, undefined, [404]);
    return status === 404 ? undefined : (body as { holders: (CertificateHolder & { until: string })[] }).holders;
  }

  async version(): Promise<{ version: string }> {
    return (await this.#send("GET", "/version")).body as { version: string };
  }

  /** What the control plane tells by itself (SSE), until the signal. Rejects where it cannot be reached, or ends. */
  async events(path: string, onEvent: (event: unknown) => void, signal: AbortSignal): Promise<void> {
    const { address } = this.#located;
    let response: Response;
    try {
      response = await fetch(`http://${formatAddress(address)}${path}`, { signal });
    } catch (error) {
      if (signal.aborted) return;
      throw unreachable(this.#located, "http", reason(error));
    }
    if (response.status !== 200 || response.body === null) {
      throw refusal("GET", path, response.status, await response.text());
    }
    let pending = "";
    try {
      for await (const text of response.body.pipeThrough(new TextDecoderStream())) {
        const events = (pending + text).split("\n\n");
        pending = events.pop() ?? "";
        for (const event of events) {
          const data = /^data: (.*)$/m.exec(event)?.[1];
          if (data !== undefined) onEvent(parseBody(data));
        }
      }
    } catch (error) {
      if (!signal.aborted) throw new CliError(`the control plane has gone: ${reason(error)}`);
      return;
    }
    if (!signal.aborted) throw new CliError("the control plane has gone");
  }

  async #send(
    method: string,
    path: string,
    body?: string,
    accepted: readonly number[] = [],
  ): Promise<{ status: number; body: unknown }> {
    let answer: HttpAnswer;
    const timeoutMs = method === "GET" ? this.#timeouts.read : this.#timeouts.change;
    try {
      answer = await (this.#socket === undefined
        ? sendTo(this.#located, method, path, timeoutMs, body)
        : sendToSocket(this.#socket, method, path, timeoutMs, body));
    } catch (error) {
      if (error instanceof Error && error.name === "TimeoutError") {
        const more =
          method === "GET" ? [] : ["It may still do what it was asked to: tulle get tells what is in force."];
        throw new CliError(`the control plane has not answered ${method} ${path} within ${timeoutMs / 1000} s`, more);
      }
      throw unreachable(this.#located, "http", reason(error));
    }
    const { status, text } = answer;
    if ((status < 200 || status > 299) && !accepted.includes(status)) {
      throw refusal(method, path, status, text);
    }
    return { status, body: parseBody(text) };
  }
}

interface HttpAnswer {
  readonly status: number;
  readonly text: string;
}

async function sendTo(
  { address }: Located,
  method: string,
  path: string,
  timeoutMs: number,
  body?: string,
): Promise<HttpAnswer> {
  const response = await fetch(`http://${formatAddress(address)}${path}`, {
    method,
    signal: AbortSignal.timeout(timeoutMs),
    ...(body === undefined ? {} : { body, headers: { "content-type": "application/yaml" } }),
  });
  return { status: response.status, text: await response.text() };
}

function sendToSocket(
  socketPath: string,
  method: string,
  path: string,
  timeoutMs: number,
  body?: string,
): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const sent = request({ socketPath, method, path, timeout: timeoutMs }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
      response.once("end", () => resolve({ status: response.statusCode!, text }));
      response.once("error", reject);
    });
    sent.once("timeout", () => sent.destroy(new DOMException("no answer", "TimeoutError")));
    sent.once("error", reject);
    sent.end(body);
  });
}

function parseBody(text: string): unknown {
  if (text === "") return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new CliError(`that is no Tulle control plane: its answer is not JSON`, [`It begins: ${text.slice(0, 60)}`]);
  }
}

/** What the API says of a mistake of the asker's, or of what it cannot do now, is for people; 400 is a mistake of the command line. */
function refusal(method: string, path: string, status: number, text: string): CliError {
  const told = errorIn(text);
  if (told !== undefined && status >= 400 && status !== 500) {
    return new CliError(told, [], status === 400 ? EXIT.usage : EXIT.failure);
  }
  return new CliError(`the control plane answered ${method} ${path} with ${status}: ${told ?? text.trim()}`);
}

/** Undefined: it is not the API's. */
function errorIn(text: string): string | undefined {
  try {
    const { error } = JSON.parse(text) as { error?: unknown };
    return typeof error === "string" ? error : undefined;
  } catch {
    return undefined; // not every error is JSON
  }
}
