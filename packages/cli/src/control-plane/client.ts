/** The control plane's HTTP API, as the commands use it. */
import type { Diagnostic } from "@tulle/api";
import { CliError, reason } from "../errors.ts";
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
  readonly types: Readonly<Record<string, TypeSync>>;
}

export interface Reference {
  readonly group: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

const TIMEOUT_MS = 10_000;

export class ControlPlaneClient {
  readonly #located: Located;

  constructor(located: Located) {
    this.#located = located;
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

  async proxies(): Promise<readonly ProxyStatus[]> {
    return (await this.#send("GET", "/api/v1/proxies")).body as readonly ProxyStatus[];
  }

  async diagnostics(): Promise<readonly Diagnostic[]> {
    const { body } = await this.#send("GET", "/api/v1/diagnostics");
    return Array.isArray(body) ? (body as Diagnostic[]) : (body as { diagnostics: Diagnostic[] }).diagnostics;
  }

  async version(): Promise<{ version: string }> {
    return (await this.#send("GET", "/version")).body as { version: string };
  }

  async #send(
    method: string,
    path: string,
    body?: string,
    accepted: readonly number[] = [],
  ): Promise<{ status: number; body: unknown }> {
    let response: Response;
    let text: string;
    try {
      response = await fetch(`http://${formatAddress(this.#located.address)}${path}`, {
        method,
        signal: AbortSignal.timeout(TIMEOUT_MS),
        ...(body === undefined ? {} : { body, headers: { "content-type": "application/yaml" } }),
      });
      text = await response.text();
    } catch (error) {
      throw unreachable(this.#located, "http", reason(error));
    }
    if (!response.ok && !accepted.includes(response.status)) {
      throw new CliError(`the control plane answered ${method} ${path} with ${response.status}: ${errorText(text)}`);
    }
    return { status: response.status, body: parseBody(text) };
  }
}

function parseBody(text: string): unknown {
  if (text === "") return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new CliError(`that is no Tulle control plane: its answer is not JSON`, [`It begins: ${text.slice(0, 60)}`]);
  }
}

function errorText(text: string): string {
  try {
    const { error } = JSON.parse(text) as { error?: unknown };
    return typeof error === "string" ? error : text.trim();
  } catch {
    return text.trim(); // not every error is JSON
  }
}
