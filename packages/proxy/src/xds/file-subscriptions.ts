/**
 * Resources from files: a discovery response in YAML or JSON, read at start and again whenever something is moved over it. Envoy
 * `source/extensions/config_subscription/filesystem/filesystem_subscription_impl.cc`.
 */
import { type FSWatcher, watch } from "node:fs";
import { readFile } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { type DescMessage, type JsonValue, toBinary } from "@bufbuild/protobuf";
import { TYPE } from "@tulle/xds";
import type { ReceivedResource, ResourceUpdate, ResourceWatcher, SubscriptionStats } from "@tulle/xds/client";
import { ClusterSchema } from "@tulle/xds/gen/envoy/config/cluster/v3/cluster_pb.js";
import { ClusterLoadAssignmentSchema } from "@tulle/xds/gen/envoy/config/endpoint/v3/endpoint_pb.js";
import { ListenerSchema } from "@tulle/xds/gen/envoy/config/listener/v3/listener_pb.js";
import { RouteConfigurationSchema } from "@tulle/xds/gen/envoy/config/route/v3/route_pb.js";
import { SecretSchema } from "@tulle/xds/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.js";
import type { Clock } from "../clock/clock.ts";
import type { Log } from "../log.ts";
import { parseConfigText } from "../plan/bootstrap.ts";
import { decodeJson } from "../plan/json.ts";
import { Place, type Problem, throwProblems } from "../plan/problems.ts";
import type { FilePaths, WatchedPath } from "./file-paths.ts";
import type { Subscribing } from "./subscriptions.ts";

/** What files may hold, and the field that is a resource's name. */
const TYPES: Readonly<Record<string, { readonly schema: DescMessage; readonly names: readonly string[] }>> = {
  [TYPE.cluster]: { schema: ClusterSchema, names: ["name"] },
  [TYPE.endpoints]: { schema: ClusterLoadAssignmentSchema, names: ["cluster_name", "clusterName"] },
  [TYPE.listener]: { schema: ListenerSchema, names: ["name"] },
  [TYPE.secret]: { schema: SecretSchema, names: ["name"] },
  [TYPE.route]: { schema: RouteConfigurationSchema, names: ["name"] },
};

/** Asks files for what files have, and the management server, if there is one, for the rest. */
export class FileSubscriptions implements Subscribing {
  private readonly paths: FilePaths;
  private readonly server: Subscribing | null;
  private readonly clock: Clock;
  private readonly log: Log;
  private readonly files = new Map<string, WatchedFile>();

  constructor(paths: FilePaths, server: Subscribing | null, clock: Clock, log: Log) {
    this.paths = paths;
    this.server = server;
    this.clock = clock;
    this.log = log;
  }

  subscribe(typeUrl: string, names: Iterable<string> | "*", watcher: ResourceWatcher): void {
    const elsewhere: string[] = [];
    for (const name of names === "*" ? ["*"] : names) {
      const path = this.paths.get(typeUrl, name);
      if (path === undefined) elsewhere.push(name);
      else this.open(typeUrl, name, path, watcher);
    }
    if (elsewhere.length > 0) this.server?.subscribe(typeUrl, names === "*" ? "*" : elsewhere, watcher);
  }

  unsubscribe(typeUrl: string, names: Iterable<string> | "*" = "*"): void {
    const elsewhere: string[] = [];
    for (const name of names === "*" ? ["*"] : names) {
      const file = this.files.get(`${typeUrl} ${name}`);
      if (file === undefined) elsewhere.push(name);
      else {
        this.files.delete(`${typeUrl} ${name}`);
        file.close();
      }
    }
    if (elsewhere.length > 0) this.server?.unsubscribe(typeUrl, names === "*" ? "*" : elsewhere);
  }

  /** Of what all of a type comes from. */
  stats(typeUrl: string): Readonly<SubscriptionStats> | undefined {
    return this.files.get(`${typeUrl} *`)?.stats;
  }

  close(): void {
    for (const file of this.files.values()) file.close();
    this.files.clear();
  }

  private open(typeUrl: string, name: string, path: WatchedPath, watcher: ResourceWatcher): void {
    const file = new WatchedFile(typeUrl, name, path, watcher, this.clock, this.log);
    this.files.set(`${typeUrl} ${name}`, file);
    file.start();
  }
}

