/** Virtual hosts as resources of their own (VHDS over delta ADS). */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { TYPE } from "@tulle/xds";
import type { Proxy } from "../../src/proxy.ts";
import {
  ManagementServer,
  type World,
  admin,
  adsBootstrap,
  eventually,
  get,
  portOf,
  rdsListener,
  startQuietly,
} from "./support.ts";

async function running(world: World): Promise<{ proxy: Proxy; server: ManagementServer }> {
  const server = new ManagementServer(world);
  await server.start();
  const proxy = await startQuietly(adsBootstrap(server.port, "DELTA_GRPC"));
  after(async () => {
    await proxy.close();
    server.stop();
  });
  await proxy.ready;
  return { proxy, server };
}

const answers = (domain: string, status: number): NonNullable<World["virtualHosts"]>[string] => ({
  domains: [domain],
  routes: [{ match: { prefix: "/" }, direct_response: { status } }],
});

const RDS = { vhds: { config_source: { ads: {} } } };

function world(virtualHosts: World["virtualHosts"], rds: NonNullable<World["routes"]>[string] = RDS): World {
  return { listeners: { l: rdsListener("r/x") }, routes: { "r/x": rds }, virtualHosts: virtualHosts ?? {} };
}

test("virtual hosts arrive one by one and make up the route table before the listener accepts", async () => {
  const { proxy } = await running(world({ "r/x/a": answers("a.example", 201), "r/x/b": answers("b.example", 202) }));
  assert.equal((await get(portOf(proxy, "l"), "/", "a.example")).status, 201);
  assert.equal((await get(portOf(proxy, "l"), "/", "b.example")).status, 202);
  assert.equal((await get(portOf(proxy, "l"), "/", "c.example")).status, 404);
});

test("one changed virtual host is all that is sent, added and removed ones too", async () => {
  const { proxy, server } = await running(
    world({ "r/x/a": answers("a.example", 201), "r/x/b": answers("b.example", 202) }),
  );
  await eventually("in sync", () => server.synced());
  const pushes = (typeUrl: string): number =>
    server.status()[0].types.find((type) => type.typeUrl === typeUrl)?.pushes ?? 0;
  const before = pushes(TYPE.route);
  server.push(world({ "r/x/a": answers("a.example", 211), "r/x/c": answers("c.example", 203) }));
  const port = portOf(proxy, "l");
  await eventually("a changed", async () => (await get(port, "/", "a.example")).status === 211);
  await eventually("b gone", async () => (await get(port, "/", "b.example")).status === 404);
  await eventually("c there", async () => (await get(port, "/", "c.example")).status === 203);
  assert.equal(pushes(TYPE.route), before, "the route configuration was sent again");
});

test("a virtual host that does not compile is refused, the others of the response count", async () => {
  const { proxy, server } = await running(world({ "r/x/a": answers("a.example", 201) }));
  server.push(
    world({
      "r/x/a": {
        domains: ["a.example"],
        routes: [
          { match: { prefix: "/" }, redirect: {}, decorator: { operation: "o" } },
          { match: { safe_regex: { regex: "(" } }, redirect: {} },
        ],
      },
      "r/x/b": answers("b.example", 202),
    }),
  );
  const nack = await eventually("refusal", () => server.nacks[0]);
  assert.match(nack.error.message, /r\/x\/a: routes\[1\]\.match\.safe_regex: .*missing closing \)/);
  const port = portOf(proxy, "l");
  assert.equal((await get(port, "/", "a.example")).status, 201);
  await eventually("b there", async () => (await get(port, "/", "b.example")).status === 202);
});

test("a route configuration that changes its own part applies to all its virtual hosts", async () => {
  const hosts = { "r/x/a": answers("a.example", 201) };
  const { proxy, server } = await running(world(hosts));
  const response_headers_to_add = [{ header: { key: "x-config", value: "2" } }];
  server.push(world(hosts, { ...RDS, response_headers_to_add }));
  await eventually(
    "the header",
    async () => (await get(portOf(proxy, "l"), "/", "a.example")).headers["x-config"] === "2",
  );
});

test("a listener whose route configuration has no virtual hosts at all starts and answers 404", async () => {
  const { proxy } = await running(world({}));
  assert.equal((await get(portOf(proxy, "l"))).status, 404);
});

test("the configuration dump shows delivered virtual hosts inside their route configuration", async () => {
  const { proxy } = await running(world({ "r/x/a": answers("a.example", 201) }));
  const dump = JSON.parse((await admin(proxy, "/config_dump?resource=dynamic_route_configs")).body) as {
    configs: { route_config: { name: string; virtual_hosts: { name: string; domains: string[] }[] } }[];
  };
  assert.deepEqual(
    dump.configs.map(({ route_config }) => [route_config.name, route_config.virtual_hosts.map(({ name }) => name)]),
    [["r/x", ["a"]]],
  );
});

test("a virtual host that our checks refuse is refused with its path too", async () => {
  const { proxy, server } = await running(world({ "r/x/a": answers("a.example", 201) }));
  server.push(world({ "r/x/a": { ...answers("a.example", 211), virtual_clusters: [{ name: "v" }] } }));
  const nack = await eventually("refusal", () => server.nacks[0]);
  assert.match(nack.error.message, /r\/x\/a: virtual_clusters\[0\]: virtual clusters must define/);
  assert.equal((await get(portOf(proxy, "l"), "/", "a.example")).status, 201);
});
