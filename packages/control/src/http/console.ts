/** The console's files: `packages/console` as it was built. Whatever is no file is the page, which reads the path itself. */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { IncomingHttpHeaders, OutgoingHttpHeaders } from "node:http";
import { extname, join } from "node:path";
import { HttpError } from "./messages.ts";

export interface StaticAnswer {
  readonly status: number;
  readonly headers: OutgoingHttpHeaders;
  readonly body: Buffer | string;
}

const TYPES: Readonly<Record<string, string>> = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json",
  ".svg": "image/svg+xml",
};

/** Nothing from elsewhere, no script or style that is not a file of ours, nobody may frame it. */
const PAGE_POLICY =
  "default-src 'self'; img-src 'self' data: blob:; object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'";

/** Its name has its content's hash. */
const FOREVER = "public, max-age=31536000, immutable";

const ENCODINGS = [
  { name: "br", suffix: ".br" },
  { name: "gzip", suffix: ".gz" },
] as const;

export class Console {
  readonly #directory: string;
  /** By path in the directory; a file that was there once stays the same. */
  readonly #files = new Map<string, Buffer>();

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Throws HttpError 404 for an asset that is not there. */
  async answer(pathname: string, headers: IncomingHttpHeaders): Promise<StaticAnswer> {
    const asset = /(?:^|\/)(assets\/[\w.-]+|favicon\.svg)$/.exec(pathname)?.[1];
    return asset === undefined ? this.#page(pathname, headers) : this.#asset(asset, headers);
  }

  async #asset(path: string, headers: IncomingHttpHeaders): Promise<StaticAnswer> {
    const accepted = headers["accept-encoding"] ?? "";
    const common = { "content-type": TYPES[extname(path)] ?? "application/octet-stream", "cache-control": FOREVER };
    for (const { name, suffix } of ENCODINGS) {
      if (!accepts(accepted, name)) continue;
      const body = await this.#read(path + suffix);
      if (body === undefined) continue;
      return { status: 200, headers: { ...common, "content-encoding": name, vary: "accept-encoding" }, body };
    }
    const body = await this.#read(path);
    if (body === undefined) throw new HttpError(404, `the console has no ${path}; reload the page if it is open`);
    return { status: 200, headers: { ...common, vary: "accept-encoding" }, body };
  }

  /** Its links are relative to where the console begins, whatever path a reverse proxy has put in front. */
  async #page(pathname: string, headers: IncomingHttpHeaders): Promise<StaticAnswer> {
    const common = {
      "content-type": TYPES[".html"]!,
      "content-security-policy": PAGE_POLICY,
      "x-frame-options": "DENY",
      "cache-control": "no-cache",
    };
    const depth = Math.max(0, pathname.split("/").length - 2);
    const page = await this.#readNow("index.html");
    if (page === undefined) return { status: 503, headers: common, body: NOT_BUILT };
    const body = page.replace("<head>", `<head><base href="${depth === 0 ? "./" : "../".repeat(depth)}">`);
    const etag = `"${createHash("sha256").update(body).digest("base64url").slice(0, 22)}"`;
    if (headers["if-none-match"] === etag) return { status: 304, headers: { ...common, etag }, body: "" };
    return { status: 200, headers: { ...common, etag }, body };
  }

  async #read(path: string): Promise<Buffer | undefined> {
    const known = this.#files.get(path);
    if (known !== undefined) return known;
    const body = await readIfThere(join(this.#directory, path));
    if (body !== undefined) this.#files.set(path, body);
    return body;
  }

  /** The page changes with each build. */
  async #readNow(path: string): Promise<string | undefined> {
    return (await readIfThere(join(this.#directory, path)))?.toString("utf8");
  }
}

async function readIfThere(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}

function accepts(header: string, encoding: string): boolean {
  return header.split(",").some((part) => {
    const [name, ...parameters] = part.split(";").map((text) => text.trim());
    return name === encoding && !parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter));
  });
}

const NOT_BUILT = `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Tulle</title><meta name="viewport" content="width=device-width"></head>
<body>
<h1>The console has not been built</h1>
<p>The control plane works; its web console is missing from this installation. In the repository:</p>
<pre>node scripts/build-console.ts</pre>
<p>and reload this page. <code>npm ci</code> does that by itself.</p>
</body>
</html>
`;
