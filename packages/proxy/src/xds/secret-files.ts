/**
 * Secrets of SDS that name files: they are read again when something is moved into a directory that they are in, or into
 * `watched_directory`. Envoy `source/common/secret/sds_api.cc`.
 */
import { type FSWatcher, watch } from "node:fs";
import { dirname } from "node:path";
import type { DataSource } from "@tulle/xds/gen/envoy/config/core/v3/base_pb.js";
import type { Secret } from "@tulle/xds/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.js";
import type { Log } from "../log.ts";

export class SecretFiles {
  private readonly log: Log;
  private readonly watchers = new Map<string, readonly FSWatcher[]>();

  constructor(log: Log) {
    this.log = log;
  }

  /** In place of what has been watched for that key. @param readAgain may throw: what there is stays */
  watch(key: string, secret: Secret, readAgain: () => void): void {
    this.forget(key);
    const watchers: FSWatcher[] = [];
    for (const directory of directoriesOf(secret)) {
      try {
        const watcher = watch(directory, (event) => {
          // Only moves: a file that is being written is not whole.
          if (event === "rename") this.attempt(secret.name, readAgain);
        });
        watchers.push(watcher.on("error", (error) => this.failed(secret.name, error)));
      } catch (error) {
        this.failed(secret.name, error);
      }
    }
    if (watchers.length > 0) this.watchers.set(key, watchers);
  }

  forget(key: string): void {
    for (const watcher of this.watchers.get(key) ?? []) watcher.close();
    this.watchers.delete(key);
  }

  close(): void {
    for (const key of this.watchers.keys()) this.forget(key);
  }

  private attempt(name: string, readAgain: () => void): void {
    try {
      readAgain();
    } catch (error) {
      this.failed(name, error);
    }
  }

  /** As when one of two files has been moved, and not yet the other. */
  private failed(name: string, error: unknown): void {
    this.log.warn("a secret cannot be read from its files", {
      secret: name,
      reason: error instanceof Error ? error.message : String(error),
    });
  }
}

function directoriesOf({ type }: Secret): ReadonlySet<string> {
  if (type.case !== "tlsCertificate" && type.case !== "validationContext") return NONE;
  const { watchedDirectory } = type.value;
  const sources =
    type.case === "tlsCertificate"
      ? [type.value.certificateChain, type.value.privateKey]
      : [type.value.trustedCa, type.value.crl];
  const files = sources.flatMap(fileOf);
  if (files.length === 0) return NONE;
  return new Set(watchedDirectory === undefined ? files.map(dirname) : [watchedDirectory.path]);
}

const NONE: ReadonlySet<string> = new Set();

function fileOf(source: DataSource | undefined): readonly string[] {
  const specifier = source?.specifier;
  return specifier?.case === "filename" ? [specifier.value] : [];
}