class WatchedFile {
  readonly stats: SubscriptionStats = {
    updateAttempt: 0,
    updateSuccess: 0,
    updateFailure: 0,
    updateRejected: 0,
    initFetchTimeout: 0,
    versionText: "",
    updateTime: 0,
  };
  private readonly typeUrl: string;
  /** `*` for whatever the file holds. */
  private readonly name: string;
  private readonly path: WatchedPath;
  private readonly watcher: ResourceWatcher;
  private readonly clock: Clock;
  private readonly log: Log;
  private known: ReadonlySet<string> = new Set();
  private fsWatcher: FSWatcher | null = null;
  private closed = false;
  /** One read after another. */
  private reading: Promise<void> = Promise.resolve();

  constructor(typeUrl: string, name: string, path: WatchedPath, watcher: ResourceWatcher, clock: Clock, log: Log) {
    this.typeUrl = typeUrl;
    this.name = name;
    this.path = path;
    this.watcher = watcher;
    this.clock = clock;
    this.log = log;
  }

  start(): void {
    const { path, directory } = this.path;
    const file = basename(path);
    this.fsWatcher = watch(directory === "" ? dirname(path) : directory, (event, changed) => {
      // Only moves: a file that is being written is not whole.
      if (event === "rename" && (directory !== "" || changed === file)) this.readAgain();
    });
    this.fsWatcher.on("error", (error) => this.failed(error));
    this.readAgain();
  }

  close(): void {
    this.closed = true;
    this.fsWatcher?.close();
  }

  private readAgain(): void {
    this.reading = this.reading.then(() => this.read());
  }

  private async read(): Promise<void> {
    if (this.closed) return;
    this.stats.updateAttempt++;
    try {
      const update = await this.parse(await readFile(this.path.path, "utf8"));
      if (!this.closed) this.deliver(update);
    } catch (error) {
      this.stats.updateFailure++;
      this.failed(error);
    }
  }

  private deliver(update: ResourceUpdate): void {
    const rejected = this.watcher.onUpdate(update) ?? [];
    if (rejected.length > 0) {
      this.stats.updateRejected++;
      return;
    }
    this.known = new Set(update.updated.keys());
    this.stats.updateSuccess++;
    this.stats.updateTime = this.clock.wallMs();
    this.stats.versionText = update.version;
  }

  /** What there was stays; who waits for the first resources goes on without. */
  private failed(error: unknown): void {
    if (this.closed) return;
    this.log.warn("configuration cannot be read from a file", {
      path: this.path.path,
      reason: error instanceof Error ? error.message : String(error),
    });
    this.watcher.onInitialFetchTimeout?.([this.name]);
  }

  /** Throws ConfigError. */
  private async parse(text: string): Promise<ResourceUpdate> {
    const json = await parseConfigText(text, this.path.path);
    const {
      version_info,
      versionInfo = version_info,
      resources = [],
    } = (json ?? {}) as Readonly<Record<string, JsonValue>>;
    const problems: Problem[] = [];
    const place = new Place(this.path.path, problems);
    const version = typeof versionInfo === "string" ? versionInfo : "";
    const updated = new Map<string, ReceivedResource>();
    (Array.isArray(resources) ? resources : []).forEach((resource, i) => {
      const received = this.decode(resource, version, place.item("resources", i));
      if (received !== null) updated.set(received.name, received);
    });
    if (this.name !== "*" && !updated.has(this.name)) place.refuse(`has no resource '${this.name}'`);
    throwProblems(problems);
    const wanted = this.name === "*" ? updated : new Map([...updated].filter(([name]) => name === this.name));
    const removed = [...this.known].filter((name) => !wanted.has(name));
    return { typeUrl: this.typeUrl, version, updated: wanted, removed };
  }

  private decode(resource: JsonValue, version: string, place: Place): ReceivedResource | null {
    const { "@type": typeUrl, ...fields } = (resource ?? {}) as Readonly<Record<string, JsonValue>>;
    const { schema, names } = TYPES[this.typeUrl];
    if (typeUrl !== this.typeUrl) {
      place.field("@type").refuse(`must be ${this.typeUrl}`);
      return null;
    }
    const message = decodeJson(schema, fields, place);
    const name = names.map((field) => fields[field]).find((value) => typeof value === "string");
    return {
      name: typeof name === "string" ? name : "",
      version,
      typeUrl: this.typeUrl,
      value: toBinary(schema, message),
      aliases: [],
    };
  }
}
