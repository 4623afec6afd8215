/** Where the authority's keys are: one file in the state directory, for nobody but the control plane. */
import { chmod, mkdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { writeAtomically } from "../write-atomically.ts";
import type { OwnAuthority } from "./own-authority.ts";
import { authorityOfOwn, parseOwn, serializeOwn } from "./own-authority.ts";

/** The authority's files are not what they should be; the message names the file, what is wrong and the way out. */
export class AuthorityError extends Error {
  override readonly name = "AuthorityError";
}

const WAY_OUT =
  "put back a copy of it, or move it away: then a new root is made, and workloads that hold certificates of the old one cannot talk to those that get new ones";

export class AuthorityFile {
  readonly #folder: string;
  readonly #path: string;
  /** The certificates to trust, for whoever wants to: no secret. */
  readonly rootsPath: string;

  constructor(stateDir: string) {
    this.#folder = join(stateDir, "ca");
    this.#path = join(this.#folder, "authority.json");
    this.rootsPath = join(stateDir, "root-cert.pem");
  }

  /** Undefined if there is none yet. Throws AuthorityError: a root that is there is never silently replaced. */
  async load(): Promise<OwnAuthority | undefined> {
    let text: string;
    try {
      const { mode } = await stat(this.#path);
      if ((mode & 0o077) !== 0) {
        const found = (mode & 0o777).toString(8);
        throw new AuthorityError(
          `${this.#path} holds the certificate authority's keys, and others than its owner may read or write it (mode ${found}): chmod 600 it`,
        );
      }
      text = await readFile(this.#path, "utf8");
    } catch (error) {
      if (error instanceof AuthorityError) throw error;
      if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
      const why = error instanceof Error ? error.message : String(error);
      throw new AuthorityError(`cannot read the certificate authority's keys: ${why}`, { cause: error });
    }
    try {
      return parseOwn(text);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new AuthorityError(`${this.#path} cannot be used: ${why}; ${WAY_OUT}`, { cause: error });
    }
  }

  async save(own: OwnAuthority): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    await chmod(this.#folder, 0o700);
    await writeAtomically(this.#path, serializeOwn(own), 0o600);
    await this.saveRoots(authorityOfOwn(own).roots);
  }

  async saveRoots(roots: readonly string[]): Promise<void> {
    await writeAtomically(this.rootsPath, roots.join(""), 0o644);
  }
}
