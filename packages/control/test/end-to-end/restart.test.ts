/** The control plane as a proxy lives with it: registration, changes, and its going away and coming back. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { fromBinary } from "@bufbuild/protobuf";
import type { JsonObject } from "@bufbuild/protobuf";
import { ClusterLoadAssignmentSchema } from "@tulle/xds/gen/envoy/config/endpoint/v3/endpoint_pb.js";
import { TYPE } from "@tulle/xds";
import { start, TestClient } from "../support/control-plane.ts";
import { temporaryFolder } from "../support/directory.ts";
import { eventually } from "../support/eventually.ts";
import { destinationRule, service, to, virtualService } from "../support/mesh.ts";

const CLUSTER = "outbound|9080||reviews.default.svc.cluster.local";
const HOST = "9080/reviews.default.svc.cluster.local:9080";
const ALL = { [TYPE.cluster]: "*", [TYPE.endpoints]: [CLUSTER], [TYPE.virtualHost]: ["9080/*"] } as const;
const outbound = [{ port: 9080, address: "127.0.0.1", bind_port: 1003 }];
const YAML =
  service("reviews") + destinationRule("reviews", "{ host: reviews, subsets: [{ name: v1 }, { name: v2 }] }");
const rule = (subset: string): string => virtualService("reviews", { hosts: "reviews", http: to(subset) });

function reviews(port: number): JsonObject {
  return {
    LABELS: { app: "reviews" },
    TULLE: { inbound: [{ port: 9080, address: "127.0.0.1", bind_port: port, app_port: 1 }] },
  };
}
const client = { TULLE: { outbound } };
const types = (): Record<string, string[] | "*"> => ({
  ...ALL,
  [TYPE.endpoints]: [...ALL[TYPE.endpoints]],
  [TYPE.virtualHost]: [...ALL[TYPE.virtualHost]],
});

test("a workload that registers becomes an endpoint, and stops being one when it has said so and gone", async (t) => {
  const { plane, apply } = await start(t);
  await apply(YAML);
  const caller = new TestClient(t, plane.xdsAddress, "caller", client, types());
  await eventually(() => assert.ok(caller.held.get(TYPE.endpoints)!.has(CLUSTER)));
  const empty = caller.held.get(TYPE.endpoints)!.get(CLUSTER)!.version;

  const workload = new TestClient(t, plane.xdsAddress, "reviews-v1", reviews(1001));
  workload.client.subscribe(TYPE.secret, ["none"], { onUpdate: () => undefined });
  await eventually(() => assert.notEqual(caller.held.get(TYPE.endpoints)!.get(CLUSTER)!.version, empty));
  workload.client.reportHealth(false, "stopping");
  const registered = caller.held.get(TYPE.endpoints)!.get(CLUSTER)!.version;
  await eventually(() => assert.notEqual(caller.held.get(TYPE.endpoints)!.get(CLUSTER)!.version, registered));
  workload.client.close();
  await eventually(() => assert.equal(caller.held.get(TYPE.endpoints)!.get(CLUSTER)!.version, empty));
});

test("a change of one rule sends one virtual host", async (t) => {
  const { plane, apply } = await start(t);
  await apply(YAML + service("ratings") + rule("v1"));
  const caller = new TestClient(t, plane.xdsAddress, "caller", client, types());
  await eventually(() =>
    assert.ok(caller.held.get(TYPE.virtualHost)!.has(HOST) && caller.held.get(TYPE.endpoints)!.has(CLUSTER)),
  );
  caller.received.length = 0;
  const before = caller.held.get(TYPE.virtualHost)!.get(HOST)!.version;
  await apply(rule("v2"));
  await eventually(() => assert.notEqual(caller.held.get(TYPE.virtualHost)!.get(HOST)!.version, before));
  assert.deepEqual(caller.received, [HOST]);
});

test("after a restart proxies are in sync again without being sent anything, and nobody's endpoints vanish", async (t) => {
  const base = temporaryFolder(t);
  const first = await start(t, { base });
  await first.apply(YAML + rule("v1"));
  const workload = new TestClient(t, first.plane.xdsAddress, "reviews-v1", reviews(1001));
  workload.client.subscribe(TYPE.secret, ["none"], { onUpdate: () => undefined });
  await eventually(async () => {
    const { items } = (await first.call("GET", "/api/v1/workloads")).body as { items: unknown[] };
    assert.equal(items.length, 1);
  });
  const caller = new TestClient(t, first.plane.xdsAddress, "caller", client, types());
  await eventually(() => {
    assert.ok(caller.held.get(TYPE.virtualHost)!.has(HOST));
    const assignment = caller.held.get(TYPE.endpoints)!.get(CLUSTER);
    assert.ok(assignment !== undefined);
    assert.equal(fromBinary(ClusterLoadAssignmentSchema, assignment.value).endpoints.length, 1);
  });
  const held = [...caller.held].map(([type, resources]) => [
    type,
    [...resources].map(([name, { version }]) => [name, version]),
  ]);
  // The workload does not come back at once; the control plane must remember it.
  workload.client.close();
  await first.plane.close();
  await eventually(() => assert.equal(caller.connected, false));

  caller.received.length = 0;
  const second = await start(t, { base, xds: first.plane.xdsAddress });
  const states = async (): Promise<string[]> =>
    ((await second.call("GET", "/api/v1/proxies")).body as { types: Record<string, { state: string }> }[]).flatMap(
      ({ types }) => Object.entries(types).map(([type, { state }]) => `${type} ${state}`),
    );
  await eventually(
    async () => assert.deepEqual((await states()).sort(), ["CDS SYNCED", "EDS SYNCED", "VHDS SYNCED"]),
    10_000,
  );
  assert.deepEqual(caller.received, []);
  assert.deepEqual(caller.removed, []);
  assert.deepEqual(
    [...caller.held].map(([type, resources]) => [type, [...resources].map(([name, { version }]) => [name, version])]),
    held,
  );
  const { items } = (await second.call("GET", "/api/v1/workloads")).body as { items: { connected: boolean }[] };
  assert.deepEqual(
    items.map(({ connected }) => connected),
    [false],
  );
});

test("a proxy whose metadata cannot be meant is refused with the reason", async (t) => {
  const { plane } = await start(t);
  const wrong = new TestClient(
    t,
    plane.xdsAddress,
    "wrong",
    { TULLE: { outbound: [{ port: 0 }] } },
    { [TYPE.cluster]: "*" },
  );
  await eventually(() =>
    assert.match(wrong.lastError, /node\.metadata\.TULLE\.outbound\[0\]\.(?:address|port) is .*, expected/),
  );
});

test("an address that is taken is an error that names it, and nothing stays behind", async (t) => {
  const { plane } = await start(t);
  await assert.rejects(start(t, { xds: plane.xdsAddress }), (error: Error) => error.message.includes(plane.xdsAddress));
});
