/** The HTTP API, over HTTP. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { TYPE } from "@tulle/xds";
import { start, TestClient } from "../support/control-plane.ts";
import { configMap } from "../support/directory.ts";
import { eventually } from "../support/eventually.ts";
import { destinationRule, service, to, virtualService } from "../support/mesh.ts";

const YAML = service("reviews") + destinationRule("reviews", "{ host: reviews, subsets: [{ name: v1 }] }");
const RULE = virtualService("reviews", { hosts: "reviews", http: to("v1") });

test("ready, version and metrics", async (t) => {
  const { call, apply } = await start(t);
  await apply(YAML + RULE);
  assert.deepEqual(await call("GET", "/ready"), { status: 200, body: "LIVE\n" });
  assert.deepEqual(await call("GET", "/version"), { status: 200, body: { version: "0.1.0" } });
  const { body } = await call("GET", "/metrics");
  assert.match(String(body), /^pilot_services 1$/m);
  assert.match(String(body), /^pilot_virt_services 1$/m);
  assert.match(String(body), /^pilot_total_rejected_configs 0$/m);
});

test("apply answers what was done, and what will not work as a warning with its position", async (t) => {
  const { call } = await start(t);
  const rule = virtualService("reviews", {
    hosts: "reviews",
    http: "[{ route: [{ destination: { host: reviews } }] }]",
    more: "tls: [{ match: [{ sniHosts: [reviews] }], route: [{ destination: { host: reviews } }] }]",
  });
  const { status, body } = await call("POST", "/api/v1/apply", YAML + rule);
  assert.equal(status, 200);
  const { results, diagnostics } = body as {
    results: object[];
    diagnostics: { severity: string; file: string; line: number; message: string }[];
  };
  assert.deepEqual(results, [
    { kind: "Service", namespace: "default", name: "reviews", action: "created" },
    { kind: "DestinationRule", namespace: "default", name: "reviews", action: "created" },
    { kind: "VirtualService", namespace: "default", name: "reviews", action: "created" },
  ]);
  assert.deepEqual(
    diagnostics.map(({ severity, file, line, message }) => `${severity} ${file}:${line} ${message}`),
    [
      `warning (applied):${(YAML + rule).split("\n").findIndex((line) => line.includes("tls:")) + 1} ignored: no port of protocol TLS has reviews.default.svc.cluster.local: sidecars have no such connections to route`,
    ],
  );
});

test("a stream with an error is refused whole, with 422 and every diagnostic", async (t) => {
  const { call, base } = await start(t);
  const { status, body } = await call("POST", "/api/v1/apply", `${YAML}\n---\nkind: VirtualService\n---\na: [`);
  assert.equal(status, 422);
  const { results, diagnostics } = body as { results: unknown[]; diagnostics: { severity: string }[] };
  assert.deepEqual(results, []);
  assert.ok(diagnostics.filter(({ severity }) => severity === "error").length >= 2);
  assert.deepEqual(readdirSync(join(base, "config")), []);
});

test("what cannot be written is told as the system says it, and nothing of the stream is applied", async (t) => {
  const { call, base } = await start(t);
  writeFileSync(join(base, "config", "shop"), "a file where a directory is to be");
  const { status, body } = await call("POST", "/api/v1/apply", YAML + service("cart", "shop"));
  assert.equal(status, 500);
  assert.match((body as { error: string }).error, /^E(EXIST|NOTDIR): /);
  assert.deepEqual(
    readdirSync(join(base, "config"), { recursive: true }).filter((name) => String(name).endsWith(".yaml")),
    [],
  );
});

test("dryRun changes nothing; namespace is for objects that name none", async (t) => {
  const { call } = await start(t);
  const dry = await call("POST", "/api/v1/apply?dryRun=true", configMap("a"));
  assert.deepEqual((dry.body as { results: object[] }).results, [
    { kind: "ConfigMap", namespace: "default", name: "a", action: "created" },
  ]);
  assert.deepEqual((await call("GET", "/api/v1/objects")).body, { items: [] });
  await call("POST", "/api/v1/apply?namespace=shop", configMap("a"));
  const { items } = (await call("GET", "/api/v1/objects?kind=configmap&namespace=shop&name=a")).body as {
    items: unknown[];
  };
  assert.equal(items.length, 1);
});

test("objects come with their source and status, narrowed by kind, namespace and name", async (t) => {
  const { call, apply } = await start(t);
  await apply(YAML + RULE);
  const { items } = (await call("GET", "/api/v1/objects?kind=VirtualService")).body as {
    items: { object: { metadata: { creationTimestamp: string; name: string } }; source: object; status: object[] }[];
  };
  assert.equal(items.length, 1);
  assert.equal(items[0]!.object.metadata.name, "reviews");
  assert.ok(!Number.isNaN(Date.parse(items[0]!.object.metadata.creationTimestamp)));
  assert.deepEqual(items[0]!.source, { file: "default/virtualservice-reviews.yaml", line: 1 });
  assert.deepEqual(items[0]!.status, [
    { type: "InForce", field: "spec.hosts[0]", message: "routes HTTP for reviews.default.svc.cluster.local" },
  ]);
  assert.deepEqual((await call("GET", "/api/v1/objects?namespace=nowhere")).body, { items: [] });
});

test("deleting an object removes it; one that is not there is 404", async (t) => {
  const { call, apply } = await start(t);
  await apply(`${configMap("a")}---\napiVersion: v1\nkind: Namespace\nmetadata: { name: shop }\n`);
  assert.equal((await call("DELETE", "/api/v1/objects/core/ConfigMap/default/a")).status, 200);
  assert.deepEqual(await call("DELETE", "/api/v1/objects/core/ConfigMap/default/a"), {
    status: 404,
    body: { error: "there is no ConfigMap default/a" },
  });
  assert.equal((await call("DELETE", "/api/v1/objects/core/Namespace/default/shop")).status, 200);
  assert.deepEqual((await call("GET", "/api/v1/objects")).body, { items: [] });
});

test("a file that becomes wrong is in the diagnostics until it is right again, and its last good version in force", async (t) => {
  const { call, apply, base } = await start(t);
  await apply(YAML + RULE);
  const file = join(base, "config/default/virtualservice-reviews.yaml");
  const good = readFileSync(file, "utf8");
  writeFileSync(file, "a: [");
  const diagnostics = async () =>
    (await call("GET", "/api/v1/diagnostics")).body as {
      diagnostics: { file: string; line: number }[];
      files: object[];
    };
  await eventually(async () => assert.equal((await diagnostics()).diagnostics.length, 1));
  assert.deepEqual((await diagnostics()).files, [
    { path: "default/virtualservice-reviews.yaml", inForce: "last good version" },
  ]);
  assert.equal(
    ((await call("GET", "/api/v1/objects?kind=VirtualService")).body as { items: unknown[] }).items.length,
    1,
  );
  writeFileSync(file, good);
  await eventually(async () => assert.deepEqual(await diagnostics(), { diagnostics: [], files: [] }));
  rmSync(file);
  await eventually(async () =>
    assert.deepEqual((await call("GET", "/api/v1/objects?kind=VirtualService")).body, { items: [] }),
  );
});

test("proxies with their sync state, registrations with their health, and what a proxy was given", async (t) => {
  const { call, apply, plane } = await start(t);
  await apply(YAML + RULE);
  const tulle = {
    health: "reported",
    inbound: [{ port: 9080, address: "127.0.0.1", bind_port: 1001, app_port: 1002 }],
    outbound: [{ port: 9080, address: "127.0.0.1", bind_port: 1003 }],
  };
  const proxy = new TestClient(
    t,
    plane.xdsAddress,
    "reviews-v1",
    { LABELS: { app: "reviews", version: "v1" }, TULLE: tulle },
    {
      [TYPE.cluster]: "*",
      [TYPE.listener]: "*",
      [TYPE.route]: ["9080"],
      [TYPE.virtualHost]: ["9080/*"],
    },
  );
  const proxies = async () =>
    (await call("GET", "/api/v1/proxies")).body as {
      id: string;
      service: string;
      version: string;
      userAgent: string;
      types: Record<string, { state: string }>;
    }[];
  await eventually(async () => {
    const [one] = await proxies();
    assert.deepEqual(Object.fromEntries(Object.entries(one!.types).map(([type, { state }]) => [type, state])), {
      CDS: "SYNCED",
      LDS: "SYNCED",
      RDS: "SYNCED",
      VHDS: "SYNCED",
    });
  });
  const [one] = await proxies();
  assert.deepEqual([one!.service, one!.version, one!.userAgent], ["reviews", "v1", "tulle"]);

  const workloads = async () =>
    (
      (await call("GET", "/api/v1/workloads")).body as {
        items: { name: string; healthy: boolean; healthMessage: string }[];
      }
    ).items;
  assert.deepEqual(
    (await workloads()).map(({ name, healthy }) => [name, healthy]),
    [["reviews-v1", false]],
  );
  proxy.client.reportHealth(true);
  await eventually(async () => assert.equal((await workloads())[0]!.healthy, true));

  for (const id of [encodeURIComponent(one!.id), "reviews-v1"]) {
    const { status, body } = await call("GET", `/api/v1/proxies/${id}/config_dump`);
    assert.equal(status, 200);
    const { configs } = body as { configs: Record<string, unknown>[] };
    assert.deepEqual(
      configs.map((config) => String(config["@type"]).split(".").at(-1)),
      [
        "ClustersConfigDump",
        "ListenersConfigDump",
        "RoutesConfigDump",
        "EndpointsConfigDump",
        "VirtualHostsConfigDump",
      ],
    );
    assert.match(JSON.stringify(configs), /outbound\|9080\|v1\|reviews/);
  }
  assert.equal((await call("GET", "/api/v1/proxies/nobody/config_dump")).status, 404);
});

test("unknown paths are 404, other methods 405, a body that is no text 400, one too large 413", async (t) => {
  const { call, plane } = await start(t);
  assert.deepEqual(await call("GET", "/api/v2/x"), { status: 404, body: { error: "there is no /api/v2/x" } });
  assert.equal((await call("GET", "/api/v1/apply")).status, 405);
  assert.equal((await call("GET", "/api/v1/proxies/%zz/config_dump")).status, 400);
  const binary = await fetch(`http://${plane.httpAddress}/api/v1/apply`, {
    method: "POST",
    body: new Uint8Array([0xff, 0xfe]),
  });
  assert.equal(binary.status, 400);
  const large = await fetch(`http://${plane.httpAddress}/api/v1/apply`, {
    method: "POST",
    body: new Uint8Array(9 * 1024 * 1024).fill(32),
  });
  assert.equal(large.status, 413);
});

test("a request that breaks off in the middle does no harm", async (t) => {
  const { call, plane } = await start(t);
  const [host, port] = plane.httpAddress.split(":") as [string, string];
  await new Promise<void>((resolve) => {
    const socket = connect(Number(port), host, () => {
      socket.write("POST /api/v1/apply HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nabc", () => {
        socket.destroy();
        resolve();
      });
    });
  });
  assert.equal((await call("GET", "/ready")).status, 200);
});

test("a stream is analyzed together with what is in force, and of others only what it would make worse is told", async (t) => {
  const { call, apply } = await start(t);
  // Its second destination is nowhere: that is so already.
  const existing = virtualService("other", {
    hosts: "other",
    http: "[{ route: [{ destination: { host: reviews, subset: v1 } }] }, { route: [{ destination: { host: nobody } }] }]",
  });
  await apply(YAML + existing);
  const analyze = async (stream: string): Promise<string[]> => {
    const { body } = await call("POST", "/api/v1/analysis?namespace=default", stream);
    const { items } = body as { items: { code: string; kind: string; resource: string; file: string }[] };
    return items.map(({ code, kind, resource, file }) => `${code} ${kind} ${resource} ${file}`);
  };
  // By itself it would name a host and a subset that nobody knows.
  assert.deepEqual(await analyze(RULE), []);
  const without = destinationRule("reviews", "{ host: reviews, subsets: [{ name: v2 }] }");
  const found = await analyze(without);
  assert.ok(
    found.some((each) => each.startsWith("IST0101 VirtualService other ")),
    found.join(),
  );
  assert.ok(!found.join().includes("nobody"));
  const broken = RULE.replace("subset: v1", "subset: v9");
  assert.deepEqual(await analyze(broken), ["IST0101 VirtualService reviews (applied)"]);
  // Nothing was applied.
  assert.deepEqual(await analyze(RULE), []);
});
