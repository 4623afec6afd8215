/** Whatever the mesh, what comes out is something that a proxy can take. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { TYPE } from "@tulle/xds";
import { destinationRule, service, TestMesh, virtualService } from "../support/mesh.ts";

// What is tested must not depend on the day.
fc.configureGlobal({ seed: 20_261_129 });

const name = fc.constantFrom("a", "b", "c", "a-b");
const namespace = fc.constantFrom("default", "a", "b");
const port = fc.constantFrom(80, 8080, 9080);
const host = fc.oneof(
  name,
  fc.tuple(name, namespace).map(([n, ns]) => `${n}.${ns}`),
  fc.tuple(name, namespace).map(([n, ns]) => `${n}.${ns}.svc.cluster.local`),
  fc.constantFrom(
    "x.example",
    '"*.example"',
    '"*.svc.cluster.local"',
    '"*.default.svc.cluster.local"',
    "A.Default.svc.cluster.local",
  ),
);

const aService = fc.tuple(name, namespace, fc.uniqueArray(port, { minLength: 1 })).map(([n, ns, ports]) => ({
  key: `S ${n} ${ns}`,
  yaml: service(n, ns, `[${ports.map((p) => `{ name: http-${p}, port: ${p} }`).join(", ")}]`),
}));
const aRule = fc
  .tuple(
    name,
    namespace,
    host,
    name,
    fc.constantFrom("", "match: [{ uri: { prefix: /x } }], ", "match: [{ port: 80 }], "),
  )
  .map(([n, ns, h, to, match]) => ({
    key: `V ${n} ${ns}`,
    yaml: virtualService(n, {
      hosts: h,
      namespace: ns,
      http: `[{ ${match}route: [{ destination: { host: ${to}, subset: v1 } }] }]`,
    }),
  }));
const aDestinationRule = fc.tuple(name, namespace, name).map(([n, ns, h]) => ({
  key: `D ${n} ${ns}`,
  yaml: destinationRule(n, `{ host: ${h}, subsets: [{ name: v1, labels: { v: x } }] }`, ns),
}));
const anEntry = fc
  .tuple(
    name,
    namespace,
    host.filter((h) => h.includes(".")),
  )
  .map(([n, ns, h]) => ({
    key: `E ${n} ${ns}`,
    yaml: `
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: ${n}, namespace: ${ns} }
spec: { hosts: [${h}], ports: [{ number: 80, name: http, protocol: HTTP }], resolution: STATIC, endpoints: [{ address: 10.0.0.1 }] }`,
  }));

const mesh = fc
  .uniqueArray(fc.oneof(aService, aRule, aDestinationRule, anEntry), {
    selector: ({ key }) => key,
    minLength: 1,
    maxLength: 12,
  })
  .map((objects) => objects.map(({ yaml }) => yaml).join(""));

test("no domain is in two virtual hosts, no virtual host without one, and every destination is one cluster at most", () => {
  fc.assert(
    fc.property(mesh, namespace, (yaml, from) => {
      const proxy = new TestMesh(yaml).proxy({ namespace: from });
      for (const routes of ["http_proxy", "80", "9080"]) {
        const hosts = Object.values(proxy.virtualHosts(routes));
        const domains = hosts.flatMap((one) => one["domains"] as string[]);
        assert.equal(new Set(domains).size, domains.length, routes);
        assert.ok(hosts.every((one) => (one["domains"] as string[]).length > 0));
      }
      const clusters = proxy.names(TYPE.cluster);
      assert.deepEqual(proxy.names(TYPE.endpoints), clusters);
    }),
    { numRuns: 150 },
  );
});

test("the order of objects of different names does not matter", () => {
  const versions = (yaml: string): string[] => {
    const { view } = new TestMesh(yaml).proxy({ agent: "tulle" });
    // Line numbers are part of what a resource says about itself, so names stand for content here.
    return [TYPE.cluster, TYPE.virtualHost].flatMap((type) => [...(view.set(type)?.resources.keys() ?? [])]);
  };
  fc.assert(
    fc.property(fc.array(fc.oneof(aService, aRule), { minLength: 2, maxLength: 6 }), (objects) => {
      const unique = [...new Map(objects.map((object) => [object.key, object.yaml])).values()];
      assert.deepEqual(versions(unique.toReversed().join("")), versions(unique.join("")));
    }),
    { numRuns: 50 },
  );
});
