/** The control plane's HTTP API, over HTTP. */

/** Where the console begins, under whatever path it is served: the page's `<base>`, before anything navigates. */
export const BASE: string = new URL(document.baseURI).pathname.replace(/\/$/, "");

/** An answer that is no success, in the words of whoever gave it. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  /** 0: there was no answer. */
  readonly status: number;
  readonly body: unknown;

  constructor(status: number, message: string, body?: unknown) {
    super(message);
    this.status = status;
    this.body = body;
  }
}

export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

export function apiUrl(path: string, query: Query = {}): string {
  const text = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined) text.set(name, String(value));
  const search = text.toString();
  return `${BASE}/${path}${search === "" ? "" : `?${search}`}`;
}

export async function get<T>(path: string, query?: Query, signal?: AbortSignal): Promise<T> {
  return (await send("GET", apiUrl(path, query), signal === undefined ? {} : { signal })) as T;
}

export async function postJson<T>(path: string, body: unknown, query?: Query): Promise<T> {
  const headers = { "content-type": "application/json" };
  return (await send("POST", apiUrl(path, query), { headers, body: JSON.stringify(body) })) as T;
}

export async function postYaml<T>(path: string, body: string, query?: Query): Promise<T> {
  const headers = { "content-type": "application/yaml" };
  return (await send("POST", apiUrl(path, query), { headers, body })) as T;
}

export async function remove<T>(path: string): Promise<T> {
  return (await send("DELETE", apiUrl(path), {})) as T;
}

async function send(method: string, url: string, init: RequestInit): Promise<unknown> {
  let response: Response;
  try {
    response = await fetch(url, { ...init, method });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError(0, "The control plane does not answer.");
  }
  const text = await response.text();
  const isJson = response.headers.get("content-type")?.startsWith("application/json") === true;
  const body: unknown = isJson && text !== "" ? JSON.parse(text) : text;
  if (!response.ok) throw new ApiError(response.status, messageOf(body, response), body);
  return body;
}

function messageOf(body: unknown, { status, statusText }: Response): string {
  if (typeof body === "object" && body !== null && "error" in body) {
    if (typeof body.error === "string") return body.error;
  }
  return `The control plane answered ${status} ${statusText}`.trim();
}
