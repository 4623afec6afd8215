/** Resources from files: `path_config_source`. */
import assert from "node:assert/strict";
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { create } from "@bufbuild/protobuf";
import { TYPE, type TypeUrl } from "@tulle/xds";
import type { ResourceUpdate } from "@tulle/xds/client";
import { ConfigSourceSchema } from "@tulle/xds/gen/envoy/config/core/v3/config_source_pb.js";
import { systemClock } from "../../src/clock/clock.ts";
import { createLog } from "../../src/log.ts";
import { FilePaths } from "../../src/xds/file-paths.ts";
import { FileSubscriptions } from "../../src/xds/file-subscriptions.ts";

const cluster = (name: string): string => `
- "@type": ${TYPE.cluster}
  name: ${name}`;
const routes = (name: string): string => `
- "@type": ${TYPE.route}
  name: ${name}`;

describe("resources from files", () => {
  let directory = "";
  let subscriptions: FileSubscriptions;
  const log: string[] = [];
  const paths = new FilePaths();
  /** Updates that nobody has waited for yet, and who waits. */
  const updates: (ResourceUpdate | "given up")[] = [];
  let waiting: (() => void) | null = null;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "tulle-files-"));
    log.length = 0;
    updates.length = 0;
    const write = (line: string): void => void log.push(line);
    subscriptions = new FileSubscriptions(
      paths,
      null,
      systemClock,
      createLog({ level: "warning", write, now: () => new Date(0) }),
    );
  });

  afterEach(() => {
    subscriptions.close();
    rmSync(directory, { recursive: true });
  });

  const subscribe = (type: TypeUrl, name: string): void => {
    const path = join(directory, "xds.yaml");
    const value = { path };
    const source = create(ConfigSourceSchema, { configSourceSpecifier: { case: "pathConfigSource", value } });
    paths.note(type, name, source);
    const arrived = (update: ResourceUpdate | "given up"): void => {
      updates.push(update);
      waiting?.();
    };
    subscriptions.subscribe(type, name === "*" ? "*" : [name], {
      onUpdate: (update) => arrived(update),
      onInitialFetchTimeout: () => arrived("given up"),
    });
  };
  const move = (text: string): void => {
    writeFileSync(join(directory, "new.yaml"), text);
    renameSync(join(directory, "new.yaml"), join(directory, "xds.yaml"));
  };
  const next = async (): Promise<ResourceUpdate | "given up"> => {
    while (updates.length === 0) await new Promise<void>((resolve) => (waiting = resolve));
    return updates.shift()!;
  };
  const nextNames = async (): Promise<readonly [updated: string[], removed: readonly string[]]> => {
    const update = await next();
    assert.notEqual(update, "given up");
    const { updated, removed } = update as ResourceUpdate;
    return [[...updated.keys()], removed];
  };

  it("are read at the start and when something is moved over the file", async () => {
    move(`version_info: "1"\nresources:${cluster("a")}${cluster("b")}`);
    subscribe(TYPE.cluster, "*");
    assert.deepEqual(await nextNames(), [["a", "b"], []]);
    move(`resources:${cluster("b")}${cluster("c")}`);
    assert.deepEqual(await nextNames(), [["b", "c"], ["a"]]);
    assert.equal(subscriptions.stats(TYPE.cluster)?.updateSuccess, 2);
  });

  it("stay as they were where the file cannot be read", async () => {
    move(`resources:${cluster("a")}`);
    subscribe(TYPE.cluster, "*");
    await next();
    move("resources: [}");
    assert.equal(await next(), "given up");
    move(`resources: [{ "@type": ${TYPE.cluster}, nmae: a }]`);
    assert.equal(await next(), "given up");
    assert.match(log.at(-1) ?? "", /resources\[0\]\.nmae: no such field/);
    move(`resources: []`);
    assert.deepEqual(await nextNames(), [[], ["a"]]);
    assert.equal(subscriptions.stats(TYPE.cluster)?.updateFailure, 2);
  });

  it("are those that were asked for", async () => {
    move(`resources:${routes("r")}${routes("other")}`);
    subscribe(TYPE.route, "r");
    assert.deepEqual(await nextNames(), [["r"], []]);
    move(`resources:${routes("other")}`);
    assert.equal(await next(), "given up");
    assert.match(log.at(-1) ?? "", /has no resource 'r'/);
  });
});
