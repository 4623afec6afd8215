/** A proxy that gets everything by ADS, in both protocols, from our own management server. */
import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { TYPE } from "@tulle/xds";
import type { Proxy } from "../../src/proxy.ts";
import {
  ManagementServer,
  type World,
  admin,
  adsBootstrap,
  application,
  edsCluster,
  eventually,
  get,
  portOf,
  rdsListener,
  startQuietly,
  toCluster,
} from "./support.ts";

for (const apiType of ["DELTA_GRPC", "GRPC"] as const) {
  describe(`ADS, ${apiType}`, () => {
    async function running(world: World): Promise<{ proxy: Proxy; server: ManagementServer }> {
      const server = new ManagementServer(world);
      await server.start();
      const proxy = await startQuietly(adsBootstrap(server.port, apiType));
      after(async () => {
        await proxy.close();
        server.stop();
      });
      await proxy.ready;
      return { proxy, server };
    }

    async function app(name: string): Promise<number> {
      const { port, server } = await application(name);
      after(() => server.close());
      return port;
    }

    /** One service, all by discovery. */
    function oneService(port: number): World {
      return {
        clusters: { a: edsCluster() },
        endpoints: { a: [port] },
        listeners: { l: rdsListener("r") },
        routes: { r: { virtual_hosts: [{ name: "v", ...toCluster("a") }] } },
      };
    }

    it("clusters, endpoints, listeners and routes arrive, and traffic flows when the proxy is ready", async () => {
      const { proxy, server } = await running(oneService(await app("one")));
      assert.equal((await get(portOf(proxy, "l"))).body, "one");
      assert.equal((await admin(proxy, "/ready")).body, "LIVE\n");
      assert.deepEqual(server.nacks, []);
      await eventually("in sync", () => server.synced());
    });

    it("the node says who is asking", async () => {
      const { server } = await running(oneService(await app("one")));
      const { node } = server.connections[0];
      assert.equal(node.id, "sidecar~10.0.0.1~a-1.default~default.svc.cluster.local");
      assert.equal(node.cluster, "a.default");
      assert.equal(node.userAgentName, "tulle");
      assert.deepEqual(node.metadata, { NAMESPACE: "default" });
      assert.equal(node.userAgentVersionType.case, "userAgentBuildVersion");
    });

    it("changed routes and endpoints move traffic", async () => {
      const [one, two] = [await app("one"), await app("two")];
      const world = oneService(one);
      const { proxy, server } = await running(world);
      server.push({ ...world, endpoints: { a: [two] } });
      await eventually("endpoint two", async () => (await get(portOf(proxy, "l"))).body === "two");
      server.push({
        ...world,
        routes: {
          r: {
            virtual_hosts: [
              { name: "v", domains: ["*"], routes: [{ match: { prefix: "/" }, direct_response: { status: 418 } }] },
            ],
          },
        },
      });
      await eventually("the new route", async () => (await get(portOf(proxy, "l"))).status === 418);
    });

    it("what does not compile is refused with path and reason; the old stays, the valid part counts", async () => {
      const [one, two] = [await app("one"), await app("two")];
      const world = oneService(one);
      const { proxy, server } = await running(world);
      server.push({
        ...world,
        clusters: { a: edsCluster({ lb_policy: "LOAD_BALANCING_POLICY_CONFIG" }), b: edsCluster() },
        endpoints: { a: [one], b: [two] },
      });
      const nack = await eventually("refusal", () => server.nacks[0]);
      assert.equal(nack.typeUrl, TYPE.cluster);
      assert.match(nack.error.message, /cluster\(s\) a: cluster: field load_balancing_policy need to be set/);
      assert.equal((await get(portOf(proxy, "l"))).body, "one");
      await eventually("cluster b is there", async () =>
        (await admin(proxy, "/clusters")).body.includes("b::added_via_api::true"),
      );
      const dump = JSON.parse((await admin(proxy, "/config_dump?resource=dynamic_active_clusters")).body) as {
        configs: { cluster: { name: string }; client_status: string; error_state?: { details: string } }[];
      };
      const a = dump.configs.find(({ cluster }) => cluster.name === "a");
      assert.equal(a?.client_status, "NACKED");
      assert.match(a.error_state?.details ?? "", /load_balancing_policy/);
      assert.equal(dump.configs.find(({ cluster }) => cluster.name === "b")?.client_status, "ACKED");
    });

    it("a refused listener leaves the old one in force", async () => {
      const world = oneService(await app("one"));
      const { proxy, server } = await running(world);
      server.push({ ...world, listeners: { l: rdsListener("r", { freebind: true }) } });
      const nack = await eventually("refusal", () => server.nacks[0]);
      assert.match(nack.error.message, /listener\(s\) l: freebind: true is not supported \(only false\)/);
      assert.equal((await get(portOf(proxy, "l"))).body, "one");
    });

    it("removed clusters and listeners go, with what belongs to them", async () => {
      const world = oneService(await app("one"));
      const { proxy, server } = await running(world);
      const port = portOf(proxy, "l");
      server.push({ ...world, listeners: {}, clusters: {} });
      await eventually("the listener is gone", () => proxy.listenerAddresses().length === 0);
      await assert.rejects(get(port));
      await eventually("the cluster is gone", async () => !(await admin(proxy, "/clusters")).body.includes("a::"));
      await eventually("nothing named is asked for", () => {
        const types = server.status()[0]?.types ?? [];
        const named = (typeUrl: string): unknown => types.find((type) => type.typeUrl === typeUrl)?.subscribed ?? 0;
        return named(TYPE.endpoints) === 0 && named(TYPE.route) === 0;
      });
    });

    it("a removed cluster takes its stats along, and leaves those of one whose name begins alike", async () => {
      const port = await app("one");
      const world: World = { ...oneService(port), endpoints: { a: [port], "a.b": [], b: [] } };
      const { proxy, server } = await running({
        ...world,
        clusters: { a: edsCluster(), "a.b": edsCluster(), b: edsCluster() },
      });
      const names = async (): Promise<string> => (await admin(proxy, "/stats?filter=upstream_rq_total")).body;
      assert.match(await names(), /^cluster\.a\.b\.upstream_rq_total: 0$/m);
      server.push({ ...world, clusters: { "a.b": edsCluster() } });
      await eventually("gone", async () => !/^cluster\.a\.upstream/m.test(await names()));
      assert.match(await names(), /^cluster\.a\.b\.upstream_rq_total: 0$/m);
    });

    it("a new listener does not accept before its routes are there", async () => {
      const world = oneService(await app("one"));
      const { proxy, server } = await running(world);
      server.push({ ...world, listeners: { l: rdsListener("r"), m: rdsListener("late") } });
      await eventually("the listener is warming", async () => {
        const stats = (await admin(proxy, "/stats?filter=total_listeners_warming")).body;
        return stats === "listener_manager.total_listeners_warming: 1\n";
      });
      assert.deepEqual(
        proxy.listenerAddresses().map(({ name }) => name),
        ["l"],
      );
      server.push({
        ...world,
        listeners: { l: rdsListener("r"), m: rdsListener("late") },
        routes: { ...world.routes, late: { virtual_hosts: [{ name: "v", ...toCluster("a") }] } },
      });
      await eventually("the listener accepts", () => proxy.listenerAddresses().some(({ name }) => name === "m"));
      assert.equal((await get(portOf(proxy, "m"))).body, "one");
    });

    it("a changed EDS cluster keeps its endpoints: no request fails while it changes", async () => {
      const port = await app("one");
      const world = oneService(port);
      const { proxy, server } = await running(world);
      const listener = portOf(proxy, "l");
      const statuses = new Set<number>();
      for (const policy of ["RANDOM", "LEAST_REQUEST", "ROUND_ROBIN"]) {
        server.push({ ...world, clusters: { a: edsCluster({ lb_policy: policy }) } });
        for (let i = 0; i < 20; i++) statuses.add((await get(listener)).status);
      }
      assert.deepEqual([...statuses], [200]);
      await eventually("in sync", () => server.synced());
    });

    it("traffic goes on while the management server is gone, and changes are taken up when it is back", async () => {
      const [one, two] = [await app("one"), await app("two")];
      const world = oneService(one);
      const { proxy, server } = await running(world);
      server.stop();
      await eventually("disconnected", async () => {
        const stats = (await admin(proxy, "/stats?filter=connected_state")).body;
        return stats === "control_plane.connected_state: 0\n";
      });
      assert.equal((await get(portOf(proxy, "l"))).body, "one");
      server.push({ ...world, endpoints: { a: [two] } });
      await server.restart();
      await eventually("endpoint two", async () => (await get(portOf(proxy, "l"))).body === "two");
    });
  });
}
