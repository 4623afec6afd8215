import type { ConfigSource } from "@tulle/xds/gen/envoy/config/core/v3/config_source_pb.js";
import type { TypeUrl } from "@tulle/xds";

/** Where a resource is read from. */
export interface WatchedPath {
  readonly path: string;
  /** A move into this directory means that the file has changed; "" watches the file itself. */
  readonly directory: string;
}

/** Which resources come from files (`path_config_source`) instead of a management server; the name is `*` for all of a type. */
export class FilePaths {
  private readonly byName = new Map<string, WatchedPath>();

  /** Notes where a resource comes from, as its config source says it last. */
  note(typeUrl: TypeUrl, name: string, source: ConfigSource | undefined): void {
    const path = watchedPath(source);
    if (path === null) this.byName.delete(key(typeUrl, name));
    else this.byName.set(key(typeUrl, name), path);
  }

  get(typeUrl: string, name: string): WatchedPath | undefined {
    return this.byName.get(key(typeUrl, name));
  }

  all(): Iterable<WatchedPath> {
    return this.byName.values();
  }

  get size(): number {
    return this.byName.size;
  }
}

function key(typeUrl: string, name: string): string {
  return `${typeUrl} ${name}`;
}

function watchedPath(source: ConfigSource | undefined): WatchedPath | null {
  const specifier = source?.configSourceSpecifier;
  if (specifier?.case === "path") return { path: specifier.value, directory: "" };
  if (specifier?.case !== "pathConfigSource") return null;
  return { path: specifier.value.path, directory: specifier.value.watchedDirectory?.path ?? "" };
}
